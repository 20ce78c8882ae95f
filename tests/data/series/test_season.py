import numpy as np

from netwright.data.series.season import find_season
from netwright.data.series.step import Step

RANDOM = np.random.default_rng(0)


def test_a_year_of_months_is_found_over_a_trend():
    steps = np.arange(90)
    values = 100 + steps * (1 + 0.3 * np.sin(steps / 12 * 2 * np.pi)) + RANDOM.normal(0, 2, 90)
    assert find_season([values], Step(1, "mo"))[0] == 12


def test_the_longer_season_must_add_something():
    hours = np.arange(24 * 7 * 8)
    day = np.sin(hours / 24 * 2 * np.pi)
    weekend = np.where(hours // 24 % 7 >= 5, -2.0, 0.0)
    noise = RANDOM.normal(0, 0.2, len(hours))
    assert find_season([day + noise], Step(1, "h"))[0] == 24
    assert find_season([day + weekend + noise], Step(1, "h"))[0] == 168


def test_no_season_in_chance_or_in_a_walk():
    for values in (RANDOM.normal(size=500), RANDOM.normal(size=500).cumsum(), np.ones(500), np.arange(500.0)):
        for step in (Step(1, "d"), Step(1, "i"), Step(1, "mo")):
            found, why = find_season([values], step)
            assert found == 1 and "no season" in why, (step, found)


def test_rows_without_time_are_tried_at_every_lag():
    values = np.tile([0.0, 1, 5, 2, 0, 3, -2, 1, 0, 4, 1], 20) + RANDOM.normal(0, 0.1, 220)
    assert find_season([values], Step(1, "i"))[0] == 11


def test_gaps_and_short_series_do_no_harm():
    values = np.sin(np.arange(96) / 12 * 2 * np.pi)
    values[RANDOM.random(96) < 0.2] = np.nan
    assert find_season([values, values[:5], np.full(40, np.nan)], Step(1, "mo"))[0] == 12
    assert find_season([values[:5]], Step(1, "mo"))[0] == 1 and find_season([], Step(1, "mo"))[0] == 1


def test_the_unit_plays_no_part():
    values = 3 + np.sin(np.arange(300) / 7 * 2 * np.pi)
    for unit in (1e-300, 1e-8, 1.0, 1e12):
        assert find_season([values * unit], Step(1, "d"))[0] == 7
        assert find_season([np.full(300, 0.1) * unit], Step(1, "d"))[0] == 1
