"""Every family for sequences, series, texts and texts to be continued: what each must be able to do.

A further family is tried by itself: the cases come from the registry.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netwright as nw
from netwright.api import fitting
from netwright.api.rows import Sources
from netwright.api.train import prepare
from netwright.artifact.load import Undrawn
from netwright.core.plan import Plan
from netwright.core.settings import Settings
from netwright.core.steps import EpochRecord
from netwright.families.family import Family
from netwright.families.registry import FAMILIES

WORDS = [
    "the",
    "a",
    "small",
    "old",
    "green",
    "house",
    "river",
    "stone",
    "bird",
    "wind",
    "sings",
    "falls",
    "runs",
    "under",
]


@dataclass(frozen=True)
class Kind:
    """Data of one kind, and new data to ask about."""

    make: Callable[[Path], object]
    new: Callable[[Path], object]
    asked: dict


def sequences(count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    turns = [random.integers(9, 25) for _ in range(count)]
    return [
        np.sin(np.arange(n) * (0.4 + (i % 2)))[:, None] + random.normal(0, 0.1, (n, 2)) for i, n in enumerate(turns)
    ]


def series(days: int) -> dict[str, object]:
    random = np.random.default_rng(0)
    day = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")[:days]
    sold = 20 + 8 * np.sin(np.arange(days) * 2 * np.pi / 7) + random.normal(size=days)
    return {"day": day, "sold": sold, "price": random.normal(size=days)}


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    own = [["glad", "warm"], ["grim", "cold"]]
    return [" ".join([*random.choice(WORDS, random.integers(3, 12)), random.choice(own[i % 2])]) for i in range(count)]


def novel(folder: Path) -> str:
    file = folder / "novel.txt"
    file.write_text("\n".join(sentences(150, 3)), encoding="utf-8")
    return str(file)


KINDS = {
    "sequence": Kind(lambda _: (sequences(60, 0), [i % 2 for i in range(60)]), lambda _: sequences(7, 1), {}),
    "series": Kind(lambda _: series(200), lambda _: series(150), {"target": "sold", "horizon": 5, "window": 14}),
    "text": Kind(
        lambda _: {"line": sentences(80, 0), "length": [i % 7 for i in range(80)], "mood": ["high", "low"] * 40},
        lambda _: {"line": sentences(5, 1), "length": [3] * 5},
        {"target": "mood"},
    ),
    "corpus": Kind(novel, novel, {"window": 24}),
}
CASES = {
    f"{family.name}-{data}": (family, data)
    for family in FAMILIES
    for data in family.fits
    if data in KINDS and family.name != "bert"
}
every = pytest.mark.parametrize(("family", "data"), CASES.values(), ids=CASES)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps run eagerly, on one thread: the same bits each time."""
    monkeypatch.setattr(fitting, "_plan", lambda *_: Plan(threads=1))


def small(family: Family) -> dict[str, object]:
    """Settings of the family with which a run takes a second."""
    known = family.config.model_fields
    few = {"epochs": 3, "patience": 50, "batch_size": 16, "hidden_size": 16, "width": 16, "num_layers": 1}
    few |= {"depth": 1, "members": 2, "features": 84, "places": 2**10, "orders": 2, "num_heads": 2}
    few |= {"batch_size": 64} if "corpus" in family.fits else {}
    return {name: value for name, value in few.items() if name in known}


def train(family: Family, data: str, folder: Path, **more: object) -> nw.Run:
    kind = KINDS[data]
    given = {**kind.asked, "family": family.name, "config": small(family), **more}
    return nw.train(kind.make(folder), output=folder / "run", **given)


@every
def test_what_is_loaded_answers_as_what_was_trained(family: Family, data: str, tmp_path: Path):
    run = train(family, data, tmp_path)
    loaded = nw.load(run.path)
    if data == "corpus":
        written = ["".join(p.write("the ", length=30, seed=1)) for p in (run.predictor, loaded)]
        assert written[0] == written[1] and len(written[0]) == 30
    else:
        new = KINDS[data].new(tmp_path)
        assert np.array_equal(run.predict(new), loaded.predict(new))
        assert len(loaded.predict(new)) == (5 if data != "sequence" else 7)
    assert run.findings is not None and np.isfinite(next(iter(run.figures.values())))
    assert (run.path / "report.html").stat().st_size > 10_000


@every
def test_it_is_built_without_memory_first(family: Family, data: str, tmp_path: Path):
    settings = Settings(source="table", family=family.name, config=small(family), **asked(data))
    ready = prepare(Sources(training=KINDS[data].make(tmp_path)), settings)
    assert ready.family is family
    with torch.device("meta"), Undrawn():
        meta = family.build(ready.config, ready.rows.schema, ready.rows.task, nn)
    real = family.build(ready.config, ready.rows.schema, ready.rows.task, nn)
    assert {k: (v.shape, v.dtype) for k, v in meta.state_dict().items()} == {
        k: (v.shape, v.dtype) for k, v in real.state_dict().items()
    }


def asked(data: str) -> dict:
    given = dict(KINDS[data].asked)
    return given | ({"target": (given["target"],)} if "target" in given else {})


@pytest.mark.parametrize(
    ("family", "data"),
    [c for c in CASES.values() if c[0].phases is not None],
    ids=[n for n, c in CASES.items() if c[0].phases is not None],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(family: Family, data: str, tmp_path: Path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir(), halves.mkdir()
    wanted = train(family, data, whole).predictor.module.state_dict()
    told = []

    def stop(event: object) -> None:
        if isinstance(event, EpochRecord) and not told:
            told.append(event)
            signal.raise_signal(signal.SIGINT)

    stopped = train(family, data, halves, watch=stop)
    assert stopped.exit_code == 130 and len(stopped.history) == 1
    again = nw.resume(stopped.path, KINDS[data].make(halves))
    got = again.predictor.module.state_dict()
    assert [r.epoch for r in again.history] == [0, 1, 2]
    assert [name for name in wanted if not torch.equal(wanted[name], got[name])] == []
