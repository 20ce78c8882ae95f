from netwright.core.schema import TimeColumn
from netwright.evaluate.decisions import treatment


def test_every_kind_of_column_says_what_is_done(made):
    told = [treatment(column) for column in made.columns()]
    assert told[0] == "centred on 44.5 and scaled, far values drawn in smoothly; where missing the median, and a mark"
    assert told[1].startswith("as its quantile")
    assert told[2] == "a learned vector for each of 3 values (Biscoe, Dream, Torgersen) and one for others"
    assert "which 7 rows with rare values share; one for missing" in told[3]
    assert "the circle of weekday, month (2017-07-14 to 2023-11-14)" in told[4]
    assert told[5] == "left out"


def test_a_time_no_calendar_has(made):
    column = next(c for c in made.columns() if isinstance(c, TimeColumn))
    assert "e+" in treatment(column.model_copy(update={"highest": 1e18}))
