"""Planted leaks are found by name; honest columns, however good, stay silent."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from netwright.data.leaks import find_leaks
from netwright.data.sources.read import read

ROWS = 300


def found(column: object, target: np.ndarray, *, classes: bool) -> list:
    values = column.tolist() if isinstance(column, np.ndarray) else column
    table = read({"suspect": values, "noise": np.random.default_rng(9).normal(size=len(target)).tolist()})
    return find_leaks(table, ["suspect", "noise"], target, classes=classes)


RANDOM = np.random.default_rng(0)
AMOUNT = RANDOM.normal(size=ROWS) * 10 + 50
CLASS = RANDOM.integers(0, 4, ROWS)
BINARY = RANDOM.integers(0, 2, ROWS)
HOLED = [None if i % 3 == 0 else v for i, v in enumerate(AMOUNT.tolist())]
SLIPPED = np.where(np.arange(ROWS) == 7, "w9", np.char.add("w", CLASS.astype(str)))


@pytest.mark.parametrize(
    ("column", "target", "classes", "word"),
    [
        (AMOUNT, AMOUNT, False, "rises or falls exactly"),
        (-3 * AMOUNT + 7, AMOUNT, False, "rises or falls exactly"),
        (np.exp(AMOUNT / 10), AMOUNT, False, "rises or falls exactly"),
        (HOLED, AMOUNT, False, "rises or falls exactly"),
        ([datetime(2020, 1, 1) + timedelta(days=v) for v in AMOUNT], AMOUNT, False, "rises or falls exactly"),
        (np.digitize(AMOUNT, [40, 50, 60]).astype(str), AMOUNT, False, "cut into ranges"),
        (CLASS, CLASS, True, "separate the classes"),
        (CLASS * 1.5 - 2, CLASS, True, "separate the classes"),
        (CLASS + RANDOM.random(ROWS) * 0.5, CLASS, True, "separate the classes"),
        (BINARY + RANDOM.random(ROWS) * 0.5, BINARY, True, "separate the classes"),
        (1 - BINARY, BINARY, True, "belongs to one class"),
        (np.array(["no", "yes"])[BINARY], BINARY, True, "belongs to one class"),
        (np.char.add("w", CLASS.astype(str)), CLASS, True, "belongs to one class"),
        (np.char.add("w", (CLASS // 2).astype(str)), CLASS, True, "each class has one value"),
        (np.char.add("w", (CLASS * 3 + RANDOM.integers(0, 3, ROWS)).astype(str)), CLASS, True, "belongs to one class"),
        (BINARY.astype(bool), BINARY, True, "belongs to one class"),
        (["w" + str(c) if i % 3 else None for i, c in enumerate(CLASS)], CLASS, True, "belongs to one class"),
    ],
)
def test_a_planted_leak_is_found(column: object, target: np.ndarray, classes: bool, word: str):
    (notice,) = found(column, target, classes=classes)
    assert notice.column == "suspect" and word in notice.what and notice.fix == "--exclude suspect"


@pytest.mark.parametrize("slips", [1])
def test_a_copy_with_a_slip_is_found_in_many_rows(slips: int):
    target = np.tile(CLASS, 10)
    column = np.char.add("w", target.astype(str))
    column[:slips] = "w0"
    (notice,) = found(column, target, classes=True)
    assert notice.column == "suspect"


@pytest.mark.parametrize(
    ("column", "target", "classes"),
    [
        (AMOUNT + RANDOM.normal(size=ROWS) * 0.5, AMOUNT, False),
        (np.round(AMOUNT / 20), AMOUNT, False),
        (RANDOM.normal(size=ROWS), AMOUNT, False),
        (np.full(ROWS, 3.0), AMOUNT, False),
        (np.where(RANDOM.random(ROWS) < 0.05, (CLASS + 1) % 4, CLASS), CLASS, True),
        (np.char.add("w", np.where(RANDOM.random(ROWS) < 0.05, (CLASS + 1) % 4, CLASS).astype(str)), CLASS, True),
        (CLASS + RANDOM.random(ROWS) * 1.05, CLASS, True),
        (SLIPPED, RANDOM.permutation(CLASS), True),
        (np.char.add("user", RANDOM.integers(0, 200, ROWS).astype(str)), BINARY, True),
        (np.arange(ROWS), BINARY, True),
        (np.digitize(AMOUNT + RANDOM.normal(size=ROWS), [40, 50, 60]).astype(str), AMOUNT, False),
        (np.where(AMOUNT > 50, "high", "low"), RANDOM.permutation(AMOUNT), False),
        ([None] * (ROWS - 40) + AMOUNT[-40:].tolist(), AMOUNT, False),
        (np.where(np.arange(ROWS) == 0, "odd", "usual"), CLASS, True),
    ],
)
def test_an_honest_column_is_silent(column: object, target: np.ndarray, classes: bool):
    assert not found(column, target, classes=classes)


@pytest.mark.parametrize("classes", [True, False])
def test_few_rows_are_no_evidence(classes: bool):
    target = np.arange(29) % 3 if classes else np.arange(29.0)
    assert not found(target, target, classes=classes)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_no_false_alarm_on_well_known_tables(name: str):
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    table = read({f"c{i}": bunch.data[:, i].tolist() for i in range(bunch.data.shape[1])})
    assert not find_leaks(table, table.columns, bunch.target, classes=name != "diabetes")
