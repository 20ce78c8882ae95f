"""Every optimizer and scheduler of torch goes on with the same bits, wherever it is cut.

The configurations are those torch tests its optimizers with. A run is saved after every step; each checkpoint is then
taken up by a training built anew, from other weights and another random state.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.plan import Plan, Planned
from netwright.core.steps import StepRecord
from netwright.data.batches import Batches
from netwright.engine import checkpoint, loop
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import optim_db

Make = Callable[[nn.Module], torch.optim.Optimizer]
ROWS, EPOCHS, STEPS = 11, 3, 3
X = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(0))
SOURCE = Batches(
    inputs=(X, torch.arange(ROWS) % 5),
    target=X[:, :2] * 2 - 1,
    fold=torch.full((ROWS,), -1),
    rows=torch.arange(ROWS),
    batch_size=2,
)
ACCUMULATE = 2
"""Six batches an epoch, three updates; the last batch has one row."""


class Net(nn.Module):
    """Dense and sparse weights, a buffer and random numbers."""

    def __init__(self, sparse: bool) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(4, 6), nn.LayerNorm(6)
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(6, 2)
        self.words = nn.Embedding(5, 2, sparse=sparse)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return self.last(self.drop(torch.tanh(self.norm(self.first(x))))) + self.words(words)


def loss(module: nn.Module, batch: Batch) -> Tensor:
    return (module(*batch.inputs) - batch.target).square().mean()


@dataclass
class Training:
    """A training as somebody builds it in a fresh process."""

    make: Make
    schedule: Callable[[torch.optim.Optimizer], schedules.LRScheduler] | None = None
    by: str = "update"
    plan: Plan = field(default_factory=Plan)
    seed: int = 0
    losses: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        probe = self.make(Net(False))
        self.module = Net(sparse=isinstance(probe, torch.optim.SparseAdam))
        optimizer = self.make(self.module)
        scheduler = self.schedule(optimizer) if self.schedule else None
        phase = Phase(name="loss", loss=loss, optimizer=optimizer, scheduler=scheduler, scheduler_steps=self.by)
        self.job = Job(module=self.module, phases=[phase], source=SOURCE, accumulate=ACCUMULATE)
        self.averages, self.best, self.at = Averages([phase]), Best(), Position()
        torch.manual_seed(5)

    def run(self, folder: Path | None = None, cuts: Sequence[int] = ()) -> "Training":
        """To the end; with a folder, saved there after these records."""
        runner = Eager(self.job, Cursor(self.job), self.averages, self.plan)
        records = loop.run(
            self.job, runner, self.averages, epochs=EPOCHS, order=lambda e: 7 + e, validate=None, position=self.at
        )
        for number, record in zip(count(), records, strict=False):
            if isinstance(record, StepRecord):
                self.losses.append(record.losses["loss"])
            if folder is not None and number in cuts:
                notes = {"done": len(self.losses)}
                where = folder / f"{number:02d}"
                checkpoint.save(where, self.job, self.averages, self.best, self.at, Planned(), notes=notes)
        return self

    def take_up(self, folder: Path) -> int:
        """Gives how many updates were done before."""
        found = checkpoint.load(folder, self.job, self.averages, self.best, lambda notes: None)
        assert found is not None
        self.at, _, notes, notices = found
        assert notices == []
        return notes["done"]


def goes_on(tmp_path: Path, build: Callable[[int], Training], cuts: tuple[int, ...]) -> None:
    """A run that is cut and taken up again is the run that was not."""
    whole = build(0).run(tmp_path, cuts)
    assert len(whole.losses) == EPOCHS * STEPS
    for cut in cuts:
        again = build(99)
        torch.manual_seed(1234)
        done = again.take_up(tmp_path / f"{cut:02d}")
        again.run()
        assert all(map(torch.equal, again.losses, whole.losses[done:])), f"losses after record {cut}"
        assert len(again.losses) == len(whole.losses) - done
        states = again.module.state_dict(), whole.module.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1]), f"weights after record {cut}"


@pytest.fixture(autouse=True)
def a_record_a_step_and_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("netwright.core.files.os.fsync", lambda descriptor: None)  # hundreds are written here


CUTS = (1, 3, 6)
"""Records: within the first epoch, its end, and the last step of the second before its end is recorded; each stands
between two updates of two batches."""


def trained(module: nn.Module, kind: type[torch.optim.Optimizer]) -> list[nn.Parameter]:
    """What this kind of optimizer can train."""
    if kind is torch.optim.SparseAdam:
        return [module.words.weight]
    if kind.__name__ == "Muon":
        return [p for p in module.parameters() if p.dim() == 2]
    return list(module.parameters())


def configurations() -> list:
    """Every one of torch's, and each default again in torch's other implementations."""
    made = []
    for info in optim_db:
        inputs = [(given.desc, given.kwargs) for given in info.optim_inputs_func(device="cpu")]
        ways = [way for way in info.supported_impls if way in ("foreach", "fused")]
        inputs += [(way, {way: True}) for way in ways]
        made += [pytest.param(info.optim_cls, o, id=f"{info.optim_cls.__name__}-{d}") for d, o in inputs]
    return made


@pytest.mark.parametrize(("kind", "options"), configurations())
def test_every_optimizer(tmp_path: Path, kind: type, options: dict):
    def copied() -> dict:
        return {name: value.clone() if isinstance(value, Tensor) else value for name, value in options.items()}

    goes_on(tmp_path, lambda seed: Training(lambda m: kind(trained(m, kind), **copied()), seed=seed), CUTS)


def groups(module: nn.Module) -> list[dict]:
    last = [*module.last.parameters()]
    own = set(map(id, last))
    return [{"params": [p for p in module.parameters() if id(p) not in own]}, {"params": last, "lr": 0.02}]


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad])
def test_the_engines_fused_update(tmp_path: Path, kind: type):
    def build(seed: int) -> Training:
        return Training(lambda m: kind(groups(m), lr=0.01), halving, plan=Plan(fused=True), seed=seed)

    goes_on(tmp_path, build, CUTS)


class Wave:
    """A schedule with a state of its own."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, step: int) -> float:
        self.seen += 1
        return 1 / (1 + 0.1 * self.seen)


