"""What a report shows of texts: the words that spoke for an answer and against it, by leaving each out.

The text without a word is answered again, so that what is told is what the network does (Li, Monroe and Jurafsky 2016).

n texts, O outputs.
"""

import math
from collections import Counter

import numpy as np
from torch import nn

from netwright.api.rows import Rows
from netwright.artifact.predictor import forward
from netwright.core.arrays import as_tensor
from netwright.core.forms import TextForm
from netwright.data.text.encode import encode_texts, joined
from netwright.data.text.ngrams import hashes_of, plain
from netwright.evaluate.format import number, percent, shorten
from netwright.evaluate.panels import Panel
from netwright.evaluate.plots.words import Weighed, telling_words, weighed_texts
from netwright.families.text.wide import Wide
from netwright.tasks import Classification, MultiLabel, Regression

SUPERVISED = (Classification, Regression, MultiLabel)
SHOWN = 8
"""Texts that are shown."""
MOST_WORDS, MOST_LETTERS = 60, 40
"""Words of a text, or letters of a single word, that are left out one by one."""
BEHIND, LONGEST = 5_000, 200
"""Letters behind those words, and of one of them, that are asked with: the text is answered again for every word."""
SECTION = "Words"
READ, LETTERS_READ = 5000, 20_000
"""Training texts whose words are looked at, and letters of each."""
FEWEST_TEXTS, OFTENEST = 3, 5000
"""Of these a word must be in so many, and so many words are looked at, the most frequent."""
TOLD, CLASSES = 12, 40
"""Words told of a class, and classes."""
TINY = 1e-6


def word_panels(
    rows: Rows, module: nn.Module, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray, error: np.ndarray
) -> tuple[Panel, ...]:
    """The held-out texts it got most wrong, with what spoke for and against; and the words that tell classes apart."""
    form = rows.schema.form
    if not isinstance(form, TextForm) or not isinstance(rows.task, SUPERVISED):
        return ()
    order = np.argsort(-error, kind="stable")[:SHOWN]
    texts = joined(rows.table.take(held[order]), form.columns)
    weighed = []
    for text, place in zip(texts, order, strict=True):
        output = _output(rows, predictions[place], truth[place])
        above = _said(rows, int(held[place]), predictions[place], truth[place], output)
        weighed.append(_weighed(rows, form, module, int(held[place]), text, output, above))
    caption = (
        "A blue word spoke for the answer, an orange one against it: the answer was asked for again without each word. "
        "The deeper the colour, the more it changed."
    )
    if any(len(asked(text)) < len(" ".join(text.split())) for text in texts):
        caption += f" Long texts were asked with {BEHIND:,} letters behind these words."
    panels = [Panel(section=SECTION, title="Texts it got most wrong", html=weighed_texts(weighed), caption=caption)]
    return (*panels, *_telling(rows, form, module))


def _output(rows: Rows, prediction: np.ndarray, truth: np.ndarray) -> int:
    """The output that is looked at: the class said, the label or number it errs on most."""
    if isinstance(rows.task, Classification):
        return int(prediction.argmax())
    return int(np.abs(np.asarray(prediction) - truth).argmax())


def _said(rows: Rows, row: int, prediction: np.ndarray, truth: np.ndarray, output: int) -> str:
    """What the row is and was taken for, in words."""
    task, where = rows.task, f"Row {int(rows.numbers[row]):,}"
    if isinstance(task, Classification):
        true, said = (shorten(task.classes[int(c)], 40) for c in (truth, output))
        return f"{where}: is {true}, taken for {said} ({percent(float(prediction[output]))})"
    name = shorten(task.targets[output] if output < len(task.targets) else _label(task, output), 40)
    if isinstance(task, MultiLabel):
        there = "there" if truth[output] else "not there"
        return f"{where}: {name} is {there}, its probability was {percent(float(prediction[output]))}"
    return f"{where}: {name} is {number(float(truth[output]))}, {number(float(prediction[output]))} was said"


def _label(task: object, output: int) -> str:
    return str(getattr(task, "labels", ())[output])


def _weighed(rows: Rows, form: TextForm, module: nn.Module, row: int, text: str, output: int, above: str) -> Weighed:
    """The text, cut, and how much less the output is without each piece: in log-odds, or in the number's unit."""
    pieces, joint, rest, more = shortened(text)
    without = [joint.join((*pieces[:i], *pieces[i + 1 :])) + rest for i in range(len(pieces))]
    answers = _answers(rows, form, module, row, [joint.join(pieces) + rest, *without])[:, output]
    weights = answers[0] - answers[1:]
    return Weighed(pieces=tuple(pieces), weights=tuple(weights.tolist()), joint=joint, above=above, more=more)


