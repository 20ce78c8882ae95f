import numpy as np
import pytest

import netwright as nw
from netwright.api.series import series_rows
from netwright.core.errors import InputError
from netwright.core.schema import LeftOutColumn, Schema, TimeColumn
from tests.api.series import gathered, predictor_of, shop_table
from tests.data.series.tables import days, told, wave


def test_series_become_windows_split_by_time():
    rows = gathered(shop_table(), known="holiday")
    form, split = rows.schema.form, rows.split
    assert (form.id, form.past, form.known, form.step, form.season) == ("shop", ("visitors",), ("holiday",), "1d", 7)
    assert rows.task.kind == "forecasting" and rows.task.horizon == 7 and rows.task.step == "1d"
    assert rows.encoded.inputs[0].shape[1:] == (form.window, 3)
    assert rows.encoded.inputs[1].shape[1:] == (form.window + 7, 1 + 2)
    place = np.arange(rows.table.rows) % 120
    first, last = place[form.window :], place[form.window + 6 :]
    assert first[split.test].min() == 96 and last[split.folds[0]].max() == 95 and len(split.test) == 2 * 18
    assert last[split.training].max() + 1 == first[split.folds[0]].min() == 120 - 24 - 14
    every = np.concatenate([split.training, *split.folds, split.test])
    assert len(np.unique(every)) == len(every)
    assert "by time alone: the last 24 steps, from 2024-04-06 on" in rows.split_words
    assert rows.numbers[split.test[0]] == 97 and np.isfinite(rows.target[every]).all()
    assert Schema.model_validate_json(rows.schema.model_dump_json()) == rows.schema


def test_the_schema_says_what_every_column_is():
    rows = gathered(shop_table() | {"colour": ["red", "blue"] * 120, "one": [1] * 240}, exclude="visitors")
    kinds = {column.name: column for column in rows.schema.columns}
    assert isinstance(kinds["day"], TimeColumn) and kinds["day"].parts == ("weekday",)
    assert kinds["shop"].kind == "id" and set(kinds) == {"day", "shop", "holiday", "visitors", "colour", "one"}
    left = {name for name, column in kinds.items() if isinstance(column, LeftOutColumn)}
    assert left == {"shop", "visitors", "colour", "one"}
    assert "'colour'" in told(rows.notices) and "'one' (always the same" in told(rows.notices)


@pytest.mark.parametrize("poison", [1e12, None])
def test_nothing_that_trains_knows_what_comes_after(poison: float | None):
    source = shop_table() | {"x": wave(240, 5).tolist()}
    clean = gathered(source, known="holiday")
    limit = 120 - 24 - 14
    spoilt = {
        name: [poison if i % 120 >= limit and i % 120 < 119 else value for i, value in enumerate(values)]
        if name in (("y", "x", "visitors") if poison else ("x", "visitors"))
        else values
        for name, values in source.items()
    }
    dirty = gathered(spoilt, known="holiday")
    assert dirty.schema == clean.schema and dirty.task == clean.task
    training = clean.split.training
    assert np.array_equal(dirty.split.training, training)
    for one, other in zip((*clean.encoded.inputs, clean.target), (*dirty.encoded.inputs, dirty.target), strict=True):
        assert np.array_equal(one[training], other[training])


def test_views_hold_no_copies():
    rows = gathered({"day": days(400), "y": wave(400)})
    past, ahead = rows.encoded.inputs
    for view in (past, ahead, rows.target):
        assert view.strides[0] == view.strides[1], "a window begins one step behind the last"


def test_window_season_and_horizon_as_asked():
    rows = gathered({"day": days(200), "y": wave(200)}, window=20, season=3, horizon=5, quantiles="0.05,0.5,0.95")
    form = rows.schema.form
    assert (form.window, form.season, form.horizon) == (20, 3, 5) and rows.task.quantiles == (0.05, 0.5, 0.95)
    found = gathered({"day": days(200), "y": wave(200)}).schema.form
    assert found.season == 7 and found.window % 7 == 0 and found.window >= 14


