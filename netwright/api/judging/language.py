"""Texts: how well the part held out is foretold, what is written, and where the network was surprised.

n tokens of the part held out, L of a window, V different tokens.
"""

import codecs

import numpy as np
import torch
from torch import nn

from netwright.api.judging.judged import Judged, device_of
from netwright.api.rows import Rows
from netwright.artifact.writing import TEMPERATURE, write
from netwright.core.forms import CorpusForm
from netwright.core.settings import Settings
from netwright.data.corpus.windows import text_of, token_bytes, unrolled
from netwright.evaluate.language import evaluate_language
from netwright.evaluate.panels import Panel
from netwright.evaluate.plots.surprise import beside, key, surprise, written
from netwright.evaluate.summary import with_article
from netwright.metrics.ngram import NGrams, best_order, fit_ngrams
from netwright.tasks.language import Language

LEAST, MOST, A_SECOND = 5_000, 200_000, 500
"""Tokens that are judged at most, in stretches spread evenly over the part held out; for each second of a time limit so
many, so that judging takes no more of it than is put by, but never fewer than the least."""
STRETCH = 10_000
"""Tokens of such a stretch."""
FEWEST_COUNTED, COUNTED, COUNTED_A_SECOND = 100_000, 3_000_000, 25_000
"""Tokens that the n-gram model counts at most, the last that train; of a time limit so many for each second."""
TRIED = 600_000
"""Of those, on which it is found out which order is best."""
ORDERS = {"characters": 8, "pieces": 4}
NUMBERS = 2**24
"""Logits made at once at most, more or less."""
SHOWN = 700
"""Characters of the text whose surprises are shown."""
WRITTEN, FEWEST_WRITTEN, WRITTEN_A_SECOND = 800, 200, 10
"""Characters of the sample at most, and at least; of a time limit so many for each second."""
PROMPT = 20, 80
"""Characters a prompt has at least, and at most."""


