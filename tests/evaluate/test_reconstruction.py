"""Rows made again, judged by what survives."""

import math

import numpy as np
import pytest
from sklearn.metrics import r2_score

from netwright.evaluate.reconstruction import evaluate_denoising, evaluate_reduction, explained


def test_explained_variance_is_r_squared_over_all_values():
    random = np.random.default_rng(0)
    truth = random.normal(size=(50, 3))
    again = truth + 0.1 * random.normal(size=(50, 3))
    errors, spread = np.square(truth - again).sum(1), np.square(truth - truth.mean(0)).sum(1)
    expected = r2_score(truth, again, multioutput="variance_weighted")
    assert explained(errors, spread) == pytest.approx(expected)
    assert math.isnan(explained(errors, np.zeros(50)))


def test_a_reduction_is_judged_beside_simpler_ones():
    random = np.random.default_rng(0)
    spread = random.random(200) + 1
    found = evaluate_reduction(0.1 * spread, spread, {"PCA": 0.2 * spread}, values=4, seed=0, unit="picture")
    assert found.figures["explained variance"] == pytest.approx(0.9) and found.low <= 0.9 + 1e-9 <= found.high + 1e-8
    assert found.beaten_by == [] and found.unit == "picture"
    assert found.figures["RMSE"] == pytest.approx(math.sqrt(0.1 * spread.mean() / 4))


def test_a_denoising_is_judged_by_its_error():
    errors = np.full(30, 4.0)
    found = evaluate_denoising(errors, {"noise left in": errors * 4, "PCA": errors / 4}, values=1, seed=0, unit="row")
    assert found.figures == {"RMSE": 2.0} and found.beaten_by == ["PCA"]
