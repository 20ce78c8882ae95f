"""Columns that decide come first; those that tell nothing cost nothing."""

import numpy as np
import pytest

from netwright.core.cells import CellType
from netwright.core.schema import CategoryColumn, NumberColumn, Schema, TimeColumn
from netwright.data.encode import Encoded
from netwright.evaluate import importance
from netwright.evaluate.importance import permutation_importance
from netwright.tasks import Classification, Regression

NUMBER, TEXT = CellType(kind="number"), CellType(kind="string")
SCALE = {"why": "", "center": 0.0, "scale": 1.0, "lowest": -1.0, "highest": 1.0}
SCHEMA = Schema(
    columns=(
        NumberColumn(name="strong", cell=NUMBER, missing=3, **SCALE),
        CategoryColumn(name="word", cell=TEXT, why="", values=("x", "y")),
        NumberColumn(name="unused", cell=NUMBER, **SCALE),
        TimeColumn(name="when", cell=CellType(kind="datetime"), parts=("hour",), **SCALE),
        CategoryColumn(name="silent", cell=TEXT, why="", values=("x", "y")),
    )
)
RANDOM = np.random.default_rng(0)
ROWS = 400
NUMBERS = RANDOM.normal(size=(ROWS, 6)).astype(np.float32)
CATEGORIES = RANDOM.integers(0, 3, (ROWS, 2))
ENCODED = Encoded(numbers=NUMBERS, categories=CATEGORIES, unseen={}, gaps={})  # type: ignore[arg-type]
AMOUNT = Regression(targets=("y",), cells=(NUMBER,), center=(0.0,), scale=(1.0,), lowest=(0.0,), highest=(1.0,))
CLASSES = Classification(targets=("y",), cells=(TEXT,), classes=("a", "b"), counts=(1, 1))


def amount(numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """`strong`, its mark (0, 1), the waves of `when` (4, 5) and `word` decide."""
    return (3 * numbers[:, 0] + 2 * numbers[:, 1] + numbers[:, 4] - numbers[:, 5] + categories[:, 0])[:, None]


def by_name(found: tuple) -> dict[str, float]:
    return {item.column: item.drop for item in found}


def test_columns_in_order_of_what_they_decide():
    truth = amount(NUMBERS, CATEGORIES)
    found = permutation_importance(amount, AMOUNT, SCHEMA, ENCODED, truth)
    assert [item.column for item in found][:3] == ["strong", "when", "word"]
    drops = by_name(found)
    assert drops["unused"] == drops["silent"] == 0
    spread = float(truth.var())
    assert drops["strong"] == pytest.approx(2 * (9 + 4) / spread, rel=0.15), (
        "all features of a column are shuffled together"
    )
    assert drops["when"] == pytest.approx(2 * 2 / spread, rel=0.2)
    assert all(item.spread >= 0 for item in found)


def test_nothing_given_is_changed_and_a_seed_repeats():
    numbers, categories = NUMBERS.copy(), CATEGORIES.copy()
    truth = amount(NUMBERS, CATEGORIES)
    runs = [permutation_importance(amount, AMOUNT, SCHEMA, ENCODED, truth, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert np.array_equal(numbers, NUMBERS) and np.array_equal(categories, CATEGORIES)


def test_classes_and_a_column_that_misleads():
    truth = (NUMBERS[:, 0] > 0).astype(np.int64)

    def inverted(numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
        return np.eye(2)[(numbers[:, 0] <= 0).astype(int)]

    drops = by_name(permutation_importance(inverted, CLASSES, SCHEMA, ENCODED, truth))
    assert drops["strong"] < -0.3, "shuffling a column that misleads is a gain"


def test_wide_tables_are_judged_on_the_columns_that_go_with_the_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importance, "MOST_COLUMNS", 2)
    truth = amount(NUMBERS, CATEGORIES)
    assert len(permutation_importance(amount, AMOUNT, SCHEMA, ENCODED, truth)) == 2
    names = {i.column for i in permutation_importance(amount, AMOUNT, SCHEMA, ENCODED, truth)}
    assert "strong" in names and "unused" not in names


def test_constant_features_are_no_division_by_zero(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importance, "MOST_COLUMNS", 1)
    flat = Encoded(numbers=np.zeros((20, 6)), categories=np.zeros((20, 2), np.int64), unseen={}, gaps={})  # type: ignore[arg-type]
    truth = RANDOM.normal(size=(20, 1))
    (found,) = permutation_importance(amount, AMOUNT, SCHEMA, flat, truth)
    assert found.drop == 0
