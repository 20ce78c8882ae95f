"""Numbers: standardised on training rows, given back in their unit."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import Regression, Task

NUMBER = CellType(kind="number")
RANDOM = np.random.default_rng(0)
VALUES = {"a": RANDOM.normal(size=50) * 1000 + 5, "b": RANDOM.normal(size=50)}
ROWS = np.arange(30)


def fit(values: dict, training: np.ndarray = ROWS) -> Regression:
    return Regression.fit(values, dict.fromkeys(values, NUMBER), training)


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["b", "a"]])
def test_training_rows_alone_are_standardised_and_all_come_back(names: list):
    values = {name: VALUES[name] for name in names}
    task = fit(values)
    target = task.encode(values)
    assert target.shape == (50, len(names)) and target.dtype == np.float32 and task.output_size == len(names)
    assert target[ROWS].mean(0) == pytest.approx(0, abs=1e-6) and target[ROWS].std(0) == pytest.approx(1, abs=1e-5)
    assert task.decode(torch.from_numpy(target)) == pytest.approx(task.truth(values), rel=1e-4, abs=1e-2)
    assert task.predictions(torch.from_numpy(target)) == pytest.approx(task.truth(values), rel=1e-4, abs=1e-2)
    changed = {name: np.where(np.arange(50) < 30, v, 1e6) for name, v in values.items()}
    assert fit(changed) == task, "rows that do not train change nothing"


def test_losses_are_torchs_by_row_and_member():
    generator = torch.Generator().manual_seed(0)
    task = fit(VALUES)
    outputs, target = torch.randn(9, 4, 2, generator=generator), torch.randn(9, 2, generator=generator)
    got = task.losses(outputs, target)
    assert got.shape == (9, 4)
    for k in range(4):
        expected = torch.nn.functional.mse_loss(outputs[:, k], target, reduction="none").mean(1)
        assert torch.allclose(got[:, k], expected) and torch.allclose(task.losses(outputs[:, k], target), expected)


def test_a_target_of_one_column_is_not_spread_over_rows():
    task = fit({"a": VALUES["a"]})
    outputs, target = torch.zeros(5, 1), torch.arange(5.0)[:, None]
    assert task.losses(outputs, target).tolist() == [0, 1, 4, 9, 16]
    assert task.losses(torch.zeros(5, 3, 1), target).shape == (5, 3)


def test_members_are_averaged():
    task = fit({"a": VALUES["a"]})
    outputs = torch.tensor([[[1.0], [3.0]]])
    assert task.predictions(outputs) == pytest.approx(task.predictions(torch.tensor([[2.0]])))


@pytest.mark.parametrize(
    "values",
    [[5.0] * 30, [1e308, -1e308] * 15, [1e200, 1.0] * 15, [np.inf, 1.0] * 15],
    ids=["same", "308", "200", "inf"],
)
def test_a_target_without_a_finite_spread_is_refused(values: list):
    with pytest.raises(InputError, match="'b' can't be learned") as error:
        fit({"a": VALUES["a"][:30], "b": np.array(values)})
    assert f"{max(values):g}" in error.value.got


def test_the_constant_is_the_training_mean():
    task = fit(VALUES)
    assert task.constant(2) == pytest.approx(np.tile([VALUES["a"][ROWS].mean(), VALUES["b"][ROWS].mean()], (2, 1)))
    assert task.metrics["R²"](task.constant(30), task.truth({n: v[ROWS] for n, v in VALUES.items()})) == pytest.approx(
        0
    )


def test_columns_and_words():
    one, two = fit({"a": VALUES["a"]}), fit(VALUES)
    assert list(one.columns(np.ones((3, 1)))) == ["prediction"]
    assert list(two.columns(np.ones((3, 2)))) == ["prediction_a", "prediction_b"]
    assert (one.title, two.title) == ("regression", "regression of 2 targets")
    assert one.constant_title == "always the mean"


def test_json_keeps_every_bit():
    task = fit(VALUES)
    assert TypeAdapter(Task).validate_json(task.model_dump_json()) == task