def test_files_continue_the_series():
    whole = {"day": days(120), "y": wave(120).tolist()}

    def part(a: int, b: int) -> dict[str, list]:
        return {name: values[a:b] for name, values in whole.items()}

    rows = gathered(part(0, 80), part(80, 100), part(100, 120), window=14)
    assert len(rows.split.test) == 14 and len(rows.split.folds[0]) == 14 and rows.table.rows == 120
    assert "--validation" in rows.split.reason and rows.numbers[rows.split.test[0]] == 1
    tested = gathered(part(0, 100), None, part(100, 120), window=14)
    assert len(tested.split.test) == 14
    with pytest.raises(InputError, match="does not continue"):
        gathered(part(0, 80), None, part(70, 100))
    with pytest.raises(InputError, match="behind the steps that are held out"):
        gathered(part(0, 100), part(115, 120))
    with pytest.raises(InputError, match="lacks columns"):
        gathered(part(0, 80), None, {"day": days(20, "2024-06-01")})
    with pytest.raises(InputError, match="can't be continued"):
        gathered({"y": wave(80)}, None, {"y": wave(20)})


def test_none_is_held_out_where_nobody_wants_it():
    rows = gathered({"day": days(100), "y": wave(100)}, test_share=0)
    assert not len(rows.split.test) and len(rows.split.folds[0])


def test_what_can_not_be_foretold():
    with pytest.raises(InputError, match="How many steps"):
        gathered({"day": days(100), "y": wave(100)}, horizon=None)
    with pytest.raises(InputError, match="too short") as error:
        gathered({"day": days(30), "y": wave(30)}, horizon=20)
    assert "30 steps" in error.value.got and "--horizon" in error.value.fix
    with pytest.raises(InputError, match="Every series is too short"):
        gathered(shop_table(20), horizon=20)


def test_a_short_series_is_left_out_and_told():
    long, short = shop_table(120, ("a",)), shop_table(9, ("tiny",))
    rows = gathered({name: long[name] + short[name] for name in long}, id="shop")
    assert [one.id for one in rows.schema.form.series] == ["a"] and "'tiny'" in told(rows.notices)
    late = shop_table(30, ("late",)) | {"day": days(30, "2024-03-31")}
    rows = gathered({name: long[name] + late[name] for name in long}, id="shop", window=7)
    assert [one.id for one in rows.schema.form.series] == ["a"] and "'late'" in told(rows.notices)


def test_a_constant_series_and_runs_without_a_value():
    rows = gathered({"day": days(100), "y": [5.0] * 100})
    assert rows.task.scale == (1.0,) and "never changes" in told(rows.notices)
    assert (rows.encoded.inputs[0] == 0).all()
    values = wave(100)
    values[40:60] = np.nan
    rows = gathered({"day": days(100), "y": values})
    assert "20 empty" in told(rows.notices) and "row 41" in told(rows.notices)
    length = rows.schema.form.window
    assert np.isnan(rows.target[40 - length]).all(), "what was not observed is no answer"
    assert 40 - length not in rows.split.training and np.isfinite(rows.encoded.inputs[0]).all()


def test_new_data_is_judged_at_every_window():
    rows = gathered(shop_table(), known="holiday")
    more = series_rows(predictor_of(rows), shop_table(60, ("a", "new")))
    form = rows.schema.form
    assert len(more.split.test) == 2 * (60 - form.window - 7 + 1) and not len(more.split.training)
    assert [one.id for one in more.schema.form.series] == ["a", "b", "new"] and "'new'" in told(more.notices)
    assert more.schema.form.series[:2] == form.series
    with pytest.raises(InputError, match="lacks 1 of the columns"):
        series_rows(predictor_of(rows), {"day": days(60), "shop": ["a"] * 60, "y": wave(60), "holiday": [0] * 60})
    with pytest.raises(InputError, match="too short"):
        series_rows(predictor_of(rows), shop_table(5))
    halves = [f"{day} {hour:02d}:00" for day in days(30) for hour in (0, 12)]
    told_of = told(series_rows(predictor_of(rows), shop_table(60) | {"day": halves * 2}).notices)
    assert "12h apart, those of training 1d" in told_of and "their mean" in told_of
    short = {name: shop_table(60, ("a",))[name] + shop_table(5, ("b",))[name] for name in shop_table()}
    assert "'b'" in told(series_rows(predictor_of(rows), short).notices)


