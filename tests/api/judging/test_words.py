from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from netwright.api.judging import words as module
from netwright.api.judging.words import asked, cut_up, shortened, word_panels
from netwright.core.arrays import as_tensor
from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.schema import Schema, TextColumn
from netwright.data.encode import parts_encoded
from netwright.data.table import series_of, table_of
from netwright.data.text.encode import encode_text
from netwright.data.text.encode import encode_texts as encode
from netwright.data.text.form import fit_text
from netwright.families.text.family import FAMILIES
from netwright.tasks import Classification, MultiLabel, Regression

LINEAR = FAMILIES[-1]
STRING, NUMBER = CellType(kind="string"), CellType(kind="number")
ROWS = 60


def rows_of(texts: list[str], signal: np.ndarray, kind: str = "classification"):
    """As much of `Rows` as is looked at, a fitted linear module, and its answers."""
    table = table_of([series_of("t", texts)], "t.csv")
    form, _ = fit_text(texts, ("t",))
    parts, lengths, _ = encode_text(form, table)
    none = np.zeros((len(texts), 0), np.float32)
    encoded = parts_encoded(*parts, none, none.astype(np.int64), lengths=(*lengths, None, None))
    every = np.arange(len(texts))
    if kind == "classification":
        values = {"y": np.where(signal > 0, "good", "<bad>")}
        task = Classification.fit(values, {"y": STRING}, every)
    elif kind == "regression":
        values = {"y": signal.astype(float)}
        task = Regression.fit(values, {"y": NUMBER}, every)
    else:
        values = {"y": signal > 0, "z": signal < 0}
        task = MultiLabel.fit(values, dict.fromkeys(values, STRING), every)
    schema = Schema(columns=(TextColumn(name="t", cell=STRING, why=""),), form=form)
    target = task.encode(values)
    config = LINEAR.config(penalty=0.1, grams=len(form.grams))
    net = LINEAR.build(config, schema, task, nn)
    batch = Batch(
        inputs=tuple(map(as_tensor, encoded.inputs)),
        target=torch.from_numpy(target),
        fold=torch.zeros(len(texts)).long(),
    )
    LINEAR.prepare(
        net,
        config,
        task,
        Batch(inputs=batch.inputs, target=batch.target, fold=batch.fold - 1),
        batch,
    )
    split = SimpleNamespace(training=every, test=every)
    rows = SimpleNamespace(
        schema=schema, task=task, table=table, numbers=every + 1, split=split, encoded=encoded, target=target
    )
    predictions, truth = task.predictions(net(*batch.inputs)), task.truth(values)
    return rows, net, predictions, truth


def texts_of(count: int = ROWS) -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(0)
    signal = random.choice([-1, 1], count)
    filler = [" ".join(random.choice(["film", "plot", "actor", "scene"], 5)) for _ in range(count)]
    return [f"{text} {'lovely' if s > 0 else 'dull'} end" for text, s in zip(filler, signal, strict=True)], signal


@pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
def test_the_word_that_matters_is_the_deepest(kind: str):
    rows, net, predictions, truth = rows_of(*texts_of(), kind)
    error = np.zeros(ROWS)
    error[[3, 7]] = 1
    worst, telling = word_panels(rows, net, np.arange(ROWS), predictions, truth, error)
    assert worst.html.count('dir="auto"') == module.SHOWN
    assert worst.html.count("60%") == module.SHOWN, "the strongest word of each text"
    strongest = worst.html.split("60%")[1].split(">")[1]
    assert strongest.startswith(("lovely", "dull"))
    assert "lovely" in telling.html and "dull" in telling.html and "<bad>" not in worst.html + telling.html


def test_names_are_cut_into_letters():
    names = [f"{a}{b}" for a in ("ab", "el", "or", "im") for b in ("ski", "son") for _ in range(8)]
    signal = np.array([1 if name.endswith("ski") else -1 for name in names])
    rows, net, predictions, truth = rows_of(names, signal)
    worst, telling = word_panels(rows, net, np.arange(len(names)), predictions, truth, np.ones(len(names)))
    assert "<mark" in worst.html and "ki·" in telling.html


def test_long_and_empty_texts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_WORDS", 5)
    texts, signal = texts_of()
    texts[0], texts[1] = "", "   "
    rows, net, predictions, truth = rows_of(texts, signal)
    error = -np.arange(ROWS, dtype=float)
    worst, _ = word_panels(rows, net, np.arange(ROWS), predictions, truth, error)
    assert worst.html.count("2 more words") == module.SHOWN - 2


def test_a_very_long_text_is_shortened(monkeypatch: pytest.MonkeyPatch):
    asked_for: list[int] = []
    monkeypatch.setattr(
        module, "encode_texts", lambda form, texts: asked_for.extend(map(len, texts)) or encode(form, texts)
    )
    texts, signal = texts_of()
    rows, net, predictions, truth = rows_of(texts, signal)
    error = -np.arange(ROWS, dtype=float)
    short, _ = word_panels(rows, net, np.arange(ROWS), predictions, truth, error)
    assert "Long texts" not in str(short.caption)
    texts[0], texts[1] = "lovely film " * 50_000, f"{'x' * 100_000} film plot scene actor end of it all {'y' * 100_000}"
    rows.table = table_of([series_of("t", texts)], "t.csv")
    worst, _ = word_panels(rows, net, np.arange(ROWS), predictions, truth, error)
    assert "99,940 more words" in worst.html and "Long texts were asked with 5,000 letters" in str(worst.caption)
    assert max(asked_for) < 60 * 13 + 5_000


@pytest.mark.parametrize("text", ["", "one", "one two three", "a b " * 40, "天地人" * 10])
def test_a_text_that_is_not_long_is_whole(text: str):
    assert asked(text) == " ".join(text.split())
    pieces, joint, _, more = shortened(text)
    assert len(pieces) + more == len(cut_up(text)[0]) and joint == cut_up(text)[1]


def test_pieces():
    assert cut_up("one two  three") == (["one", "two", "three"], " ")
    assert cut_up("Müller") == (list("Müller"), "")
    assert cut_up("天地人山水火木金土日月" * 4)[1] == ""
    assert cut_up(" ") == ([], "")