def asked(text: str) -> str:
    """The text that is answered again without each of its pieces."""
    pieces, joint, rest, _ = shortened(text)
    return joint.join(pieces) + rest


def shortened(text: str) -> tuple[list[str], str, str, int]:
    """The pieces that are left out one by one, what joins them, what of the text is behind them, and how many pieces
    more the text has.
    """
    pieces, joint = cut_up(text)
    most = MOST_WORDS if joint else MOST_LETTERS
    behind = joint.join(pieces[most : most + BEHIND])[:BEHIND]
    shown = [piece[:LONGEST] for piece in pieces[:most]]
    return shown, joint, joint + behind if behind else "", max(0, len(pieces) - most)


def cut_up(text: str) -> tuple[list[str], str]:
    """The pieces of a text and what joins them: words and a space, or letters and nothing where there are few words
    but long ones, as in names and in scripts without spaces.
    """
    words = text.split()
    if len(words) < 3 or (len(text) > 30 * len(words) and len(words) < 8):
        return list(" ".join(words)), ""
    return words, " "


def _answers(rows: Rows, form: TextForm, module: nn.Module, row: int, texts: list[str]) -> np.ndarray:
    """(n, O) log-odds of each class or label, or numbers, for these texts in the place of the row's own."""
    parts, _, _ = encode_texts(form, texts)
    others = (part[np.full(len(texts), row)] for part in rows.encoded.inputs[3:])
    found = forward(module, tuple(map(as_tensor, (*parts, *others))))
    assert isinstance(rows.task, SUPERVISED)
    said = rows.task.predictions(found)
    if rows.task.kind == "regression":
        return said
    bounded = np.clip(said, TINY, 1 - TINY)
    return np.log(bounded) - np.log1p(-bounded)


def _telling(rows: Rows, form: TextForm, module: nn.Module) -> tuple[Panel, ...]:
    """The words, or where texts are single words the pieces of them, that the linear branch weighs most, by class."""
    wide = getattr(module, "wide", None)
    task = rows.task
    if not isinstance(wide, Wide) or not form.grams or not isinstance(task, SUPERVISED):
        return ()
    training = rows.split.training[:: max(1, len(rows.split.training) // READ)]
    texts = [plain(text[:LETTERS_READ]) for text in joined(rows.table.take(training), form.columns)]
    words = sum(map(len, map(str.split, texts))) >= 2 * len(texts)
    counts = Counter(piece for text in texts for piece in (set(text.split()) if words else _pieces(text)))
    often = [piece for piece, count in counts.most_common(OFTENEST) if count >= FEWEST_TEXTS]
    if not often:
        return ()
    hashes, grams = hashes_of(often, whole=words), np.asarray(form.grams, dtype=np.uint32)
    place = np.minimum(np.searchsorted(grams, hashes), len(grams) - 1)
    known = (grams[place] == hashes) & (place + 1 < wide.size)
    weight = (
        wide.weight.detach().cpu().double().numpy()[np.where(known, place + 1, 0)]
        * np.asarray(form.rarity)[place, None]
    )
    weight = np.where(known[:, None], weight, -math.inf)
    if weight.shape[1] > 1:
        weight = weight - np.where(known[:, None], weight, 0).mean(1, keepdims=True)
    html = telling_words([(name, _strongest(often, column)) for name, column in _columns(rows, weight)])
    what = "words" if words else "pieces of words (a dot is where one begins or ends)"
    caption = f"The {what} that speak most for each, the strongest first, as the linear branch of n-grams weighs them."
    return (Panel(section=SECTION, title="What speaks for what", html=html, caption=caption),)


def _pieces(text: str) -> set[str]:
    """Two to four letters in a row, borders of words too."""
    return {text[i : i + n] for n in (2, 3, 4) for i in range(len(text) - n + 1)} - {" "}


def _columns(rows: Rows, weight: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What each column of weights speaks for; a number has two sides."""
    task = rows.task
    if isinstance(task, Classification):
        return list(zip(task.classes, weight.T, strict=True))[:CLASSES]
    if isinstance(task, MultiLabel):
        return [(_label(task, i), column) for i, column in enumerate(weight.T)][:CLASSES]
    down = np.where(np.isfinite(weight), -weight, weight)
    named = zip(task.targets, weight.T, down.T, strict=True)
    return [pair for name, up, low in named for pair in ((f"more {name}", up), (f"less {name}", low))][:CLASSES]


def _strongest(words: list[str], weight: np.ndarray) -> list[str]:
    order = np.argsort(-weight, kind="stable")[:TOLD]
    return [words[i].replace(" ", "·") for i in order if weight[i] > 0]
