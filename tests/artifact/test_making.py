"""New rows: of which class, and what they bring with them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netwright as nw
from netwright.artifact.making import classes_for, known_classes, made
from netwright.artifact.predictor import Predictor
from netwright.core.cells import CellType
from netwright.tasks import Classification, Generation, Reduction

LABEL = Classification(targets=("kind",), cells=(CellType(kind="string"),), classes=("a", "b", "c"), counts=(6, 0, 2))


class Drawing(nn.Module):
    """Gives what it was asked for back, as a column of numbers."""

    def __init__(self, classes: int | None = None) -> None:
        super().__init__()
        if classes is not None:
            self.classes = classes

    def generate(self, count: int, labels: torch.Tensor | None, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        numbers = torch.full((count,), -1.0) if labels is None else labels.float()
        return (torch.stack([numbers, torch.randn(count, generator=generator)], 1),)


def table(numbered: bool = False) -> dict[str, list]:
    random = np.random.default_rng(0)
    kind = random.integers(1, 3, 80)
    words = kind.tolist() if numbered else np.asarray(["", "a", "b"])[kind].tolist()
    return {"x": random.normal(size=80).tolist(), "kind": words}


def trained(folder: Path, source: object, **config: object) -> Predictor:
    settings = {"epochs": 1, "hidden_sizes": [16]} | config
    return nw.train(source, target="kind", family="gan", config=settings, output=folder).predictor


def test_classes_are_drawn_in_their_training_shares_where_the_network_knows_them():
    task = Generation(label=LABEL)
    numbers = classes_for(Drawing(), task, 4000, seed=1)
    assert numbers is not None and set(numbers) == {0, 2} and 0.7 < (numbers == 0).mean() < 0.8
    assert np.array_equal(numbers, classes_for(Drawing(3), task, 4000, seed=1))
    assert classes_for(Drawing(3), task, 2, label="b").tolist() == [1, 1]
    assert classes_for(Drawing(0), task, 5) is None and classes_for(Drawing(), Generation(), 5) is None
    assert known_classes(Drawing(0), task) == () and known_classes(Drawing(), Reduction(label=LABEL, size=1)) == ()


@pytest.mark.parametrize(
    ("module", "task", "label", "mend"),
    [
        (Drawing(0), Generation(label=LABEL), "a", "by_class"),
        (Drawing(3), Generation(label=LABEL), "z", "Give one of these"),
        (Drawing(0), Generation(), "a", "Give one of these"),
        (Drawing(), Reduction(size=2), None, "--family gan"),
    ],
)
def test_a_class_that_is_not_known_is_refused(module: nn.Module, task: Generation, label: str | None, mend: str):
    with pytest.raises(nw.InputError) as caught:
        classes_for(module, task, 3, label=label)
    assert mend in caught.value.fix


def test_many_rows_are_made_some_at_a_time():
    classes = np.arange(600) % 3
    (rows,) = made(Drawing(), 600, classes, seed=3)
    assert rows[:, 0].tolist() == classes.tolist() and len(np.unique(rows[:, 1])) == 600
    assert np.array_equal(rows, made(Drawing(), 600, classes, seed=3)[0])
    assert made(Drawing(), 2, None, seed=0)[0][:, 0].tolist() == [-1, -1]


def test_a_generated_table_has_its_labels_at_the_end(tmp_path: Path):
    by_word, by_number = trained(tmp_path / "words", table()), trained(tmp_path / "numbers", table(numbered=True))
    rows = by_word.generate(30, seed=1)
    assert rows.columns == ["x", "kind"] and set(rows["kind"].to_list()) == {"a", "b"}
    assert by_word.generate(3, label="b")["kind"].to_list() == ["b"] * 3
    assert by_number.generate(2, label=2)["kind"].to_list() == [2, 2]


def test_without_classes_there_are_no_labels(tmp_path: Path):
    predictor = trained(tmp_path / "run", table(), by_class=False)
    assert predictor.generate(3).columns == ["x"] and predictor.made(3)[1] is None
    with pytest.raises(nw.InputError, match="without classes"):
        predictor.generate(3, label="a")
