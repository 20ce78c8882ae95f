"""Many steps as one compiled program: the eager steps' numbers, and module and optimizer true after every call."""

import os
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.data.feeds.feed import feed
from netwright.engine import workshop
from netwright.engine.averages import Averages
from netwright.engine.compiling import Compiling
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.recording import Refused
from netwright.engine.update import NotFinite
from netwright.engine.workshop import Order

ROWS, SIZE = 48, 8
X = torch.randn(ROWS, 6, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] * 2 - X[:, 1:2]
COMPILED = Plan(tier="compiled", fused=True)
compiling = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler on this machine")


class Net(nn.Module):
    """BatchNorm's buffers, dropout's random numbers, a weight used twice, one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.Dropout(0.2)
        self.again, self.out = nn.Linear(16, 16), nn.Linear(16, 1)
        self.out.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(torch.relu(self.norm(self.first(x))))
        return self.out(torch.tanh(self.again(torch.tanh(self.again(x)))))


def loss(module: nn.Module, batch: tuple[Tensor, Tensor]) -> Loss:
    off = (module(batch[0]) - batch[1]).square()
    return Loss(value=off.mean(), weight=(batch[1] > 0).sum(), figures={"largest": off.detach().max()})


class Made:
    """A job with one cycle of AdamW, cycled betas included, for the eager or the compiled tier."""

    def __init__(self, target: Tensor = Y) -> None:
        torch.manual_seed(1)
        self.module = Net()
        optimizer = torch.optim.AdamW([p for p in self.module.parameters() if p.requires_grad], lr=0.01)
        schedule = OneCycleLR(optimizer, max_lr=0.02, total_steps=100)
        self.phase = Phase(name="net", loss=loss, optimizer=optimizer, scheduler=schedule)
        source = feed((X, target), batch_size=SIZE, shuffle=True, drop_last=True, device="cpu")
        self.job = Job(module=self.module, phases=[self.phase], source=source)
        self.eager = Eager(self.job, Cursor(self.job), Averages([self.phase]), Plan())
        self.runner = self.eager

    def compiled(self) -> "Made":
        made = Compiling(self.job, COMPILED)
        made.begin()
        runner = made.runner(self.eager, wait=True)
        assert runner is not None
        self.runner = runner
        return self

    def run(self, at: Position, most: int) -> dict[str, Tensor]:
        """Run so many steps; gives losses, figures and weights."""
        parts = []
        last = at.step + most
        while at.step < last:
            parts.append(self.runner.run(at, last - at.step, time.perf_counter() + 9))
        told = {name: torch.cat([p.losses[name] for p in parts]) for name in parts[0].losses}
        return told | {"weight": torch.cat([p.weights["net"] for p in parts])}

    def state(self) -> dict[str, Tensor]:
        held = self.phase.optimizer.state_dict()["state"]
        state = {f"{i} {k}": v for i, s in held.items() for k, v in s.items()}
        return dict(self.module.state_dict()) | state


@pytest.fixture(scope="module")
def compiled() -> Made:
    """Compiling takes some ten seconds; the tests that follow share the program."""
    return Made().compiled()


def close(wanted: dict[str, Tensor], given: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    assert wanted.keys() == given.keys()
    for name, tensor in wanted.items():
        off = float((given[name].double() - tensor.double()).abs().max())
        assert off <= tolerance * max(1e-3, float(tensor.double().abs().max())), name


@compiling
def test_it_does_what_the_eager_steps_do(compiled: Made):
    reference = Made()
    for epoch in range(2):
        told = []
        for made in (reference, compiled):
            torch.manual_seed(epoch)
            at = Position(seed=epoch)
            told.append(made.run(at, 6))
            assert (at.step, at.total, at.rows) == (6, 6, ROWS)
        close(*told, 1e-4)
    close(reference.state(), compiled.state(), 1e-3)
    assert reference.phase.optimizer.param_groups[0]["lr"] == compiled.phase.optimizer.param_groups[0]["lr"]


@compiling
def test_the_same_random_numbers_are_drawn(compiled: Made):
    states = []
    for made in (Made(), compiled):
        torch.manual_seed(5)
        made.run(Position(seed=1), 3)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@compiling
def test_what_is_compiled_is_found_again(compiled: Made):
    began = time.perf_counter()
    again = Made().compiled()
    assert time.perf_counter() - began < 5
    reference = Made()
    for made in (again, reference):
        torch.manual_seed(3)
        made.told = made.run(Position(seed=9), 4)
    close(reference.told, again.told, 1e-4)


@compiling
def test_an_optimizer_state_that_was_loaded_is_the_one_that_goes_on(compiled: Made):
    made, kept = Made().compiled(), Made()
    torch.manual_seed(0)
    kept.run(Position(seed=0), 4)
    made.run(Position(seed=3), 2)
    made.module.load_state_dict(kept.module.state_dict())
    made.phase.optimizer.load_state_dict(deepcopy(kept.phase.optimizer.state_dict()))
    made.phase.scheduler.load_state_dict(kept.phase.scheduler.state_dict())
    for one in (made, kept):
        torch.manual_seed(7)
        one.told = one.run(Position(seed=5), 3)
    close(kept.told, made.told, 1e-4)
    assert all(float(s["step"]) == 7 for s in made.phase.optimizer.state.values())


@compiling
def test_a_step_that_is_not_finite_touches_no_weight(compiled: Made):
    bad = Y.clone()
    proof = {*range(SIZE), *compiled.job.source.order(1)[:SIZE].tolist()}  # rows the gate looks at beforehand
    fourth = compiled.job.source.order(4)[3 * SIZE : 4 * SIZE].tolist()
    bad[next(row for row in fourth if row not in proof)] = float("inf")
    made, at = Made(bad).compiled(), Position(seed=4)
    with pytest.raises(NotFinite, match="step 4"):
        made.run(at, 6)
    assert at.step == 3 and made.phase.scheduler.last_epoch == 3
    assert all(bool(p.isfinite().all()) for p in made.module.parameters())
    assert all(float(s["step"]) == 3 for s in made.phase.optimizer.state.values())


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(workshop.shutil, "which", lambda name: None)
    with pytest.raises(Refused, match="no C\\+\\+ compiler"):
        Made().compiled()


@compiling
def test_what_fails_in_the_other_process_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    made = Compiling(Made().job, COMPILED)
    order = Order(made.drafts)
    order.wanted = [("no blueprint", tmp_path / "x.so")]
    order.begin()
    with pytest.raises(Refused, match="could not be compiled"):
        order.ready(wait=True)
    order.drop()


@compiling
def test_dropped_it_compiles_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    made = Compiling(Made().job, COMPILED)
    assert made.price > 0
    made.begin()
    assert made.runner(Made().eager) is None
    made.drop()
    assert made.order.process.poll() is not None


def test_the_folder_is_for_this_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    assert workshop.folder().stat().st_mode & 0o077 == 0
    monkeypatch.setattr(workshop.os, "getuid", lambda: 12345)
    with pytest.raises(Refused, match="somebody else"):
        workshop.folder()


def test_fitting_does_not_import_the_compiler():
    program = "import sys, netwright.api.fit; print('torch._inductor' in sys.modules, 'pydantic' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert out.stdout.split() == ["False", "False"]
