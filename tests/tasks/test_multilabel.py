"""Several yes-or-no answers, in columns or in one list."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import MultiLabel, Task

TEXT = CellType(kind="string")
COLUMNS = {
    "a": np.array([True, False, True, True]),
    "b": np.array(["yes", "No ", "n", "Y"], dtype=object),
    "c": np.array([0.0, 1.0, 1.0, 0.0]),
}
TRUTH = [[1, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 0]]
LISTS = np.array(["red|round", " round | big", "", "red", "big|red|red"], dtype=object)


def fit(values: dict, training: object = None, **options) -> MultiLabel:
    rows = np.arange(len(next(iter(values.values())))) if training is None else np.asarray(training)
    return MultiLabel.fit(values, dict.fromkeys(values, TEXT), rows, **options)


def test_columns_of_two_values():
    task = fit(COLUMNS, training=[0, 1])
    assert task.labels == ("a", "b", "c") and task.shares == (0.5, 0.5, 0.5) and task.output_size == 3
    assert task.encode(COLUMNS).tolist() == TRUTH and task.encode(COLUMNS).dtype == np.float32


@pytest.mark.parametrize("mark", ["|", ";", ","])
def test_lists_in_one_column(mark: str):
    values = {"tags": np.array([cell.replace("|", mark) for cell in LISTS], dtype=object)}
    task = fit(values, separator=mark)
    assert task.labels == ("big", "red", "round")
    assert task.encode(values).tolist() == [[0, 1, 1], [1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 0]]
    assert task.shares == pytest.approx((0.4, 0.6, 0.4))
    said = task.columns(task.truth(values))["prediction"].tolist()
    assert said == [f"red{mark}round", f"big{mark}round", "", "red", f"big{mark}red"]
    assert task.encode({"tags": np.array(["new|red".replace("|", mark)])}).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("wrong", ["maybe", "2", "nan", ""])
def test_a_third_value_is_named_with_its_row(wrong: str):
    with pytest.raises(InputError, match="'b' is no yes-or-no column") as error:
        fit(COLUMNS | {"b": np.array(["yes", "no", wrong, "no"], dtype=object)})
    assert repr(wrong) in error.value.got and "row 3" in error.value.got


def test_losses_are_torchs_by_row_and_member():
    task = fit(COLUMNS)
    outputs = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0)) * 50
    target = torch.tensor(TRUTH)
    got = task.losses(outputs, target)
    assert got.shape == (4, 5) and torch.isfinite(got).all()
    for k in range(5):
        expected = torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, k], target.float(), reduction="none")
        assert torch.allclose(got[:, k], expected.mean(1))
        assert torch.allclose(task.losses(outputs[:, k], target), expected.mean(1))


def test_predictions_and_words():
    task = fit(COLUMNS)
    outputs = torch.tensor([[[0.0, 1000.0, -1000.0], [0.0, -1000.0, -1000.0]]])
    assert task.predictions(outputs) == pytest.approx(np.array([[0.5, 0.5, 0.0]]))
    assert task.predictions(outputs[:, 0]) == pytest.approx(np.array([[0.5, 1.0, 0.0]]))
    columns = task.columns(np.array([[0.9, 0.2, 0.6]]))
    assert columns["prediction"].tolist() == ["a|c"]
    assert list(columns) == ["prediction", "probability_a", "probability_b", "probability_c"]
    assert task.constant(2).shape == (2, 3) and task.title.endswith("3 labels") and task.constant_title
    assert task.decode(torch.tensor(TRUTH)).tolist() == TRUTH
    perfect = np.asarray(TRUTH, dtype=float)
    assert {metric(perfect, task.truth(COLUMNS)) for metric in task.metrics.values()} == {1.0}


def test_json_and_back():
    task = fit({"tags": LISTS}, separator="|")
    assert TypeAdapter(Task).validate_json(task.model_dump_json()) == task
