"""No row on two sides, in the right shares, and what belongs together stays together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.split import Split, ordered_by, split_by_time, split_rows, strata_of


def split(strata: object = None, keys: object = None, rows: int = 100, **options) -> Split:
    defaults = {"folds": 1, "fold_share": 0.15, "seed": 0, "keys_are": "each by itself"}
    strata = np.zeros(rows, dtype=np.int64) if strata is None else np.asarray(strata)
    keys = np.arange(len(strata)) if keys is None else np.asarray(keys)
    return split_rows(strata=strata, keys=keys, **defaults | options)


def sound(made: Split, rows: int) -> None:
    """Every row has its side, and one alone."""
    together_ = np.concatenate([made.fitting, made.test])
    assert sorted(together_.tolist()) == list(range(rows))
    folds = np.concatenate(made.folds)
    assert len(np.unique(folds)) == len(folds), "folds are disjoint"
    inside = np.isin(folds, made.training)
    assert inside.all() if len(made.folds) > 1 else not inside.any()
    assert not np.isin(folds, made.test).any()
    fold = made.fold_of(rows)
    assert all((fold[part] == i).all() for i, part in enumerate(made.folds))
    assert (fold >= 0).sum() == len(folds)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80),
    folds=st.sampled_from([1, 2, 4, 8]),
    test_share=st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.89]),
    seed=st.integers(0, 5),
)
def test_any_rows(rows: list, folds: int, test_share: float, seed: int):
    strata, keys = (np.asarray(column) for column in zip(*rows, strict=True))
    share = 0.15 if folds == 1 else 1 / folds
    made = split(strata, keys, folds=folds, fold_share=share, test_share=test_share, seed=seed)
    sound(made, len(rows))
    sides = made.fold_of(len(rows))
    sides[made.test] = 99
    for key in np.unique(keys):
        assert len(np.unique(sides[keys == key])) == 1, "rows of one key are on one side"
    if test_share == 0:
        assert not len(made.test)
    again = split(strata, keys, folds=folds, fold_share=share, test_share=test_share, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip((*made.folds, made.test), (*again.folds, again.test), strict=True))


@pytest.mark.parametrize("rows", [100, 1003, 12])
def test_shares_without_strata(rows: int):
    made = split(rows=rows)
    assert abs(len(made.test) - 0.2 * rows) <= 1
    assert abs(len(made.folds[0]) - 0.15 * 0.8 * rows) <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(4, 60), min_size=2, max_size=6), st.integers(0, 9))
def test_every_stratum_is_divided_alike(sizes: list, seed: int):
    strata = np.repeat(np.arange(len(sizes)), sizes)
    made = split(np.random.default_rng(seed).permutation(strata), seed=seed, folds=4, fold_share=0.25)
    strata = np.random.default_rng(seed).permutation(strata)
    for stratum, size in enumerate(sizes):
        held = int((strata[made.test] == stratum).sum())
        assert abs(held - 0.2 * size) <= 1 and held >= 1
        for fold in made.folds:
            assert abs(int((strata[fold] == stratum).sum()) - 0.25 * 0.8 * size) <= 1
    assert "stratified by the target" in made.reason


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_class_of_few_rows_is_always_trained_on(count: int):
    strata = np.array([0] * 60 + [1] * 40 + [2] * count)
    for seed in range(20):
        made = split(strata, seed=seed)
        assert (strata[made.test] < 2).all() and 2 in strata[made.training]


def test_another_seed_gives_other_rows_and_order_of_rows_does_not_matter():
    tests = {tuple(split(seed=seed).test) for seed in range(10)}
    assert len(tests) == 10


@pytest.mark.parametrize("groups", [2, 3, 5, 10])
def test_a_few_large_groups_are_held_out_too(groups: int):
    keys = np.repeat(np.arange(groups), 40)
    for seed in range(10):
        made = split(keys=keys, rows=len(keys), seed=seed)
        sound(made, len(keys))
        held = len(np.unique(keys[made.test]))
        assert 1 <= held <= max(1, groups // 3)


def test_the_reason_is_told():
    assert split().reason == "at random, each by itself"
    assert "each by itself" in split([0, 1] * 20).reason


@pytest.mark.parametrize("rows", range(1, 12))
@pytest.mark.parametrize(("test_share", "fold_share"), [(0.2, 0.15), (0.0, 0.15), (0.2, 1e-9), (0.0, 1e-9), (0.5, 0.5)])
def test_time_few_rows_and_odd_shares(rows: int, test_share: float, fold_share: float):
    times = np.arange(rows, dtype=np.float64)
    made = split_by_time(times, column="t", asked=True, fold_share=fold_share, test_share=test_share)
    sound(made, rows)
    assert bool(len(made.test)) == (test_share > 0)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 40).map(float) | st.just(np.nan), min_size=5, max_size=80))
def test_time_goes_forward(times: list):
    times = np.asarray(times)
    made = split_by_time(times, column="t", asked=True, fold_share=0.15)
    sound(made, len(times))
    filled = np.where(np.isnan(times), -np.inf, times)
    for earlier, later in ((made.training, made.folds[0]), (made.folds[0], made.test), (made.training, made.test)):
        if len(earlier) and len(later):
            assert filled[earlier].max() < filled[later].min(), "rows of one moment are on one side"


def test_time_shares_and_words():
    times = np.random.default_rng(0).permutation(1000).astype(float)
    asked = split_by_time(times, column="day", asked=True, fold_share=0.15)
    assert (len(asked.test), len(asked.folds[0]), len(asked.training)) == (200, 120, 680)
    assert "'day'" in asked.reason and "--time" in asked.reason
    assert "--shuffle" in split_by_time(times, column="day", asked=False, fold_share=0.15).reason


def test_strata_are_classes_or_even_bins():
    assert strata_of(np.array(["b", "a", "b"]), classes=True).tolist() == [1, 0, 1]
    values = np.exp(np.random.default_rng(0).normal(size=1000) * 3)
    assert np.bincount(strata_of(values, classes=False)).tolist() == [100] * 10
    assert len(np.unique(strata_of(np.array([0.0] * 90 + [1.0] * 10), classes=False))) == 2
    assert (strata_of(np.zeros(20), classes=False) == strata_of(np.zeros(20), classes=False)[0]).all()


def test_strata_of_the_largest_numbers():
    values = np.array([1.7e308] * 7 + [-1.7e308] * 12 + [3.0])
    assert len(np.unique(strata_of(values, classes=False)[:7])) == 1
    assert (np.diff(strata_of(np.sort(values), classes=False)) >= 0).all()


@pytest.mark.parametrize(
    ("times", "ordered"),
    [
        (np.arange(20.0), True),
        (np.arange(20.0)[::-1], True),
        (np.arange(19.0), False),
        (np.r_[np.arange(20.0), 3.0], False),
        (np.repeat(np.arange(11.0), 2), False),
        (np.repeat(np.arange(13.0), 2)[:24], False),
        (np.r_[np.arange(20.0), 19.0], True),
        (np.r_[np.arange(20.0), np.nan], False),
    ],
)
def test_rows_are_ordered_by_time(times: np.ndarray, ordered: bool):
    assert ordered_by(times) is ordered
