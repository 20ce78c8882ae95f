"""Statistics come from training rows alone: a leak is planted in the others, and must not be seen."""

from pathlib import Path

import numpy as np
import pytest

from netwright.api.fitting import configure, to_batches
from netwright.api.rows import Rows, Sources, gather
from netwright.core.settings import Settings
from netwright.families.registry import FAMILIES, find


def rows_of(poison: bool, family: str, tmp_path: Path) -> Rows:
    """The same training rows; with `poison`, test and validation rows hold absurd values, categories and targets."""
    random = np.random.default_rng(0)
    train = {"x": random.normal(size=100), "word": random.choice(["a", "b"], 100), "y": random.normal(size=100)}
    other = {"x": random.normal(size=40), "word": random.choice(["a", "b"], 40), "y": random.normal(size=40)}
    if poison:
        other = {"x": np.full(40, 1e6), "word": ["secret"] * 40, "y": np.full(40, 1e9)}
        other["x"][:5] = np.nan
    validation, test = ({k: v[part] for k, v in other.items()} for part in (slice(0, 20), slice(20, 40)))
    settings = Settings(source="table", target=("y",))
    return gather(Sources(training=train, validation=validation, test=test), settings, find(family))


@pytest.mark.parametrize("family", [f.name for f in FAMILIES if "table" in f.fits])
def test_schema_task_and_prepared_weights_see_training_rows_only(family: str, tmp_path: Path):
    import torch

    clean, poisoned = rows_of(False, family, tmp_path), rows_of(True, family, tmp_path)
    assert clean.schema == poisoned.schema
    assert clean.task == poisoned.task
    assert np.array_equal(clean.encoded.numbers[:100], poisoned.encoded.numbers[:100])
    states = []
    for rows in (clean, poisoned):
        torch.manual_seed(0)
        config = configure(find(family), rows, {})
        module = find(family).build(config, rows.schema, rows.task, torch.nn)
        batches = to_batches(rows, config, torch.device("cpu"))
        validation = batches.at(torch.nonzero(batches.fold >= 0).flatten())
        if find(family).prepare is not None:
            find(family).prepare(module, config, rows.task, batches.training(), validation)
        states.append(module.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))


def test_the_plant_would_be_seen_if_the_rows_trained():
    """The test above can fail: the same poison among the training rows changes the schema."""
    random = np.random.default_rng(0)
    table = {"x": random.normal(size=100), "y": random.normal(size=100)}
    settings = Settings(source="table", target=("y",))
    clean = gather(Sources(training=table), settings, find("mlp"))
    x = table["x"].copy()
    x[clean.split.training[:40]] = 1e6
    assert gather(Sources(training=table | {"x": x}), settings, find("mlp")).schema != clean.schema


def test_held_out_rows_of_a_random_split_do_not_move_the_statistics():
    random = np.random.default_rng(1)
    table = {"x": random.normal(size=200), "y": random.choice(["a", "b"], 200)}
    settings = Settings(source="table", target=("y",))
    clean = gather(Sources(training=table), settings, find("tabular"))
    x = table["x"].copy()
    x[clean.split.test] = 1e6 + np.arange(len(clean.split.test))
    poisoned = gather(Sources(training=table | {"x": x}), settings, find("tabular"))
    assert np.array_equal(clean.split.test, poisoned.split.test)
    assert clean.schema == poisoned.schema


@pytest.mark.parametrize("count", [400, 12_000, 13_000, 30_000, 45_000])
def test_every_member_has_a_fold_of_its_own_that_it_does_not_train_on(count: int):
    """Members are counted before the split and after it, from different numbers of rows: they must agree."""
    random = np.random.default_rng(0)
    table = {"x": random.normal(size=count), "y": random.normal(size=count)}
    family = find("tabular")
    rows = gather(Sources(training=table), Settings(source="table", target=("y",)), family)
    assert configure(family, rows, {}).model_dump()["members"] == len(rows.split.folds)
    assert all(len(fold) for fold in rows.split.folds)


def test_one_member_validates_on_a_part_of_the_rows():
    random = np.random.default_rng(0)
    table = {"x": random.normal(size=200), "y": random.normal(size=200)}
    settings = Settings(source="table", target=("y",), config={"members": "1"})
    split = gather(Sources(training=table), settings, find("tabular")).split
    assert len(split.folds) == 1 and len(split.folds[0]) < len(split.training) / 4
    assert not set(split.folds[0]) & set(split.training)
