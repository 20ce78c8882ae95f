"""Many steps in one graph: what `traced.py` does with the fused update, operator by operator, and no more."""

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, StepLR

from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.data.feeds.feed import feed
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.gate import proven
from netwright.engine.job import Job, Position
from netwright.engine.looped import Looped
from netwright.engine.recording import Refused
from netwright.engine.traced import Traced
from netwright.engine.update import NotFinite

ROWS = 50
X = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(0))
Y = torch.sin(X[:, :1]) + X[:, 1:2]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda p: SGD(p, lr=0.05),
    "sgd with momentum": lambda p: SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: Adam(p, lr=0.01),
    "adam, amsgrad": lambda p: Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1, maximize=True),
    "adamw": lambda p: AdamW(p, lr=0.01),
    "adagrad": lambda p: Adagrad(p, lr=0.05, lr_decay=0.01, initial_accumulator_value=0.1),
}
SCHEDULERS: dict[str, Callable[[Optimizer], LRScheduler | None]] = {
    "none": lambda o: None,
    "step": lambda o: StepLR(o, 5, 0.5),
    "one cycle": lambda o: OneCycleLR(o, max_lr=0.05, total_steps=100),
    "cyclic momentum": lambda o: CyclicLR(o, 0.01, 0.1, step_size_up=5),
}


def mse(module: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.mse_loss(module(batch[0]), batch[1])


class Made:
    """A job and its runner, the one that loops or the one that steps."""

    def __init__(
        self,
        looped: bool,
        optimizer: str = "adam",
        scheduler: str = "none",
        *,
        loss=mse,
        data=(X, Y),
        size: int = 8,
        drop=0.3,
    ) -> None:
        torch.manual_seed(1)
        self.module = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(drop), nn.Linear(16, 1))
        own = OPTIMIZERS[optimizer](self.module.parameters())
        self.phase = Phase(name="net", loss=loss, optimizer=own, scheduler=SCHEDULERS[scheduler](own))
        source = feed(data, batch_size=size, shuffle=size < ROWS, drop_last=False, device="cpu")
        self.job = Job(module=self.module, phases=[self.phase], source=source)
        prove = lambda batch, due: proven(self.job, batch, due)  # noqa: E731
        plan = Plan(tier="traced", fused=True)
        self.runner = Traced(self.job, Cursor(self.job), Averages([self.phase]), plan, prove)
        if looped:
            self.runner = Looped(self.job, prove, self.runner)

    def train(self, epochs: int = 3) -> list[float]:
        torch.manual_seed(2)
        losses = []
        for epoch in range(epochs):
            at = Position(epoch=epoch, seed=epoch)
            while at.step < self.job.steps:
                chunk = self.runner.run(at, self.job.steps - at.step, time.perf_counter() + 9)
                losses += chunk.losses["net"].tolist()
            assert at.rows == ROWS
        return losses

    def state(self) -> dict[str, Tensor]:
        state = dict(self.module.state_dict())
        for i, held in enumerate(self.phase.optimizer.state.values()):
            state |= {f"{k} {i}": v for k, v in held.items() if isinstance(v, Tensor)}
        return state


def same(a: Made, b: Made) -> None:
    first, second = a.state(), b.state()
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_bits_of_steps_one_by_one(optimizer: str):
    stepped, looped = Made(False, optimizer), Made(True, optimizer)
    assert looped.train() == stepped.train()
    same(stepped, looped)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedules_are_followed_update_by_update(scheduler: str):
    optimizer = "sgd with momentum"
    stepped, looped = Made(False, optimizer, scheduler), Made(True, optimizer, scheduler)
    assert looped.train() == stepped.train()
    same(stepped, looped)
    assert stepped.phase.optimizer.param_groups[0]["lr"] == looped.phase.optimizer.param_groups[0]["lr"]


def test_weights_and_figures_are_told_step_by_step():
    def loss(module: nn.Module, batch: tuple[Tensor, Tensor]) -> Loss:
        value = mse(module, batch)
        return Loss(value=value, weight=(batch[1] > 0).sum(), figures={"twice": 2 * value.detach()})

    stepped, looped = Made(False, loss=loss), Made(True, loss=loss)
    told = []
    for made in (stepped, looped):
        torch.manual_seed(4)
        at, parts = Position(seed=3), []
        while at.step < made.job.steps:
            parts.append(made.runner.run(at, made.job.steps - at.step, time.perf_counter() + 9))
        told.append([torch.cat([p.losses[n] for p in parts]).tolist() for n in ("net", "net.twice")])
        told[-1].append(torch.cat([p.weights["net"] for p in parts]).tolist())
    assert told[0] == told[1]


def test_all_rows_at_once_run_many_epochs_in_a_call():
    drawing, still = Made(True, "sgd", size=ROWS), Made(True, "sgd", size=ROWS, drop=0.0)
    assert drawing.runner.run(Position(), 100, time.perf_counter() + 9).steps == 1  # dropout: an order is drawn between
    assert still.runner.run(Position(), 100, time.perf_counter() + 9).steps == 8


def test_a_step_that_is_not_finite_touches_no_weight_and_says_so():
    bad = Y.clone()
    bad[int(torch.randperm(ROWS, generator=torch.Generator().manual_seed(0))[20])] = float("nan")
    made = Made(True, data=(X, bad))
    at = Position()
    with pytest.raises(NotFinite, match="step 3"):
        for _ in range(9):
            made.runner.run(at, made.job.steps - at.step, time.perf_counter() + 9)
    assert at.step == 2
    assert all(bool(p.isfinite().all()) for p in made.module.parameters())
    assert all(float(state["step"]) == 2 for state in made.phase.optimizer.state.values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clip_norm": 1.0}, "clips"),
        ({"average": 0.9}, "averages"),
        ({"every": 2}, "every step"),
    ],
)
def test_what_a_loop_can_not_do_is_refused(changes: dict, reason: str):
    from dataclasses import replace

    made = Made(False)
    job = replace(made.job, phases=[replace(made.phase, **changes)])
    with pytest.raises(Refused, match=reason):
        Looped(job, lambda batch, due: proven(job, batch, due), made.runner)


def test_an_optimizer_without_a_fused_kernel_is_refused():
    from dataclasses import replace

    made = Made(False)
    job = replace(made.job, phases=[replace(made.phase, optimizer=RMSprop(made.module.parameters()))])
    with pytest.raises(Refused, match="no fused RMSprop"):
        Looped(job, lambda batch, due: proven(job, batch, due), made.runner)
