import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netwright.data.series.gaps import filled, gap_notices, runs

NAN = np.nan


def fill(*values: float, season: int = 1) -> list[float]:
    return filled(np.asarray(values)[:, None], np.asarray([0, len(values)]), season)[:, 0].tolist()


def test_the_last_value_stands_in_and_for_long_runs_the_last_season():
    assert fill(1, NAN, 3, NAN, NAN) == [1, 1, 3, 3, 3]
    assert fill(1, 2, 3, NAN, NAN, NAN, NAN, 8, season=3) == [1, 2, 3, 1, 2, 3, 1, 8]
    assert fill(1, 2, NAN, NAN, NAN, NAN, season=3) == [1, 2, 2, 2, 2, 2], "no season has gone by yet"


def test_series_do_not_fill_one_another_and_what_is_before_the_first_value_stays_open():
    values = np.asarray([5, NAN, NAN, 7, NAN])[:, None]
    found = filled(values, np.asarray([0, 2, 5]), 1)[:, 0]
    assert found[:2].tolist() == [5, 5] and np.isnan(found[2]) and found[3:].tolist() == [7, 7]


@given(
    arrays(float, 30, elements=st.sampled_from([NAN, 1.0, 2.0, 3.0])),
    st.integers(1, 8),
    st.integers(1, 29),
)
def test_nothing_comes_from_the_future(values: np.ndarray, season: int, until: int):
    whole = fill(*values, season=season)[:until]
    changed = np.where(np.arange(30) < until, values, np.where(np.isnan(values), NAN, 99.0))
    assert np.array_equal(fill(*changed, season=season)[:until], whole, equal_nan=True)


def test_runs():
    assert runs(np.asarray([True, False, True, True])) == [(0, 1), (2, 4)] and runs(np.zeros(3, dtype=bool)) == []


def test_empty_cells_are_told_with_column_row_and_the_longest_run():
    values = np.asarray([[1, NAN], [NAN, NAN], [NAN, 2], [4, 2.0]])
    (a, b) = gap_notices(values, np.asarray([11, 12, 13, 14]), np.asarray([0, 4]), ("a", "b"))
    assert a.column == "a" and "2 empty" in a.what and "row 12" in a.what and "run 2" in a.what and a.fix
    assert "row 11" in b.what
    assert not gap_notices(values, np.zeros(4), np.asarray([0, 4]), ("a", "b")), "steps without a row are told apart"
