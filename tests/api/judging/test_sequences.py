"""Panels of sequences: what is wrong comes first, however sure of the rest it was; every line has a name of its own."""

import re

import numpy as np
import pytest
from torch import nn

from netwright.api.judging.sequences import sequence_panels
from netwright.api.rows import Rows, Sources
from netwright.api.sequences import gather_sequences
from netwright.core.settings import Settings
from netwright.data.sequences.read import read_sequences
from netwright.evaluate.panels import Panel
from netwright.families.rocket.family import FAMILY

COUNT, CHANNELS = 90, 12
TITLE = "no held-out sequence wrong"


def gathered(names: tuple[str, str, str]) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Sequences of many lengths, whose class moves channel 4 alone; those held out, and their classes."""
    random = np.random.default_rng(0)
    parts = [random.normal(0, 0.1, (5 + i % 40, CHANNELS)) for i in range(COUNT)]
    for i, part in enumerate(parts):
        part[:, 3] += i % 3
    source = read_sequences((parts, [names[i % 3] for i in range(COUNT)]))
    rows = gather_sequences(Sources(training=source), Settings(source="table"), FAMILY)
    return rows, rows.split.test, rows.truth(rows.split.test)


def panel(rows: Rows, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray, error: np.ndarray) -> Panel:
    (found,) = sequence_panels(rows, nn.Identity(), held, predictions, truth, error)
    assert "nan" not in found.html and "inf" not in found.html
    return found


def captions(found: Panel) -> list[str]:
    return re.findall("<figcaption>(.*?)</figcaption>", found.html)


def test_all_right_and_one_class_alone():
    rows, held, truth = gathered(("a", "b", "c"))
    sure = np.eye(3)[truth]
    for some in (truth >= 0, truth == 1):
        found = panel(rows, held[some], sure[some], truth[some], np.linspace(1, 0, int(some.sum())))
        assert TITLE in found.title and len(captions(found)) == min(6, some.sum())
        assert f"sequence {rows.numbers[held[some][0]]}" in captions(found)[0]
        assert all("and said so (100 %)" in caption for caption in captions(found))


def test_what_is_wrong_is_found_among_many_that_are_right_and_less_sure():
    rows, held, truth = gathered(("a", "b", "c"))
    predictions = np.full((len(held), 3), 0.3)
    predictions[np.arange(len(held)), truth] = 0.4
    predictions[-1] = 0.02
    predictions[-1, truth[-1]], predictions[-1, (truth[-1] + 1) % 3] = 0.48, 0.5
    assert len(held) > 12
    found = panel(rows, held, predictions, truth, -np.log(predictions[np.arange(len(held)), truth]))
    assert TITLE not in found.title and len(captions(found)) == 1 and "taken for" in captions(found)[0]
    assert "channel 4" in found.html, "the channel that tells the classes apart"


@pytest.mark.parametrize("names", [("sequence", "b", "c"), ("x" * 30 + "a", "x" * 30 + "b", "x" * 30 + "c")])
def test_every_line_is_drawn_whatever_the_classes_are_called(names: tuple[str, str, str]):
    rows, held, truth = gathered(names)
    wrong = np.eye(3)[(truth + 1) % 3]
    found = panel(rows, held, wrong, truth, np.ones(len(held)))
    assert len(captions(found)) == 12
    card = found.html.split("<figure")[1]
    assert card.count("<polyline") >= 6, "three lines, and a sample of each"
    assert len({re.sub("<title>.*?</title>", "", key) for key in re.findall("<text[^>]*>(.*?)</text>", card)}) >= 3
