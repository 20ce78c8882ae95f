from xml.etree import ElementTree

import pytest

from netwright.evaluate.plots.axes import Scale, label, log_ticks, nice_ticks, svg, tick_label, widen


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 17.9), (1e-9, 4e-9), (12_345, 9_876_543), (-1e150, 1e150)])
def test_ticks_are_few_round_and_inside(low: float, high: float):
    ticks = nice_ticks(low, high)
    assert 3 <= len(ticks) <= 11
    assert all(low - 1e-9 * abs(low) <= t <= high + 1e-9 * abs(high) for t in ticks)
    labels = [words for _, words in Scale(low, high, 0, 100).ticks()]
    assert len(set(labels)) == len(labels)


def test_ticks_of_an_empty_or_endless_range():
    assert nice_ticks(5, 5) == [5]
    assert nice_ticks(0, float("inf")) == [0]


def test_logarithmic_ticks():
    assert log_ticks(0.9, 12_000) == [1, 10, 100, 1000, 10_000]
    assert log_ticks(0.05, 3) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [(0.25, 0.25, "0.25"), (0.5, 0.25, "0.50"), (20_000, 5000, "20,000"), (-2, 1, "−2"), (3e7, 1e7, "3e+07")],
)
def test_tick_labels(value: float, step: float, text: str):
    assert tick_label(value, step) == text


def test_scales_map_ends_to_ends():
    even, log = Scale(0, 10, 100, 200), Scale(1, 100, 0, 10, log=True)
    assert (even(0), even(5), even(10)) == (100, 150, 200)
    assert (log(1), log(10), log(100)) == (0, 5, 10)
    low, high = widen(3, 3)
    assert low < 3 < high


def test_text_is_escaped_and_cut():
    words = label(0, 0, "<b>&" + "x" * 100, width=20)
    text = ElementTree.fromstring(words)
    assert text[0].text == "<b>&" + "x" * 100
    assert len(text[0].tail) == 20
    ElementTree.fromstring(svg(10, 10, "\"<>&'\x00", [words]))
