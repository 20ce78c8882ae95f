import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.forms import SeriesForm
from netwright.data.series.windows import observed, starts_of, statistics, steps_of, windows, with_unknown
from tests.data.series.tables import days, made_regular, wave


def form_of(series, *, window: int, horizon: int, season: int = 1, training=None, **columns) -> SeriesForm:
    names = {"targets": ("y",)} | columns
    measured = statistics(series, training)
    return SeriesForm(time="d", step="1d", season=season, window=window, horizon=horizon, series=measured, **names)


@settings(max_examples=40)
@given(
    st.lists(st.integers(3, 12), min_size=1, max_size=3),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_windows_are_slices_of_the_steps(lengths: list[int], window: int, horizon: int, gaps: int):
    stamps = [day for length in lengths for day in days(length)]
    ids = [str(i) for i, length in enumerate(lengths) for _ in range(length)]
    values = np.random.default_rng(0).normal(size=len(ids)) + 5
    missing = values.copy()
    missing[1 : 1 + gaps] = np.nan
    series = made_regular({"d": stamps, "id": ids, "y": missing.tolist(), "x": values}, id="id", known="x")
    form = form_of(series, window=window, horizon=horizon, known=("x",))
    steps = steps_of(form, series, ("month",), series.grid.times(series.positions))
    encoded, target = windows(form, steps)
    past, ahead = encoded.inputs
    count = max(0, len(ids) - window - horizon + 1)
    assert past.shape == (count, window, 2) and ahead.shape == (count, window + horizon, 3)
    assert target.shape == (count, horizon, 1)
    for i in range(count):
        assert np.array_equal(past[i], steps.past[i : i + window])
        assert np.array_equal(ahead[i], steps.ahead[i : i + window + horizon])
        assert np.array_equal(target[i], steps.target[i + window : i + window + horizon], equal_nan=True)
    whole = starts_of(form, series)
    assert all(series.series[i] == series.series[i + window + horizon - 1] for i in whole)
    assert len(whole) == sum(max(0, n - window - horizon + 1) for n in lengths)
    seen = observed(form, steps.target, whole)
    assert [bool(np.isfinite(target[i]).any()) for i in whole] == seen.tolist()


def test_windows_cost_no_memory():
    series = made_regular({"d": days(500), "y": wave(500)})
    form = form_of(series, window=100, horizon=50)
    steps = steps_of(form, series, ("month",), series.grid.times(series.positions))
    encoded, target = windows(form, steps)
    for view, base in zip((*encoded.inputs, target), (steps.past, steps.ahead, steps.target), strict=True):
        assert np.shares_memory(view, base) and view.dtype == np.float32


def test_series_are_standardised_by_their_training_part_alone():
    source = {"d": days(20) * 2, "id": ["a"] * 20 + ["b"] * 20, "y": [*np.arange(20.0), *(1000 + 50 * np.arange(20.0))]}
    series = made_regular(source, id="id")
    training = np.tile(np.arange(20) < 10, 2)
    form = form_of(series, window=3, horizon=2, training=training)
    steps = steps_of(form, series, (), series.grid.times(series.positions))
    assert np.allclose(steps.target[:20], steps.target[20:], atol=1e-5)
    assert np.allclose([steps.target[training].mean(), steps.target[:10].std()], [0, 1], atol=1e-6)
    changed = made_regular(source | {"y": [*np.arange(10.0), *[1e9] * 10, *source["y"][20:]]}, id="id")
    assert form_of(changed, window=3, horizon=2, training=training) == form


def test_a_series_that_never_changes_and_one_that_training_did_not_know():
    series = made_regular({"d": days(10) * 2, "id": ["a"] * 10 + ["b"] * 10, "y": [7.0] * 10 + [*range(10)]}, id="id")
    form = form_of(series, window=3, horizon=2)
    assert form.series[0].scale == (1.0,) and form.series[0].center == (7.0,)
    known = form.model_copy(update={"series": form.series[:1]})
    more, unknown = with_unknown(known, series)
    assert unknown == ("b",) and more == form and with_unknown(form, series) == (form, ())


def test_a_gap_is_filled_in_the_past_and_open_in_the_target():
    series = made_regular({"d": days(6), "y": [1.0, 2, None, 4, 5, 6]})
    form = form_of(series, window=2, horizon=1)
    steps = steps_of(form, series, (), series.grid.times(series.positions))
    assert np.isfinite(steps.past).all() and np.isnan(steps.target[2, 0]) and steps.past[2] == steps.past[1]
    early = made_regular({"d": days(6), "y": wave(6), "x": [None, None, 1.0, 2, 3, 4]})
    form = form_of(early, window=2, horizon=1, past=("x",))
    assert (steps_of(form, early, (), early.grid.times(early.positions)).past[:2, 1] == 0).all()