def judge_language(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """Each token of the part held out is foretold once, from half a window or more before it, where there is so much.

    Beside it an n-gram model of the training part, of the order that foretells the part that validates best, and the
    frequencies of single tokens.
    """
    task, form = rows.task, rows.schema.form
    assert isinstance(task, Language) and isinstance(form, CorpusForm)
    tokens = unrolled(rows.encoded.parts[0], rows.target)
    most = within(settings, LEAST, MOST, A_SECOND)
    parts = stretches(part_of(tokens, rows.split.test, form.window), most, max(STRETCH, 8 * form.window))
    losses = [token_losses(module, task, part, form.window) for part in parts]
    simple = _counted(rows, task, tokens, parts, within(settings, FEWEST_COUNTED, COUNTED, COUNTED_A_SECOND))
    characters = np.asarray([_letters(piece) for piece in token_bytes(form, range(task.tokens))])
    evaluation = evaluate_language(
        np.concatenate(losses),
        np.concatenate([characters[part[1:]] for part in parts]),
        {name: np.concatenate(those) for name, those in simple.items()},
        seed=settings.seed,
    )
    middle = len(parts) // 2
    shown = {"the network": losses[middle]} | {with_article(name): simple[name][middle] for name in list(simple)[:1]}
    written = within(settings, FEWEST_WRITTEN, WRITTEN, WRITTEN_A_SECOND)
    panels = (*_sample(module, form, parts[0], settings.seed, written), *_surprises(form, parts[middle], shown))
    return Judged(evaluation=evaluation, panels=panels)


def within(settings: Settings, least: int, most: int, a_second: float) -> int:
    """How many of something there is time for: the most where no one limits it."""
    return max(least, min(most, round(a_second * settings.time_limit))) if settings.time_limit else most


def token_losses(module: nn.Module, task: Language, tokens: np.ndarray, window: int) -> np.ndarray:
    """(n − 1,) the log loss, in nats, of each of the tokens (n,) but the first, n > L; the module in eval mode.

    Windows begin half a window apart, and only what the one before did not foretell is taken from each.
    """
    stride = max(1, window // 2)
    last = len(tokens) - 1 - window
    starts = np.append(np.arange(0, last, stride), last)
    at_once = max(1, min(64, NUMBERS // (window * max(512, task.tokens))))
    device, places = device_of(module), np.arange(window)
    found = np.empty(len(tokens) - 1)
    known = 0
    module.eval()
    for first in range(0, len(starts), at_once):
        some = starts[first : first + at_once]
        fed = torch.from_numpy(tokens[some[:, None] + places]).to(device)
        wanted = torch.from_numpy(tokens[some[:, None] + places + 1]).to(device)
        with torch.inference_mode():
            each = task.losses(module(fed).float().flatten(0, 1)[:, None], wanted.flatten()[:, None])
        for start, own in zip(some.tolist(), each.view(len(some), window).cpu().numpy(), strict=True):
            found[known : start + window] = own[known - start :]
            known = start + window
    return found


def part_of(tokens: np.ndarray, starts: np.ndarray, window: int) -> np.ndarray:
    """The tokens that windows with these starts cover, with the one behind the last; none for no starts."""
    return tokens[starts[0] : starts[-1] + window + 1] if len(starts) else tokens[:0]


def stretches(tokens: np.ndarray, most: int, size: int) -> list[np.ndarray]:
    """The tokens (n,) whole, or where they are more than `most` so many in stretches of a size, spread evenly."""
    if len(tokens) <= max(most, size):
        return [tokens]
    count = max(1, most // size)
    starts = np.linspace(0, len(tokens) - size, count).astype(np.int64)
    return [tokens[start : start + size] for start in starts]


def _counted(
    rows: Rows, task: Language, tokens: np.ndarray, parts: list[np.ndarray], most: int
) -> dict[str, list[np.ndarray]]:
    """By name the losses of each part's tokens but the first; none where no text is there to count `most` tokens in."""
    form, split = rows.schema.form, rows.split
    assert isinstance(form, CorpusForm)
    training = part_of(tokens, split.training, form.window)[-most:].astype(np.int64)
    if not len(training):
        return {}
    order = ORDERS[task.level]
    if split.folds:  # it tells the order, and then counts like the rest
        validation = part_of(tokens, split.folds[0], form.window)[:most].astype(np.int64)
        order = best_order(fit_ngrams(training[-TRIED:], task.tokens, order), validation[:TRIED])
        training = np.concatenate([validation, training])
    model = fit_ngrams(training, task.tokens, order)
    order = len(model.orders)
    losses = [_after_first(model, part) for part in parts]
    simple = {task.constant_title: [own[0] for own in losses]}
    return ({f"{order}-gram model": [own[order - 1] for own in losses]} | simple) if order > 1 else simple


def _after_first(model: NGrams, tokens: np.ndarray) -> np.ndarray:
    return model.losses(tokens.astype(np.int64))[:, 1:]


def _letters(data: bytes) -> int:
    """Characters that begin in these bytes of UTF-8."""
    return sum(byte & 0xC0 != 0x80 for byte in data)


def _sample(module: nn.Module, form: CorpusForm, tokens: np.ndarray, seed: int, length: int) -> tuple[Panel, ...]:
    prompt = prompt_in(text_of(tokens[:4096], form))
    text = "".join(write(module, form, prompt, length=length, temperature=TEMPERATURE, seed=seed))
    caption = f"The words in bold are from the part held out; the network wrote the rest, at temperature {TEMPERATURE}."
    return (Panel(section="What it writes", title="A sample", html=written(prompt, text), caption=caption),)


def prompt_in(text: str) -> str:
    """A line from the beginning of a text, or of a paragraph in it, to begin writing with."""
    least, most = PROMPT
    start = text.find("\n\n") + 2
    start = start if 2 <= start < len(text) - most else 0
    end = text.find("\n", start + least, start + most)
    space = text.rfind(" ", start + least, start + most)
    return text[start : end + 1 if end > 0 else space if space > 0 else start + most]


def _surprises(form: CorpusForm, tokens: np.ndarray, losses: dict[str, np.ndarray]) -> tuple[Panel, ...]:
    """A stretch from the middle of these tokens (n,); `losses` (n − 1,) by who foretold them."""
    start = max(0, len(tokens) // 2 - form.window)
    shown = tokens[start + 1 : start + 1 + max(1, round(SHOWN / form.per_token))]
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # a character is shown where its last byte comes
    words = [decoder.decode(piece) for piece in token_bytes(form, shown.tolist())]
    figures = [
        surprise(words, own[start : start + len(shown)].tolist(), title=f"foretold by {name}")
        for name, own in losses.items()
    ]
    caption = "From the part held out: the darker the ground, the less a character was foretold from those before it."
    html = key() + (beside(figures) if len(figures) > 1 else "".join(figures))
    return (Panel(section="Where it is surprised", title="", html=html, caption=caption),)
