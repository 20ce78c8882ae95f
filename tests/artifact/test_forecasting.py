import numpy as np
import pytest

from netwright.artifact.forecasting import forecast
from netwright.core.errors import InputError
from netwright.data.sources.read import read
from tests.api.series import gathered, predictor_of, shop_table
from tests.data.series.tables import days, hours, told, wave


def foretold(rows, source, **columns):
    table, notices = forecast(predictor_of(rows), read(source))
    return {name: table[name].to_list() for name in table.columns}, told(notices)


def test_a_forecast_goes_on_from_the_end_of_the_data():
    values = np.tile([1.0, 2, 3, 4, 5, 6, 7], 20)
    rows = gathered({"day": days(140), "y": values})
    found, notices = foretold(rows, {"day": days(33, "2025-02-01"), "y": values[:33]})
    assert found["day"] == days(7, "2025-03-06") and list(found) == [
        "day",
        "prediction",
        "quantile_0.1",
        "quantile_0.9",
    ]
    assert np.allclose(found["prediction"], np.tile(np.arange(1.0, 8), 2)[5:12]) and not notices
    assert np.all(np.asarray(found["quantile_0.1"]) < found["prediction"])
    assert np.allclose(predictor_of(rows).predict({"day": days(33), "y": values[:33]}), found["prediction"])


def test_each_series_goes_on_from_its_own_end():
    rows = gathered(shop_table())
    a, b = shop_table(60, ("b",)), shop_table(50, ("a",))
    found, _ = foretold(rows, {name: a[name] + b[name] for name in a})
    assert found["shop"] == ["b"] * 7 + ["a"] * 7
    assert found["day"] == days(7, "2024-03-01") + days(7, "2024-02-20")


def test_several_targets_and_a_name_that_is_taken():
    source = {"prediction": days(100), "a": wave(100), "b": wave(100)}
    rows = gathered(source, target="a,b", time="prediction")
    found, _ = foretold(rows, source)
    names = ["prediction_a", "quantile_0.1_a", "quantile_0.9_a", "prediction_b", "quantile_0.1_b", "quantile_0.9_b"]
    assert list(found) == ["prediction", *names]
    one = {"prediction": days(100), "y": wave(100)}
    assert "prediction_" in foretold(gathered(one), one)[0]


def test_future_rows_say_what_is_known_in_advance():
    source = shop_table(120, ("a",)) | {"holiday": [i % 5 for i in range(120)]}
    rows = gathered(source, known="holiday")
    future = source | {"y": [*source["y"][:113], *[None] * 7], "visitors": [*source["visitors"][:113], *[None] * 7]}
    found, notices = foretold(rows, future)
    assert found["day"] == days(7, days(120)[113]) and not notices
    found, notices = foretold(rows, source)
    assert "7 of the 7 steps to come lack values of holiday (first: 2024-04-30)" in notices and "left empty" in notices
    part = {name: values[:116] for name, values in future.items()}
    assert "4 of the 7" in foretold(rows, part)[1]


def test_the_network_sees_what_is_known_in_advance():
    source = shop_table(120, ("a",)) | {"holiday": [i % 5 for i in range(120)]}
    rows = gathered(source, known="holiday")
    seen = {}
    predictor = predictor_of(rows)
    predictor.module.register_forward_hook(lambda module, inputs, outputs: seen.update(ahead=inputs[1]))
    future = source | {"y": [*source["y"][:113], *[None] * 7]}
    forecast(predictor, read(future))
    one = rows.schema.form.series[0]
    wanted = (np.asarray(source["holiday"][113:]) - one.center[2]) / one.scale[2]
    assert np.allclose(seen["ahead"][0, -7:, 0], wanted / np.sqrt(1 + (wanted / 3) ** 2), atol=1e-5)


def test_a_last_row_without_a_target_is_foretold():
    source = {"day": days(100), "y": [*wave(98), None, None]}
    found, notices = foretold(gathered({"day": days(100), "y": wave(100)}), source)
    assert found["day"] == days(7, days(100)[98]) and "begins with them" in notices


def test_a_new_series_and_a_short_one():
    rows = gathered(shop_table())
    window = rows.schema.form.window
    source = {name: shop_table(60, ("c",))[name] + shop_table(window - 3, ("a",))[name] for name in shop_table()}
    found, notices = foretold(rows, source)
    assert "'c'" in notices and "did not know" in notices and "first season is repeated" in notices
    assert np.allclose(np.mean(found["prediction"][:7]), np.mean(source["y"][53:60]), rtol=0.05), "in its own unit"
    tiny = {name: shop_table(60, ("a",))[name] + shop_table(4, ("b",))[name] for name in shop_table()}
    found, notices = foretold(rows, tiny)
    assert set(found["shop"]) == {"a"} and "'b'" in notices and "left out" in notices
    with pytest.raises(InputError, match="too short"):
        foretold(rows, shop_table(4))


def test_a_short_history_is_led_by_its_first_season():
    values = np.tile([1.0, 2, 3, 4, 5, 6, 7], 20)
    rows = gathered({"day": days(140), "y": values}, window=28)
    seen = {}
    predictor = predictor_of(rows)
    predictor.module.register_forward_hook(lambda module, inputs, outputs: seen.update(past=inputs[0]))
    forecast(predictor, read({"day": days(10), "y": values[:10]}))
    one = rows.schema.form.series[0]
    in_unit = seen["past"][0, :, 0] * one.scale[0] + one.center[0]
    assert np.allclose(in_unit, values[(np.arange(28) - 18) % 7], atol=1e-4)


def test_gaps_before_the_end_are_told():
    rows = gathered({"day": days(100), "y": wave(100)})
    values = wave(100)
    values[50] = np.nan
    assert "1 empty" in foretold(rows, {"day": days(100), "y": values})[1]


def test_time_stamps_of_another_zone_and_rows_without_time():
    rows = gathered({"when": hours(300), "y": wave(300, 24)})
    other = [hour.replace(" ", "T") + ":00+02:00" for hour in hours(100)]
    found, notices = foretold(rows, {"when": other, "y": wave(100, 24)})
    assert found["when"][0] == "2024-01-05T04:00:00+02:00" and "of training of none" in notices
    rows = gathered({"y": wave(100)}, season=7)
    assert foretold(rows, {"y": wave(60)})[0]["step"] == list(range(1, 8))


def test_a_column_that_is_missing():
    with pytest.raises(InputError, match="lacks 1 of the columns"):
        foretold(gathered(shop_table()), {"day": days(30), "shop": ["a"] * 30, "y": wave(30), "holiday": [0] * 30})


def test_the_step_is_that_of_training():
    every = np.arange("2023-01-02", "2024-01-01", dtype="datetime64[D]")
    business = every[np.is_busday(every)].astype(str).tolist()
    rows = gathered({"day": business, "y": wave(len(business), 5)}, horizon=7, season=5, window=5)
    found, notices = foretold(rows, {"day": business[:10], "y": wave(10, 5)})
    assert found["day"] == business[10:17] and not notices
    one, _ = foretold(gathered({"day": days(90), "y": wave(90)}, window=1, season=1), {"day": days(1), "y": [3.0]})
    assert one["day"] == days(8)[1:], "one row is enough where the step is known"
    weeks = foretold(rows, {"day": days(200)[::7], "y": wave(29)})[1]
    assert "1w apart, those of training 1b" in weeks and "without a row are filled" in weeks
