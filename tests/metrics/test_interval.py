"""Ranges that hold what they say they hold."""

import numpy as np
import pytest
from scipy import stats

from netwright.metrics.interval import bootstrap, wilson
from netwright.metrics.regression import mae, r2


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (5, 5), (1, 2), (37, 40), (500, 1000)])
def test_wilson_is_scipys(hits: int, count: int):
    expected = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-4)
    low, high = wilson(hits, count)
    assert 0 <= low <= hits / count <= high <= 1 and low < high


def test_wilson_holds_the_true_share_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = random.binomial(60, 0.9, 1000)
    held = [wilson(int(h), 60)[0] <= 0.9 <= wilson(int(h), 60)[1] for h in hits]
    assert 0.93 <= np.mean(held) <= 0.98


def test_bootstrap_is_the_normal_range_of_a_mean():
    error = np.random.default_rng(0).normal(size=400) + 5
    low, high = bootstrap(mae, error, np.zeros(400), seed=1, rounds=2000)
    spread = 1.96 * error.std() / 20
    assert (low, high) == pytest.approx((error.mean() - spread, error.mean() + spread), abs=0.02)


def test_bootstrap_is_the_same_for_a_seed_and_wider_for_a_larger_share():
    random = np.random.default_rng(0)
    truth = random.normal(size=50)
    guess = truth + random.normal(size=50)
    first, second, other = (bootstrap(r2, guess, truth, seed=seed) for seed in (1, 1, 2))
    assert first == second != other
    narrow = bootstrap(r2, guess, truth, seed=1, share=0.5)
    assert first[0] < narrow[0] < narrow[1] < first[1]


def test_bootstrap_passes_over_resamples_without_a_figure():
    truth = np.array([0.0, 0.0, 0.0, 1.0])
    low, high = bootstrap(r2, truth * 0.5, truth, seed=0)
    assert np.isfinite([low, high]).all()
    assert np.isnan(bootstrap(r2, truth, np.zeros(4), seed=0)).all()
