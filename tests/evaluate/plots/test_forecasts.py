import re

import numpy as np

from netwright.evaluate.plots.forecasts import Foretold, by_step, over_truth, shares, thin

DAY = 86_400 * 10**6


def drawn(**changes: object) -> Foretold:
    values = {
        "name": "<y>",
        "past_times": np.arange(20) * DAY,
        "past": np.arange(20.0),
        "times": np.arange(20, 25) * DAY,
        "truth": np.arange(20.0, 25),
        "middle": np.arange(21.0, 26),
        "low": np.arange(20.0, 25),
        "high": np.arange(22.0, 27),
        "inside": "80 %",
    }
    return Foretold(**(values | changes))


def test_a_forecast_lies_over_what_came():
    picture = over_truth(drawn(), dated=True)
    assert picture.startswith("<svg") and 'class="band"' in picture and "1970-01-05" in picture
    assert picture.count('class="accent"') >= 1 and picture.count('class="second"') >= 1
    assert "<y>" not in picture and "&lt;y&gt;" in picture
    assert "band" not in over_truth(drawn(low=None, high=None), dated=False).replace("8.9", "")


def test_gaps_break_the_line_and_a_lonely_value_is_a_dot():
    past = np.arange(20.0)
    past[[5, 7]] = np.nan
    picture = over_truth(drawn(past=past), dated=True)
    assert len(re.findall(r'<polyline [^>]*class="accent"', picture)) == 3


def test_nothing_to_draw():
    nothing = np.full(5, np.nan)
    assert (
        over_truth(drawn(past=np.full(20, np.nan), truth=nothing, middle=nothing, low=None, high=None), dated=True)
        == ""
    )
    assert by_step({}, "error") == "" and by_step({"a": np.ones(1)}, "error") == ""
    assert by_step({"a": nothing}, "error") == "" and shares(np.full((3, 2), np.nan), ("a", "b")) == ""


def test_one_step_without_a_past_and_what_never_changes():
    one = drawn(
        past_times=np.zeros(0), past=np.zeros(0), times=np.asarray([DAY]), truth=np.ones(1), middle=np.ones(1), low=None
    )
    assert over_truth(one, dated=True).startswith("<svg")


def test_errors_by_step_name_the_least():
    picture = by_step({"this forecast": np.asarray([1.0, 2]), "last value": np.asarray([3.0, np.nan])}, "error")
    assert "this forecast has the least" in picture and "steps ahead" in picture


def test_shares_stack_to_one():
    picture = shares(np.asarray([[0.25, 0.75], [0.5, 0.5]]), ("naive", "network"))
    assert "naive 38%, network 62%" in picture and picture.count("<polygon") == 2
    assert shares(np.ones((1, 1)), ("all",)).count("<polygon") == 1


def test_long_lines_are_thinned():
    assert len(thin(100_000)) <= 502 and thin(100_000)[-1] == 99_999 and thin(0) == [] and thin(3) == [0, 1, 2]
    long = drawn(past_times=np.arange(20_000) * DAY, past=np.arange(20_000.0), times=np.arange(20_000, 20_005) * DAY)
    assert len(over_truth(long, dated=True)) < 20_000
