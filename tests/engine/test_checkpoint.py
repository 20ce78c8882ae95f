"""A run killed anywhere goes on with the same bits."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.errors import TrainingError
from netwright.core.phase import Phase
from netwright.core.plan import Plan, Planned
from netwright.core.seeds import derive
from netwright.core.steps import EpochRecord
from netwright.data.batches import Batches
from netwright.engine import checkpoint, loop
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
SOURCE = Batches(inputs=(X,), target=X[:, :1], fold=torch.full((40,), -1), rows=torch.arange(40), batch_size=7)
EPOCHS = 4


def loss(module: nn.Module, batch: Batch) -> Tensor:
    return (module(*batch.inputs) - batch.target).square().mean()


class Session:
    """A module, two phases, and what follows them."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.4), nn.Linear(8, 1))
        adam = torch.optim.AdamW(self.module[0].parameters(), lr=0.02, fused=True)
        sgd = torch.optim.SGD(self.module[3].parameters(), lr=0.02, momentum=0.9)
        self.phases = [
            Phase(name="first", loss=loss, optimizer=adam, scheduler=LambdaLR(adam, lambda step: 0.97**step)),
            Phase(name="second", loss=loss, optimizer=sgd, average=0.9),
        ]
        self.job = Job(module=self.module, phases=self.phases, source=SOURCE)
        self.averages = Averages(self.phases)
        self.best, self.at, self.losses = Best(), Position(), []

    def train(self, records: int | None = None) -> "Session":
        """Up to so many records, or to the end."""
        torch.manual_seed(seed=5) if self.at == Position() else None
        generator = loop.run(
            self.job,
            Eager(self.job, Cursor(self.job), self.averages, Plan()),
            self.averages,
            epochs=EPOCHS,
            order=lambda epoch: derive(3, f"epoch {epoch}"),
            validate=self.validate,
            position=self.at,
        )
        for count, record in enumerate(generator, start=1):
            if isinstance(record, EpochRecord):
                self.best.see(record.epoch, record.validation, self.module)
                self.losses.append((record.losses, float(record.validation)))
            if count == records:
                break
        return self

    @staticmethod
    def validate(module: nn.Module) -> tuple[Tensor, dict]:
        return (module(X) - X[:, :1]).square().mean(), {}

    def save(self, folder: Path) -> None:
        notes = {"losses": self.losses, "n": 1}
        checkpoint.save(folder, self.job, self.averages, self.best, self.at, Planned(), notes=notes)

    def load(self, folder: Path) -> list | None:
        found = checkpoint.load(folder, self.job, self.averages, self.best, lambda notes: None)
        if found is None:
            return None
        self.at, _, notes, notices = found
        assert notes["n"] == 1
        self.losses = notes["losses"]
        return notices


@pytest.fixture(autouse=True)
def a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)


@pytest.mark.parametrize("records", [1, 3, 6, 7, 10, 20])
def test_resumed_anywhere_the_bits_are_the_same(tmp_path: Path, records: int):
    whole = Session().train()
    Session().train(records).save(tmp_path)
    torch.manual_seed(99)
    resumed = Session(seed=77)
    assert resumed.load(tmp_path) == []
    resumed.train()
    assert resumed.losses == whole.losses and len(whole.losses) == EPOCHS
    for ours, theirs in ((resumed.module, whole.module), (resumed.best.weights, whole.best.weights)):
        ours, theirs = (x if isinstance(x, dict) else x.state_dict() for x in (ours, theirs))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.best.epoch == whole.best.epoch and torch.equal(resumed.best.scores, whole.best.scores)


def test_nothing_saved_is_nothing_loaded(tmp_path: Path):
    assert Session().load(tmp_path) is None
    assert Session().load(tmp_path / "none") is None


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def saved_thrice(folder: Path) -> Session:
    session = Session()
    for _ in range(3):
        session.train(3).save(folder)
    return session


def test_the_last_two_are_kept(tmp_path: Path):
    saved_thrice(tmp_path)
    assert names(tmp_path) == ["step-000000-000000006", "step-000001-000000002"]
    assert names(tmp_path / names(tmp_path)[0]) == ["manifest.json", "state.safetensors"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "a flipped bit": lambda p: flip(p / "state.safetensors"),
    "cut short": lambda p: (p / "state.safetensors").write_bytes((p / "state.safetensors").read_bytes()[:-9]),
    "empty": lambda p: (p / "manifest.json").write_bytes(b""),
    "no manifest": lambda p: (p / "manifest.json").unlink(),
    "no state": lambda p: (p / "state.safetensors").unlink(),
    "another state": lambda p: (p / "manifest.json").write_text(
        json.dumps(json.loads((p / "manifest.json").read_text()) | {"state": {"odd": 1}})
    ),
    "a state of text": lambda p: (p / "manifest.json").write_text(
        json.dumps(json.loads((p / "manifest.json").read_text()) | {"state": "text"})
    ),
    "no fields": lambda p: (p / "manifest.json").write_text("{}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path: Path, damage: str):
    saved_thrice(tmp_path)
    DAMAGES[damage](tmp_path / names(tmp_path)[-1])
    session = Session(seed=8)
    (notice,) = session.load(tmp_path)
    assert names(tmp_path)[-1] in notice.what and (session.at.epoch, session.at.step) == (0, 6)
    session.train()
    assert session.losses == Session().train().losses


def unchanged(session: Session, folder: Path, error: type[Exception], match: str, accept: Callable = print) -> None:
    before = {name: value.clone() for name, value in session.module.state_dict().items()}
    with pytest.raises(error, match=match):
        checkpoint.load(folder, session.job, session.averages, session.best, accept)
    assert all(torch.equal(value, before[name]) for name, value in session.module.state_dict().items())
    assert session.best.epoch == -1


def test_all_damaged_is_told_and_changes_nothing(tmp_path: Path):
    saved_thrice(tmp_path)
    for name in names(tmp_path):
        flip(tmp_path / name / "state.safetensors")
    unchanged(Session(), tmp_path, TrainingError, "None of the checkpoints")


def test_a_refused_checkpoint_changes_nothing(tmp_path: Path):
    saved_thrice(tmp_path)

    def refuse(notes: dict) -> None:
        raise LookupError(f"n is {notes['n']}")

    unchanged(Session(), tmp_path, LookupError, "n is 1", refuse)


@pytest.mark.parametrize("number", range(0, 100, 7))
def test_a_digit_changed_in_the_manifest_is_seen(tmp_path: Path, number: int):
    saved_thrice(tmp_path)
    path = tmp_path / names(tmp_path)[-1] / "manifest.json"
    data = bytearray(path.read_bytes())
    place = [i for i, byte in enumerate(data) if chr(byte).isdigit()][number]
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    path.write_bytes(data)
    session = Session()
    (notice,) = session.load(tmp_path)
    assert "damaged" in notice.what and session.at.step == 6


def test_what_a_killed_writer_left_is_swept(tmp_path: Path):
    saved_thrice(tmp_path)
    (tmp_path / ".step-000009-000000000.123.part").mkdir()
    assert Session().load(tmp_path) == []
    assert len(names(tmp_path)) == 2
