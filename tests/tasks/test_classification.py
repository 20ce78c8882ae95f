"""Classes: numbered, weighted, given back as they came."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import Classification, Task
from netwright.tasks.classification import as_text

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")


def fit(values: object, cell: CellType = TEXT, training: object = None, **options) -> Classification:
    column = np.asarray(values)
    rows = np.arange(len(column)) if training is None else np.asarray(training)
    return Classification.fit({"y": column}, {"y": cell}, rows, **options)


def given_back(task: Classification, values: object) -> list:
    """What a perfect network would answer."""
    numbers = task.encode({"y": np.asarray(values)})
    return task.columns(np.eye(len(task.classes))[numbers])["prediction"].tolist()


BOOLEAN = CellType(kind="boolean")
YES_NO = CellType(kind="boolean", true="ja", false="nein")


@pytest.mark.parametrize(
    ("values", "cell", "classes", "back"),
    [
        (["b", "a", "b"], TEXT, ("a", "b"), ["b", "a", "b"]),
        ([10.0, 2.0, 2.0], NUMBER, ("2", "10"), [10, 2, 2]),
        ([-1.0, 1.0, 0.5], NUMBER, ("-1", "0.5", "1"), [-1.0, 1.0, 0.5]),
        ([1e16, 3.0], NUMBER, ("3", "1e+16"), [10**16, 3]),
        ([True, False], BOOLEAN, ("False", "True"), [True, False]),
        ([True, False], YES_NO, ("ja", "nein"), ["ja", "nein"]),
        (["10", "9", "x"], TEXT, ("9", "10", "x"), ["10", "9", "x"]),
        (["1", "1.0", "01"], TEXT, ("01", "1", "1.0"), ["1", "1.0", "01"]),
        (["nan", "é", " "], TEXT, None, ["nan", "é", " "]),
    ],
)
def test_labels_come_back_in_their_own_type(values: list, cell: CellType, classes: tuple | None, back: list):
    task = fit(np.asarray(values, dtype=object) if cell is TEXT else values, cell)
    assert classes is None or task.classes == classes
    got = given_back(task, values)
    assert got == back and [type(v) for v in got] == [type(v) for v in back]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=4).filter(lambda s: "\x00" not in s), min_size=2, max_size=12))
def test_any_words_are_classes(words: list):
    if len(set(words)) < 2:
        return
    task = fit(np.asarray(words, dtype=object))
    assert given_back(task, np.asarray(words, dtype=object)) == words
    assert len(set(task.classes)) == len(set(words)) and sum(task.counts) == len(words)


def test_one_class_in_training_is_refused():
    with pytest.raises(InputError, match="'y' has one class") as error:
        fit(["a", "a", "b"], training=[0, 1])
    assert "2 rows" in error.value.got


def test_counts_are_of_training_rows_and_classes_of_all():
    task = fit(["a", "a", "b", "c"], training=[0, 1, 2])
    assert task.classes == ("a", "b", "c") and task.counts == (2, 1, 0)
    assert task.constant(2).tolist() == [[2 / 3, 1 / 3, 0]] * 2 and task.constant_title == "always 'a'"


def test_a_class_of_later_rows_is_named_with_its_row():
    with pytest.raises(InputError, match="a class that training did not have") as error:
        fit(["a", "b"]).encode({"y": np.array(["a", "z", "zz", "A"])})
    assert "'z' in row 2 (3 such rows)" in error.value.got and "'a', 'b'" in error.value.wanted


@pytest.mark.parametrize("balanced", [False, True])
def test_losses_are_torchs(balanced: bool):
    task = fit(["a", "b", "b", "c", "c", "c"], balanced=balanced)
    generator = torch.Generator().manual_seed(0)
    outputs, target = torch.randn(20, 3, generator=generator), torch.randint(0, 3, (20,), generator=generator)
    weight = torch.tensor(task.weights) if balanced else None
    expected = torch.nn.functional.cross_entropy(outputs, target, weight=weight, reduction="none")
    assert torch.allclose(task.losses(outputs, target), expected)
    members = torch.stack([outputs, outputs * 2, -outputs], dim=1)
    got = task.losses(members, target)
    assert got.shape == (20, 3)
    for k in range(3):
        assert torch.allclose(got[:, k], task.losses(members[:, k], target))


def test_weights_are_sklearns_and_mean_one():
    from sklearn.utils.class_weight import compute_class_weight

    values = np.array(["a"] * 7 + ["b"] * 2 + ["c"])
    task = fit(values, balanced=True)
    assert task.weights == pytest.approx(compute_class_weight("balanced", classes=np.unique(values), y=values))
    assert np.dot(task.weights, task.counts) == pytest.approx(len(values))
    assert fit(values).weights == ()
    assert np.isfinite(fit(values, training=range(9), balanced=True).weights).all(), "a class without training rows"


def test_members_probabilities_are_averaged_and_stay_between_zero_and_one():
    task = fit(["a", "b"])
    outputs = torch.tensor([[[1000.0, -1000.0], [0.0, 0.0]]])
    assert task.predictions(outputs) == pytest.approx(np.array([[0.75, 0.25]]))
    assert task.predictions(outputs[:, 0]) == pytest.approx(np.array([[1.0, 0.0]]))


def test_columns_and_words():
    task = fit(["a", "b", "c"])
    columns = task.columns(np.array([[0.2, 0.5, 0.3]]))
    assert list(columns) == ["prediction", "probability_a", "probability_b", "probability_c"]
    assert columns["prediction"][0] == "b" and columns["probability_c"][0] == 0.3
    assert task.title == "classification into 3 classes" and fit(["a", "b"]).title == "binary classification"
    assert task.output_size == 3
    assert task.decode(torch.tensor([2, 0])).tolist() == [2, 0]
    assert next(iter(task.metrics)) == "accuracy"
    assert all(np.isfinite(metric(task.constant(3), np.array([0, 1, 2]))) for metric in task.metrics.values())


def test_json_and_back():
    task = fit([1.0, 2.0, 2.0], NUMBER, balanced=True)
    assert TypeAdapter(Task).validate_json(task.model_dump_json()) == task


def test_whole_numbers_are_one_class_however_they_are_stored():
    assert as_text(np.array([3.0, -0.0, 0.5])).tolist() == ["3", "0", "0.5"]
    assert as_text(np.array([3])).tolist() == ["3"]
    assert as_text(np.array([True])).tolist() == ["True"]
