import numpy as np
import pytest

from netwright.metrics import forecasting as figures

TARGET = np.array([[1.0, np.nan], [3.0, 5.0]])
PREDICTION = np.array([[2.0, 9.0], [3.0, 3.0]])


def test_errors_are_of_what_was_observed():
    assert figures.mae(PREDICTION, TARGET) == pytest.approx(1.0)
    assert figures.mse(PREDICTION, TARGET) == pytest.approx(5 / 3)
    assert figures.rmse(PREDICTION, TARGET) == pytest.approx((5 / 3) ** 0.5)
    assert np.isnan(figures.mae(PREDICTION, np.full((2, 2), np.nan)))


def test_mase_is_in_units_of_the_seasonal_naive():
    values = np.array([[1.0], [2.0], [4.0], [np.nan], [6.0]])
    assert figures.seasonal_error(values, 2).tolist() == [2.5]
    assert figures.mase(PREDICTION, TARGET, np.array([2.0, 4.0])) == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert np.isnan(figures.mase(PREDICTION, TARGET, 0.0))
    assert np.isnan(figures.seasonal_error(np.full((3, 1), np.nan), 1)).all()


def test_pinball_at_the_middle_is_the_absolute_error():
    assert figures.pinball(PREDICTION[..., None], TARGET, (0.5,)) == pytest.approx(figures.mae(PREDICTION, TARGET))
    high = np.stack([PREDICTION, PREDICTION + 1], -1)
    assert figures.pinball(high, TARGET, (0.5, 0.9)) == pytest.approx(np.mean([1, 0, 2, 0.4, 0.2, 1.8]))


def test_coverage_counts_the_ends():
    assert figures.coverage(PREDICTION - 1, PREDICTION, TARGET) == pytest.approx(2 / 3)
    assert np.isnan(figures.coverage(PREDICTION, PREDICTION, np.full((2, 2), np.nan)))
