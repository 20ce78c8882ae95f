import numpy as np

from netwright.metrics.forecasting import seasonal_error


def test_errors_of_the_seasonal_naive_are_of_what_was_observed():
    values = np.array([[1.0], [2.0], [4.0], [np.nan], [6.0]])
    assert seasonal_error(values, 2).tolist() == [2.5]
    assert np.isnan(seasonal_error(np.full((3, 1), np.nan), 1)).all()
