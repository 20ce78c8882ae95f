"""What is told while training runs reaches whoever watches, and warns where nobody does."""

import pytest
import torch
from torch import Tensor

from netwright.api.telling import Telling
from netwright.core.notice import NetwrightWarning, Notice
from netwright.core.steps import EpochRecord, StepRecord


def steps(losses: dict[str, list[float]]) -> StepRecord:
    tensors: dict[str, Tensor] = {name: torch.tensor(v, dtype=torch.float64) for name, v in losses.items()}
    return StepRecord(epoch=0, epochs=2, step=1, steps=2, losses=tensors, rows=8, seconds=0.1)


EPOCH = EpochRecord(epoch=0, losses={"loss": 1.0}, validation=None, metrics={}, learning_rate=0.1, rows=8, seconds=0.1)


def test_losses_are_joined_by_phase():
    told = Telling(None, progress=False)
    for record in (steps({"a": [1, 2], "b": [5]}), EPOCH, steps({"a": [3]})):
        told(record)
    assert {name: values.tolist() for name, values in told.losses().items()} == {"a": [1, 2, 3], "b": [5]}
    assert Telling(None, progress=False).losses() == {}


def test_a_notice_nobody_watches_for_is_a_warning():
    told, notice = Telling(None, progress=False), Notice(what="odd", fix="mend it")
    with pytest.warns(NetwrightWarning, match=r"odd \(mend it\)"):
        told(notice)
    assert told.notices == [notice]


def test_who_watches_sees_everything_and_is_not_warned():
    seen: list[object] = []
    told = Telling(seen.append, progress=False)
    events = [Notice(what="odd"), steps({"loss": [1.0]}), EPOCH]
    for event in events:
        told(event)
    assert seen == events and told.notices == [events[0]]


def test_progress_goes_to_stderr_and_notices_are_not_said_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("netwright.api.progress.PLAIN_SECONDS", -1.0)
    told = Telling(None, progress=True)
    with pytest.warns(NetwrightWarning):
        told(Notice(what="odd"))
    told(steps({"loss": [1.0]}))
    told(EPOCH)
    told.done()
    out, err = capsys.readouterr()
    assert out == "" and "odd" not in err and "epoch 1/2" in err and "loss 1" in err
    silent = Telling(None, progress=False)
    silent(EPOCH)
    silent.done()
    assert capsys.readouterr() == ("", "")
