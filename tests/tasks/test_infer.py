"""The task, found from the target's values or taken by its name."""

import numpy as np
import pytest

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks.infer import WORDS, find_separator, infer_kind

CELLS = {kind: CellType(kind=kind) for kind in ("number", "boolean", "datetime", "string")}
RANDOM = np.random.default_rng(0)
TAGS = ["a", "b", "c", "d", "a{}b", "b{}c", "c{}d{}a"]


def infer(values: object, kind: str = "string", asked: str | None = None) -> tuple[str, str]:
    column = np.asarray(values, dtype=object if kind == "string" else None)
    return infer_kind({"y": column}, {"y": CELLS[kind]}, asked)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (RANDOM.normal(size=100), "number", "regression"),
        (RANDOM.integers(0, 2, 100).astype(float), "number", "classification"),
        ([1.5, 2.5] * 3, "number", "classification"),
        (RANDOM.integers(0, 10, 1000).astype(float), "number", "classification"),
        (RANDOM.integers(0, 10, 50).astype(float), "number", "regression"),
        (RANDOM.integers(0, 40, 1000).astype(float), "number", "regression"),
        (RANDOM.integers(0, 5, 1000) / 2, "number", "regression"),
        ([True, False] * 10, "boolean", "classification"),
        (["yes", "no"] * 10, "string", "classification"),
        ([f"c{i % 20}" for i in range(40)], "string", "classification"),
        ([t.format("|", "|") for t in TAGS * 30], "string", "multilabel"),
        ([t.format("; ", "; ") for t in TAGS * 30], "string", "multilabel"),
        ([t.format(",", ",") for t in TAGS * 30], "string", "multilabel"),
        (["Paris, France", "Rome, Italy"] * 50, "string", "classification"),
    ],
)
def test_the_target_tells(values: object, kind: str, expected: str):
    got, why = infer(values, kind)
    assert got == expected and why


@pytest.mark.parametrize("word", [*WORDS, "Regression", " Multi_Label ", "multi-class", "BINARY"])
def test_a_task_has_many_names(word: str):
    kind, why = infer(RANDOM.normal(size=30), "number", word)
    assert kind == WORDS[word.strip().lower().replace("_", " ").replace("-", " ")] and "--task" in why


def test_an_unknown_task_is_refused():
    with pytest.raises(InputError, match="no task called 'clustering'") as error:
        infer([1.0], "number", "clustering")
    assert "--task clustering" in error.value.got


@pytest.mark.parametrize("kind", ["string", "boolean", "datetime"])
def test_words_are_not_amounts(kind: str):
    with pytest.raises(InputError, match="'y' does not hold numbers") as error:
        infer(["a", "b"], kind, "regression")
    assert kind in error.value.got


def test_a_date_is_no_target():
    with pytest.raises(InputError, match="does not hold numbers"):
        infer(np.array(["2020-01-01", "2020-01-02"], dtype="M8[us]"), "datetime")


def test_text_is_no_target_unless_asked():
    names = [f"name {i}" for i in range(100)]
    with pytest.raises(InputError, match="looks like text") as error:
        infer(names)
    assert "100 different values in 100 rows" in error.value.got
    assert infer(names, asked="classification")[0] == "classification"


def several(kinds: dict[str, tuple[str, object]], asked: str | None = None) -> str:
    values = {name: np.asarray(column) for name, (_, column) in kinds.items()}
    return infer_kind(values, {name: CELLS[kind] for name, (kind, _) in kinds.items()}, asked)[0]


def test_several_targets():
    amount, flag = ("number", [1.5, 2.5, 3.5]), ("boolean", [True, False, True])
    assert several({"a": amount, "b": amount}) == "regression"
    assert several({"a": flag, "b": ("number", [0.0, 1.0, 1.0])}) == "multilabel"
    assert several({"a": amount, "b": ("number", [0.0, 1.0, 1.0])}) == "regression"
    assert several({"a": amount, "b": amount}, "regression") == "regression"
    with pytest.raises(InputError, match="'b' does not hold numbers"):
        several({"a": amount, "b": ("string", ["x", "y", "z"])})
    with pytest.raises(InputError, match="'b' does not hold numbers"):
        several({"a": amount, "b": flag}, "regression")


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        ([t.format("|", "|") for t in TAGS * 10], "|"),
        (["a|b", "c"] * 2, ""),
        (["a"] * 100 + ["a,b"], ""),
        ([f"street {i}, town {i}" for i in range(100)], ""),
        (["plain", "words"] * 20, ""),
    ],
)
def test_a_mark_joins_labels_only_where_its_pieces_recur(cells: list, mark: str):
    assert find_separator(np.asarray(cells, dtype=object)) == mark