def test_one_wild_date_does_not_make_up_the_part_that_validates():
    rows = gathered({"day": [*days(399), "2031-02-03"], "y": wave(400)})
    assert len(rows.split.folds[0]) >= 40 and len(rows.split.test) >= 40
    assert "the last 80 steps, from 2024-11-16 on" in rows.split_words


def test_months_without_rows_are_no_part_of_their_own():
    keep = [i for i in range(400) if not 258 <= i < 318]
    values = wave(400)
    rows = gathered({"day": [days(400)[i] for i in keep], "y": values[keep]})
    assert len(rows.split.folds[0]) >= 40 and np.isfinite(rows.target[rows.split.folds[0]]).any(axis=1).all()
    late = gathered({"day": days(200), "y": wave(200)}, None, {"day": days(40, "2024-08-29"), "y": wave(40)})
    assert len(late.split.folds[0]) >= 20 and len(late.split.test) >= 34


def test_a_part_without_a_window_is_told():
    whole = {"day": days(200), "y": wave(200)}
    with pytest.raises(InputError, match="too short to be measured on") as error:
        gathered(whole, None, {"day": days(6, "2024-07-19"), "y": wave(6)})
    assert "6 are held out" in error.value.got and "--test file" in error.value.fix
    with pytest.raises(InputError, match="too short to validate on"):
        gathered(whole, {"day": days(6, "2024-07-19"), "y": wave(6)}, test_share=0)
    few = {"day": days(200), "y": [v if i % 7 == 0 else None for i, v in enumerate(wave(200))]}
    with pytest.raises(InputError, match="too short to train") as error:
        gathered(few, horizon=20)
    assert "29 steps of 1d with a value" in error.value.got


def test_what_is_known_but_never_varied_is_left_out():
    source = {"day": days(200), "y": wave(200), "price": [100] * 140 + [110, 150] * 30, "none": [None] * 199 + [1]}
    rows = gathered(source, known="price,none", kinds={"none": "number"})
    assert rows.schema.form.known == () and "'price' (always the same" in told(rows.notices)
    assert "'none' (no values in the training steps)" in told(rows.notices)
    kept = gathered(source | {"price": [100] * 50 + [101] * 90 + [1e9] * 60}, known="price")
    assert kept.schema.form.known == ("price",) and np.abs(kept.encoded.inputs[1]).max() <= 3


def test_a_time_in_days_of_training_serves_later_rows():
    every = np.arange("2023-01-02", "2024-01-01", dtype="datetime64[D]")
    business = every[np.is_busday(every)].astype(str).tolist()
    rows = gathered({"day": business, "y": wave(len(business), 5)}, horizon=2, window=5)
    later = series_rows(predictor_of(rows), {"day": business[:9], "y": wave(9, 5)})
    assert len(later.table["day"]) == 9 and not later.notices


def test_what_is_held_out_may_be_too_little_to_measure():
    long, late = shop_table(100, ("a",)), shop_table(20, ("b",)) | {"day": days(20, "2024-05-10")}
    rows = gathered({name: long[name] + late[name] for name in long}, id="shop", window=7)
    assert not len(rows.split.test) and "nothing is measured" in told(rows.notices)
    assert "too few to measure a forecast on" in rows.split_words
    assert any(notice.serious for notice in rows.notices if "nothing is measured" in notice.what)


def test_what_is_foretold_is_not_known_in_advance():
    days = {"day": np.arange("2024-01-01", "2024-07-01", dtype="datetime64[D]"), "sold": np.arange(182.0) % 7}
    with pytest.raises(InputError, match="known in advance and be foretold") as error:
        nw.train(days, target="sold", known="sold", horizon=3)
    assert "--known" in error.value.fix
