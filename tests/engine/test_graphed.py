"""The steps a CUDA graph holds, run on the CPU as they are; captured where there is a GPU."""

import time

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.data.feeds.feed import feed
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import proven
from netwright.engine.graphed import MANY, Graphed
from netwright.engine.job import Job, Position
from netwright.engine.recording import Refused
from netwright.engine.update import NotFinite

ROWS, SIZE = 20 * 4 + 3, 4  # a launch of many steps, some of one, and a smaller batch
X = torch.randn(ROWS, 5, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] - X[:, 1:2]

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")),
]
devices = pytest.mark.parametrize("device", DEVICES)


class Made:
    """A job on a device, run eagerly or as graphs."""

    def __init__(self, graphed: bool, device: str = "cpu", target: Tensor = Y, kind: str | None = None) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)).to(device)
        optimizer = torch.optim.Adam(
            [{"params": self.module[0].parameters(), "lr": 0.01}, {"params": self.module[2].parameters()}], lr=0.02
        )
        schedule = OneCycleLR(optimizer, max_lr=[0.02, 0.03], total_steps=200)
        loss = lambda module, batch: nn.functional.mse_loss(module(batch[0]), batch[1])  # noqa: E731
        self.phase = Phase(name="net", loss=loss, optimizer=optimizer, scheduler=schedule)
        source = feed((X, target), batch_size=SIZE, shuffle=True, drop_last=False, device=device)
        self.job = Job(module=self.module, phases=[self.phase], source=source)
        self.runner = Eager(self.job, Cursor(self.job), Averages([self.phase]), Plan())
        if graphed:
            prove = lambda batch, due: proven(self.job, batch, due)  # noqa: E731
            self.runner = Graphed(self.job, prove, self.runner, kind or device)

    def train(self, epochs: int = 2) -> Tensor:
        losses = []
        for epoch in range(epochs):
            at = Position(epoch=epoch, seed=epoch)
            while at.step < self.job.steps:
                chunk = self.runner.run(at, self.job.steps - at.step, time.perf_counter() + 9)
                losses.append(chunk.losses["net"])
            assert at.rows == ROWS
        return torch.cat(losses)


@devices
def test_graphs_do_what_the_eager_steps_do(device: str):
    eager, graphed = Made(False, device), Made(True, device)
    wanted, given = eager.train(), graphed.train()
    assert len(given) == len(wanted) == 2 * 21 and MANY < 20
    assert torch.allclose(given, wanted, rtol=1e-4, atol=1e-6)
    for mine, theirs in zip(graphed.module.parameters(), eager.module.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(graphed.phase.optimizer.param_groups, eager.phase.optimizer.param_groups, strict=True):
        assert mine["lr"] == theirs["lr"] and mine["betas"] == theirs["betas"]
    assert all(float(state["step"]) == 42 for state in graphed.phase.optimizer.state.values())


@devices
def test_another_state_loaded_is_the_one_that_goes_on(device: str):
    graphed, eager = Made(True, device), Made(False, device)
    graphed.train(1)
    eager.train(1)
    graphed.module.load_state_dict(eager.module.state_dict())
    graphed.phase.optimizer.load_state_dict(Made(False, device).phase.optimizer.state_dict())
    eager.phase.optimizer.load_state_dict(Made(False, device).phase.optimizer.state_dict())
    assert torch.allclose(graphed.train(1), eager.train(1), rtol=1e-4, atol=1e-6)


@devices
def test_a_step_that_is_not_finite_touches_no_weight(device: str):
    made = Made(True, device)
    bad = Y.clone()
    bad[int(made.job.source.order(7)[6 * SIZE].cpu())] = float("nan")
    made, at = Made(True, device, bad), Position(seed=7)
    with pytest.raises(NotFinite, match="step 7"):
        while True:
            made.runner.run(at, made.job.steps - at.step, time.perf_counter() + 9)
    assert at.step == 6 and made.phase.scheduler.last_epoch == 6
    assert all(bool(p.isfinite().all()) for p in made.module.parameters())
    assert all(float(state["step"]) == 6 for state in made.phase.optimizer.state.values())


def test_data_elsewhere_is_refused():
    with pytest.raises(Refused, match="does not lie on a cuda device"):
        Made(True, "cpu", kind="cuda")
