from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.evaluate.plots.scores import scores

RANDOM = np.random.default_rng(0)


def bars(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return [bar[0].text or "" for bar in root.iter("rect") if len(bar)]


def test_every_row_is_counted():
    picture = scores(RANDOM.exponential(size=900), 3 + RANDOM.exponential(size=30), 2.5)
    told = [line.split(": ")[1].split() for line in bars(picture)]
    assert sum(int(n.replace(",", "")) for n, *_, kind in told if kind == "rows") == 900
    assert sum(int(n) for n, *_, kind in told if kind == "anomalies") == 30
    words = list(ElementTree.fromstring(picture).itertext())
    assert {"alarm above 2.50", "ordinary rows (900)", "anomalies (30)"} <= set(words)
    assert "of 900 ordinary rows" in words[0]


def test_without_labels_there_is_one_kind():
    picture = scores(RANDOM.exponential(size=100), None, 2.5)
    assert "rows (100)" in list(ElementTree.fromstring(picture).itertext())
    assert "anomalies" not in picture


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        ([1.0, 1.0, 1.0], 1.0),
        ([0.0, 1.0, 1e6], 0.0),
        ([0.0, 1.0, 2.0, 1e6], 3.0),
        ([-5.0, 1.0, 1e6], 1e9),
        ([1.0, np.nan, np.inf], np.nan),
        ([0.0, 0.0], 0.0),
    ],
)
def test_scores_of_any_size(values: list[float], threshold: float):
    picture = scores(np.array(values), np.array(values), threshold)
    assert "nan" not in picture.replace("anomalies", "")
    for line in ElementTree.fromstring(picture).iter("line"):
        assert 0 <= float(line.attrib["x1"]) <= 720
    assert bars(picture)


def test_nothing_to_draw():
    assert scores(np.zeros(0), None, 1.0) == scores(np.array([np.nan]), np.zeros(0), 1.0) == ""
