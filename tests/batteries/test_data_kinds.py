"""Every family for sequences, series, texts and texts to be continued: what each must be able to do.

A further family is tried by itself: the cases come from the registry.
"""

import signal
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
from tests.batteries.kinds import KINDS, asked, small

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
