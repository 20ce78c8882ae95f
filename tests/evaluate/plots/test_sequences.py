"""Cards of sequences: whole, escaped, thinned without losing peaks."""

from xml.etree import ElementTree

import numpy as np

from netwright.evaluate.plots.sequences import POINTS, Shown, sequence_cards, thinned


def test_cards_hold_their_lines_and_escape_words():
    lines = {"sequence": np.array([1.0, np.nan, 3.0, 2.0]), "<b>": np.array([1.0, 2.0]), "other": np.full(3, np.nan)}
    html = sequence_cards([Shown(caption="<i>is a & b", channel="<x>", lines=lines)])
    assert html.count("<figure") == 1 and html.count("<polyline") == 3 + 3, "two runs, a whole line, three keys"
    assert "<i>" not in html and "<b>" not in html and "<x>" not in html and "&lt;i&gt;" in html
    assert "nan" not in html.lower()
    assert len(list(ElementTree.fromstring(html).iter("svg"))) == 1


def test_nothing_to_draw():
    assert sequence_cards([]) == ""
    assert sequence_cards([Shown(caption="", channel="x", lines={"sequence": np.full(4, np.nan)})]) == ""
    assert "<svg" in sequence_cards([Shown(caption="", channel="x", lines={"sequence": np.array([2.0])})])


def test_thinning_keeps_the_peaks():
    values = np.zeros(10_000)
    values[[17, 5000, 9999]] = [5, -7, 3]
    values[6000:6500] = np.nan
    steps, kept = thinned(values)
    assert len(steps) <= POINTS and (np.diff(steps) > 0).all() and {5.0, -7.0, 3.0} <= set(kept.tolist())
    assert np.isnan(kept).any()
    assert thinned(values[:20])[1] is not None and len(thinned(values[:20])[0]) == 20
