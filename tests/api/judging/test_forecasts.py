import math
from time import perf_counter

import numpy as np
import pytest

from netwright.api.judging.forecasts import evenly, judge_forecasts
from netwright.api.judging.places import Places
from netwright.api.judging.tally import Tally
from netwright.api.series import series_rows
from netwright.core.settings import Settings
from netwright.metrics.forecasting import seasonal_error
from netwright.tasks import Forecasting
from tests.api.series import Blended, LastSeason, gathered, predictor_of, shop_table
from tests.data.series.tables import days, hours, wave

SETTINGS = Settings(source="table")


def made(**settings: object):
    values = wave(200)
    values[[150, 190]] = np.nan
    return gathered({"day": days(200), "y": values}, **settings)


def by_hand(rows, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts and truth (n, H) in their unit, window by window."""
    form, values = rows.schema.form, rows.table["y"].to_numpy()
    known, truth = [], []
    past = np.where(np.isnan(values), np.roll(values, 1), values)
    for window in rows.split.test:
        begin = window + form.window
        known.append(past[begin - 7 + np.arange(form.horizon) % 7] + shift * form.series[0].scale[0])
        truth.append(values[begin : begin + form.horizon])
    return np.asarray(known), np.asarray(truth)


def test_figures_are_those_of_all_windows():
    rows = made(horizon=10)
    found = judge_forecasts(rows, LastSeason(10, 7, shift=0.3), SETTINGS).evaluation
    known, truth = by_hand(rows, 0.3)
    assert found.rows == len(rows.split.test) and found.unit == "window" and found.main == "mean absolute error"
    there = ~np.isnan(truth)
    error = (truth - known)[there]
    assert np.isclose(found.figures["mean absolute error"], np.abs(error).mean(), rtol=1e-4)
    assert np.isclose(found.figures["RMSE"], np.sqrt(np.square(error).mean()), rtol=1e-4)
    half = 0.5 * rows.schema.form.series[0].scale[0]
    assert np.isclose(found.figures["interval coverage"], (np.abs(error) <= half).mean())
    levels = ((0.1, error + half), (0.5, error), (0.9, error - half))
    pinball = np.mean([2 * np.maximum(q * e, (q - 1) * e) for q, e in levels])
    assert np.isclose(found.figures["pinball loss"], pinball, rtol=1e-4)
    trained = rows.table["y"].to_numpy()[: rows.split.training.max() + rows.schema.form.window + 10]
    scale = seasonal_error(trained[:, None], 7)[0]
    assert np.isclose(found.figures["MASE"], np.abs(error).mean() / scale, rtol=1e-4)


def test_simple_things_stand_beside_it():
    rows = made()
    plain, _ = by_hand(rows, 0.0)
    _, truth = by_hand(rows, 0.0)
    found = judge_forecasts(rows, LastSeason(7, 7, shift=3.0), SETTINGS).evaluation
    assert list(found.baselines) == found.beaten_by == ["last value", "seasonal naive", "linear map"]
    naive = found.baselines["seasonal naive"]
    assert np.isclose(naive["mean absolute error"], np.nanmean(np.abs(plain - truth)), rtol=1e-4)
    assert math.isnan(naive["interval coverage"]) and math.isnan(naive["pinball loss"])
    same = judge_forecasts(rows, LastSeason(7, 7), SETTINGS).evaluation
    assert "seasonal naive" in same.beaten_by, "as good as what is simpler is not better"


def test_the_parts_of_a_blend_are_judged_too():
    found = judge_forecasts(made(), Blended(7, 7), SETTINGS)
    assert list(found.evaluation.baselines) == ["last value", "seasonal naive", "network alone"]
    assert [panel.title for panel in found.panels][-1] == "What the forecast is made of"


def test_windows_do_not_depend_on_how_many_are_judged_at_once(monkeypatch: pytest.MonkeyPatch):
    rows = gathered(shop_table(), known="holiday")
    whole = judge_forecasts(rows, Blended(7, 7), SETTINGS).evaluation
    monkeypatch.setattr("netwright.api.judging.forecasts.ROOM", 1000)
    few = judge_forecasts(rows, Blended(7, 7), SETTINGS).evaluation
    for name, value in whole.figures.items():
        assert np.isclose(few.figures[name], value, rtol=1e-6, equal_nan=True)
    assert np.allclose([few.low, few.high], [whole.low, whole.high], rtol=1e-6)


def test_a_range_needs_several_stretches_of_time():
    wide = judge_forecasts(made(horizon=2), LastSeason(2, 7), SETTINGS).evaluation
    assert wide.low < wide.figures["mean absolute error"] < wide.high
    few = judge_forecasts(made(horizon=15), LastSeason(15, 7), SETTINGS).evaluation
    assert math.isnan(few.low) and math.isfinite(few.figures["mean absolute error"])


def test_several_targets_are_compared_in_their_own_spread():
    source = {"day": days(150), "a": wave(150), "b": 1000 * wave(150, seed=1)}
    rows = gathered(source, target="a,b")
    found = judge_forecasts(rows, LastSeason(7, 7, 2), SETTINGS)
    assert found.evaluation.main == "scaled error" and "scaled error" in found.worst[0]
    assert found.evaluation.figures["scaled error"] < 0.2 < found.evaluation.figures["mean absolute error"]
    assert any(panel.title.endswith(": b") for panel in found.panels)


def test_the_panels_show_the_last_a_typical_and_the_worst():
    found = judge_forecasts(gathered(shop_table(120, ("a", "b", "c", "d"))), LastSeason(7, 7), SETTINGS)
    titles = [panel.title for panel in found.panels]
    assert titles[0].startswith("The last forecast of 'd', from 2024-04-2")
    assert any(title.startswith("A typical") for title in titles) and any(t.startswith("The worst") for t in titles)
    assert sum("forecast" in title for title in titles) >= 3 and titles[-1] == "Error by step of the horizon"
    assert all(panel.html.startswith("<svg") and panel.caption for panel in found.panels)
    error = [one["mean absolute error"] for one in found.worst]
    assert error == sorted(error, reverse=True) and {"row", "foretold from", "shop"} <= found.worst[0].keys()


def test_new_data_is_judged_without_training_steps():
    rows = made()
    more = series_rows(predictor_of(rows), {"day": days(60, "2025-01-01"), "y": wave(60)})
    found = judge_forecasts(more, LastSeason(7, 7), SETTINGS).evaluation
    assert "MASE" not in found.figures and found.figures["mean absolute error"] < 2


def test_hours_of_a_zone_and_rows_without_time():
    stamps = [hour.replace(" ", "T") + ":00+02:00" for hour in hours(240)]
    rows = gathered({"when": stamps, "y": wave(240, 24)})
    found = judge_forecasts(rows, LastSeason(7, 24), SETTINGS)
    assert found.panels[0].title == "The last forecast, from 2024-01-10 17:00 on"
    rows = gathered({"y": wave(240)}, season=7)
    assert "from step" in judge_forecasts(rows, LastSeason(7, 7), SETTINGS).panels[0].title


def test_blocks_are_horizons_of_one_series():
    rows = gathered(shop_table(), horizon=5)
    places, held = Places(rows), rows.split.test
    blocks = places.blocks(held)
    assert len(np.unique(blocks)) == 2 * math.ceil(len(held) / 2 / 5)
    assert all(len(np.unique(places.series[held][blocks == one])) == 1 for one in np.unique(blocks))


def test_a_window_without_a_value_has_no_error():
    rows = made()
    assert isinstance(rows.task, Forecasting)
    tally = Tally(2, rows.task, None)
    truth = np.full((2, 7, 1), np.nan)
    truth[0] = 1.0
    tally.add(0, np.zeros((2, 7, 1, 3)), truth, np.ones((2, 1)), np.zeros(2, dtype=int), banded=True)
    assert np.array_equal(tally.window_errors(), [1.0, np.nan], equal_nan=True)
    assert tally.figures()["mean absolute error"] == 1.0 and (tally.step_errors() == 1).all()


def test_of_very_many_windows_some_are_judged_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    rows = made()
    monkeypatch.setattr("netwright.api.judging.forecasts.MOST", 10)
    monkeypatch.setattr("netwright.api.judging.forecasts.FEWEST", 5)
    found = judge_forecasts(rows, LastSeason(7, 7), SETTINGS)
    assert found.evaluation.rows == 10
    assert f"10 of the {len(rows.split.test)} windows held out, spread evenly" in found.panels[-1].caption
    assert evenly(np.arange(100), 4).tolist() == [0, 33, 66, 99]


def test_judging_keeps_to_the_time(monkeypatch: pytest.MonkeyPatch):
    ticks = iter([0.0, 64.0])  # a second for each window
    monkeypatch.setattr("netwright.api.judging.forecasts.monotonic", lambda: next(ticks))
    monkeypatch.setattr("netwright.api.judging.forecasts.PILOT", 8)
    found = judge_forecasts(made(), LastSeason(7, 7), SETTINGS.model_copy(update={"time_limit": 1000.0}))
    assert found.evaluation.rows == 100 * 8 // 64


def test_the_naive_error_of_thousands_of_series_takes_no_time():
    count = 3000
    source = {
        "day": days(40) * count,
        "shop": np.repeat(np.arange(count), 40),
        "y": np.tile(wave(40), count),
    }
    rows = gathered(source, id="shop", horizon=2, window=7, season=7)
    start = perf_counter()
    places = Places(rows)
    assert perf_counter() - start < 2 and np.isfinite(places.naive_error).all()
    assert np.allclose(places.naive_error, places.naive_error[0])
