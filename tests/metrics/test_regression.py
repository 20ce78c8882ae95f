"""Against scikit-learn, one target or several."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from netwright.metrics import regression as ours


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 40), st.integers(0, 4), st.integers(0, 10**6))
def test_figures_are_sklearns(rows: int, targets: int, seed: int):
    random = np.random.default_rng(seed)
    shape = (rows, targets) if targets else (rows,)
    truth = random.normal(size=shape) * 100 + 7
    guess = truth + random.normal(size=shape) * 30
    assert ours.r2(guess, truth) == pytest.approx(theirs.r2_score(truth, guess))
    assert ours.rmse(guess, truth) == pytest.approx(np.sqrt(theirs.mean_squared_error(truth, guess)))
    assert ours.mae(guess, truth) == pytest.approx(theirs.mean_absolute_error(truth, guess))
    if targets < 2:
        assert ours.median_error(guess, truth) == pytest.approx(theirs.median_absolute_error(truth, guess))


def test_no_spread_has_no_r2():
    assert np.isnan(ours.r2(np.array([1.0, 2.0]), np.array([3.0, 3.0])))
    assert ours.r2(np.array([5.0, 5.0]), np.array([4.0, 6.0])) == 0
