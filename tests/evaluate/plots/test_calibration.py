from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.evaluate.plots.calibration import calibration, reliability


def test_honest_probabilities_have_no_error():
    random = np.random.default_rng(0)
    said = random.random(200_000)
    found = reliability(said, random.random(200_000) < said)
    assert found.error < 0.01
    assert found.counts.sum() == 200_000


def test_the_error_by_hand():
    found = reliability(np.array([0.95, 0.95, 0.15, 1.0]), np.array([1, 0, 0, 1]))
    # Three in the last bin said 0.967 on average and came true in 2/3; one in the second said 0.15 and did not.
    assert found.error == pytest.approx((3 * (2.9 / 3 - 2 / 3) + 0.15) / 4)


def test_the_picture_counts_its_rows():
    picture = calibration(np.array([0.95, 0.95, 0.15]), np.array([1, 0, 0]), "probability of '<b>'")
    words = list(ElementTree.fromstring(picture).itertext())
    assert "said 95 %, came true 50 % of 2 times" in words
    assert "probability of '<b>'" in words


def test_nothing_to_draw():
    assert calibration(np.zeros(0), np.zeros(0), "x") == ""
    assert calibration(np.full(4, np.nan), np.ones(4), "x") == ""
    assert np.isnan(reliability(np.zeros(0), np.zeros(0)).error)