def halving(optimizer: torch.optim.Optimizer) -> schedules.LRScheduler:
    return schedules.StepLR(optimizer, 2, gamma=0.5)


def sequential(optimizer: torch.optim.Optimizer) -> schedules.LRScheduler:
    parts = [schedules.LinearLR(optimizer, total_iters=3), schedules.MultiStepLR(optimizer, [2, 2, 4])]
    return schedules.SequentialLR(optimizer, parts, milestones=[4])


SCHEDULERS = {
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda step: 0.9**step),
    "LambdaLR of an object": lambda o: schedules.LambdaLR(o, [Wave(), Wave()]),
    "MultiplicativeLR": lambda o: schedules.MultiplicativeLR(o, lambda step: 0.95),
    "StepLR": halving,
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [2, 4, 4, 6], gamma=0.5),
    "ConstantLR": lambda o: schedules.ConstantLR(o, total_iters=4),
    "LinearLR": lambda o: schedules.LinearLR(o, total_iters=5),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, gamma=0.9),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, total_iters=7, power=2.0),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, T_max=4),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, T_0=2, T_mult=2),
    "ReduceLROnPlateau": lambda o: schedules.ReduceLROnPlateau(o, patience=0, factor=0.5),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.001, 0.05, step_size_up=2),
    "CyclicLR by a function": lambda o: schedules.CyclicLR(
        o, 0.001, 0.05, step_size_up=2, scale_fn=lambda step: 0.9**step, scale_mode="iterations"
    ),
    "CyclicLR, exp_range": lambda o: schedules.CyclicLR(o, 0.001, 0.05, step_size_up=2, mode="exp_range", gamma=0.9),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, max_lr=[0.05, 0.03], total_steps=20),
    "OneCycleLR, three phases": lambda o: schedules.OneCycleLR(o, max_lr=0.05, total_steps=20, three_phase=True),
    "SequentialLR": sequential,
    "ChainedScheduler": lambda o: schedules.ChainedScheduler([halving(o), schedules.ExponentialLR(o, 0.9)], o),
    "a sequence in a chain": lambda o: schedules.ChainedScheduler([sequential(o), schedules.ExponentialLR(o, 0.9)], o),
    "SWALR": lambda o: SWALR(o, swa_lr=[0.02, 0.03], anneal_epochs=3),
    "SWALR, linear": lambda o: SWALR(o, swa_lr=0.02, anneal_epochs=3, anneal_strategy="linear"),
}
BY_EPOCH_ONLY = {"ReduceLROnPlateau"}


def test_no_scheduler_of_torch_is_forgotten():
    every = {name for name, kind in vars(schedules).items() if isinstance(kind, type)}
    every = {n for n in every if issubclass(getattr(schedules, n), schedules.LRScheduler) and not n.startswith("_")}
    assert every - {"LRScheduler"} <= {name.split(",")[0] for name in SCHEDULERS}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("by", ["update", "epoch"])
def test_every_scheduler(tmp_path: Path, name: str, by: str):
    by = "epoch" if name in BY_EPOCH_ONLY else by

    def build(seed: int) -> Training:
        return Training(lambda m: torch.optim.SGD(groups(m), lr=0.05, momentum=0.9), SCHEDULERS[name], by, seed=seed)

    goes_on(tmp_path, build, (0, 3, 6) if by == "update" else (2, 3, 6))


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_schedulers_that_move_the_momentum_of_adam(tmp_path: Path, name: str):
    def build(seed: int) -> Training:
        return Training(lambda m: torch.optim.Adam(groups(m), lr=0.01), SCHEDULERS[name], seed=seed)

    goes_on(tmp_path, build, CUTS)


def test_a_rate_that_is_a_tensor_under_a_scheduler(tmp_path: Path):
    def build(seed: int) -> Training:
        return Training(lambda m: torch.optim.Adam(m.parameters(), lr=torch.tensor(0.01)), sequential, seed=seed)

    goes_on(tmp_path, build, CUTS)
