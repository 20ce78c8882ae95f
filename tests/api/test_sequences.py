"""Sequences gathered: split first, measured after, copies on one side, labels found, faults named."""

import numpy as np
import pytest
from torch import nn

from netwright.api.judging.sequences import sequence_panels
from netwright.api.rows import Rows, Sources
from netwright.api.sequences import gather_sequences
from netwright.core.errors import InputError
from netwright.core.settings import Settings
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.long import from_long
from netwright.data.sequences.read import read_sequences
from netwright.data.sources.read import read
from netwright.families.rocket.family import FAMILY

RANDOM = np.random.default_rng(0)
COUNT = 60


def parts(count: int = COUNT) -> list[np.ndarray]:
    return [RANDOM.normal(i % 2, 1, (8 + i % 5, 2)) for i in range(count)]


def labels(count: int = COUNT) -> list[str]:
    return ["1" if i % 2 else "2" for i in range(count)]


def gathered(source: object, test: object = None, **asked: object) -> Rows:
    training = source if isinstance(source, Sequences) else read_sequences(source)
    other = None if test is None else read_sequences(test)
    return gather_sequences(Sources(training=training, test=other), Settings(source="table", **asked), FAMILY)


def test_split_first_and_statistics_of_training_rows():
    values = parts()
    before = gathered((values, labels()))
    held = before.split.test
    assert len(held) and not set(held) & set(before.split.fitting)
    spoilt = [part * 1e5 if i in held else part for i, part in enumerate(values)]
    assert gathered((spoilt, labels())).schema == before.schema
    assert (
        before.task.kind == "classification" and before.task.classes == ("1", "2") and before.schema.data == "sequence"
    )
    assert before.encoded.parts[0].shape == (COUNT, 12, 2) and before.target.shape == (COUNT,)
    assert [c.name for c in before.schema.left_out] == ["sequence"]
    assert (before.truth(held) == before.target[held]).all()


def test_copies_stay_on_one_side():
    rows = gathered((parts() * 2, labels() * 2))
    test = set((rows.split.test % COUNT).tolist())
    assert test and not test & set((rows.split.fitting % COUNT).tolist())


def test_a_part_of_its_own_is_held_out_and_copies_in_it_are_told():
    values = parts()
    rows = gathered((values, labels()), test=(values[:7], labels()[:7]))
    assert rows.split.test.tolist() == list(range(60, 67)) and rows.numbers[60] == 1
    assert any("sequences lie among the training" in notice.what for notice in rows.notices)
    own = read_sequences({"x": np.stack([p[:8] for p in values]), "y": np.array(labels()),
                          "x_test": np.zeros((6, 8, 2)), "y_test": np.array(labels()[:6])})  # fmt: skip
    assert gathered(own).split.test.tolist() == list(range(60, 66))
    with pytest.raises(InputError, match="test sequences of its own"):
        gathered(own, test=(values, labels()))


def test_numbers_and_several_labels():
    values = parts()
    assert gathered((values, RANDOM.normal(size=COUNT))).task.kind == "regression"
    both = np.stack([RANDOM.random(COUNT) > 0.5, RANDOM.random(COUNT) > 0.3], 1)
    source = read_sequences((values, both))
    assert gathered(source, target=("label0", "label1")).task.kind == "multilabel"
    assert gathered((values, np.arange(COUNT) % 3)).task.kind == "classification"


def test_long_tables_with_groups_and_an_order():
    steps = 6
    source = {"who": np.repeat(np.arange(COUNT), steps), "t": np.tile(np.arange(steps), COUNT),
              "v": RANDOM.normal(size=COUNT * steps), "y": np.repeat(np.array(labels()), steps),
              "g": np.repeat(np.arange(COUNT) // 6, steps)}  # fmt: skip
    sequences = from_long(read(source), id="who", target=["y"], beside=["g"])
    rows = gathered(sequences, target=("y",), time="t", group="g")
    groups = np.arange(COUNT) // 6
    assert not set(groups[rows.split.test]) & set(groups[rows.split.fitting])
    assert rows.schema.form.id == "who" and rows.schema.form.order == "t"
    assert rows.task.kind == "classification"


def test_what_cannot_be():
    with pytest.raises(InputError, match="What is to be told"):
        gathered(parts())
    with pytest.raises(InputError, match="no column called"):
        gathered((parts(), labels()), target=("y",))
    with pytest.raises(InputError, match="one class"):
        gathered((parts(), ["a"] * COUNT))
    with pytest.raises(InputError, match="Too few rows"):
        gathered((parts(3), labels(3)))


@pytest.mark.parametrize("kind", ["classes", "numbers", "labels"])
def test_panels_show_the_worst(kind: str):
    target = {"classes": labels(), "numbers": RANDOM.normal(size=COUNT),
              "labels": np.stack([RANDOM.random(COUNT) > 0.5] * 2, 1)}[kind]  # fmt: skip
    names = ("label0", "label1") if kind == "labels" else ()
    rows = gathered((parts(), target), target=names)
    held = rows.split.test
    truth = rows.truth(held)
    predictions = np.eye(2)[1 - truth] if kind == "classes" else truth.astype(float) + 0.4
    error = RANDOM.random(len(held))
    (panel,) = sequence_panels(rows, nn.Identity(), held, predictions, truth, error)
    assert panel.section == "Sequences" and panel.html.count("<figure") == min(12, len(held))
    worst = f"sequence {rows.numbers[held[error.argmax()]]}"
    assert panel.html.index(worst) < 3000
    if kind == "classes":
        right = sequence_panels(rows, nn.Identity(), held, np.eye(2)[truth], truth, error)
        assert "no held-out sequence wrong" in right[0].title
    assert sequence_panels(rows, nn.Identity(), held[:0], predictions[:0], truth[:0], error[:0]) == ()
