"""The traced tier gives eager's bits, and leaves to the eager tier what it has no program for."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.gate import proven
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.recording import Refused, record
from netwright.engine.traced import Traced
from netwright.engine.update import NotFinite
from tests.engine.strange import Branching, Plain, X, made
from tests.engine.test_eager import NEVER, Listed, cut, masked, mse, phase_of, runner_of, same

TRACED = Plan(tier="traced")


def traced(job: Job, plan: Plan = TRACED, prove: Any = None) -> Traced:
    return Traced(job, Cursor(job), Averages(job.phases), plan, prove or (lambda batch, due: proven(job, batch, due)))


def both(make: Any, job_of: Any, epochs: int = 2) -> tuple[Chunk, Traced]:
    """Run eagerly and traced, and hold losses, weights and streams against each other."""
    wanted, module = made(make), made(make)
    results = []
    for own in (wanted, module):
        job = job_of(own)
        torch.manual_seed(3)
        runner = runner_of(job) if own is wanted else traced(job)
        chunks = [runner.run(Position(epoch=epoch, total=epoch * 4), 99, NEVER) for epoch in range(epochs)]
        results.append(([{k: v.tolist() for k, v in c.losses.items()} for c in chunks], torch.rand(1).item()))
    assert results[0] == results[1] and same(module, wanted)
    assert isinstance(runner, Traced)
    return chunks[-1], runner


class Whole(Plain):
    """With buffers and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.4)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.drop(self.norm(x)))


def test_it_gives_the_bits_of_the_eager_tier_ragged_batch_included():
    _, runner = both(Whole, lambda m: Job(module=m, phases=[phase_of(m)], source=Listed(cut(16, 16, 8))))
    assert len(runner.traces) == 2 and not runner.refused


def test_clipping_weights_figures_and_averages_too():
    def job_of(module: nn.Module) -> Job:
        phase = phase_of(module, masked, clip_norm=0.1, average=0.9)
        return Job(module=module, phases=[phase], source=Listed(cut(16, 24)))

    chunk, runner = both(Plain, job_of)
    assert set(chunk.losses) == {"loss", "loss.half"} and not runner.refused
    assert chunk.weights["loss"].sum() > 0


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maker, self.critic = nn.Linear(4, 4), nn.Linear(4, 1)


def adversaries(module: Any, every: int = 1) -> Job:
    def share(m: Any, batch: Any) -> Tensor:
        return m.maker(torch.randn(len(batch[0]), 4))

    phases = [
        phase_of(module.critic, lambda m, b, f: (m.critic(f.detach()) - m.critic(b[0])).mean(), "critic"),
        phase_of(module.maker, lambda m, b, f: -m.critic(f).mean(), "maker", every=every),
    ]
    return Job(module=module, phases=phases, source=Listed(cut(10, 10, 10, 10)), share=share)


@pytest.mark.parametrize("every", [1, 2])
def test_two_phases_share_what_was_drawn_once(every: int):
    """Where a phase is not due at every step, there is a program for each set that is."""
    chunk, runner = both(Two, lambda module: adversaries(module, every))
    assert not runner.refused and len(runner.traces) == every
    assert len(chunk.losses["maker"]) == 4 // every


def test_accumulation_adds_up_to_eagers_in_float64():
    for loss in (mse, masked):
        wanted, module = made(Plain).double(), made(Plain).double()
        for own in (wanted, module):
            batches = [tuple(x.double() for x in batch) for batch in cut(16, 13, 11)]
            job = Job(module=own, phases=[phase_of(own, loss)], source=Listed(batches), accumulate=3)
            (runner_of(job) if own is wanted else traced(job)).run(Position(), 9, NEVER)
        for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-14)


def test_a_form_that_is_refused_runs_eagerly_and_the_others_traced():
    asked: list[int] = []

    def prove(batch: Any, due: Any) -> Any:
        asked.append(len(batch[0]))
        if len(batch[0]) == 8:
            raise Refused("not eight")
        return proven(job, batch, due)

    module, wanted = made(Plain), made(Plain)
    job = Job(module=module, phases=[phase_of(module)], source=Listed(cut(16, 16, 8)))
    other = Job(module=wanted, phases=[phase_of(wanted)], source=Listed(cut(16, 16, 8)))
    runner = traced(job, prove=prove)
    for epoch in range(2):
        runner.run(Position(epoch=epoch), 9, NEVER)
        runner_of(other).run(Position(epoch=epoch), 9, NEVER)
    assert asked == [16, 8] and list(runner.refused.values()) == ["not eight"]
    assert same(module, wanted)


def test_what_can_not_be_traced_at_all_runs_eagerly():
    _, runner = both(Branching, lambda m: Job(module=m, phases=[phase_of(m)], source=Listed(cut(20, 20))))
    assert "depends on the numbers" in next(iter(runner.refused.values()))


@pytest.mark.parametrize("batch", [(torch.tensor(1.0), X), ("words", 3)])
def test_batches_that_begin_with_no_rows_run_eagerly(batch: Any):
    module = made(Plain)
    phase = phase_of(module, lambda m, b: m(X).mean())
    job = Job(module=module, phases=[phase], source=Listed([batch]))
    runner = traced(job)
    assert runner.run(Position(), 9, NEVER).steps == 1
    assert "don't begin with a tensor of rows" in next(iter(runner.refused.values()))


def test_numbers_that_are_not_finite_touch_no_weight():
    module = made(Plain)
    good, bad = cut(20, 20)
    bad = (bad[0].clone(), bad[1])
    bad[0][3] = float("nan")
    job = Job(module=module, phases=[phase_of(module)], source=Listed([good, bad]))
    runner = traced(job)
    runner.run(Position(), 1, NEVER)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with pytest.raises(NotFinite, match=r"The loss of phase 'loss' is nan at epoch 1, step 2") as caught:
        runner.run(Position(step=1, total=1), 9, NEVER)
    assert caught.value.batch is bad
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_a_gradient_that_is_not_finite_is_seen():
    module = made(Plain)
    phase = phase_of(module, lambda m, b: m(b[0]).abs().pow(0.5).mul(0).sqrt().sum())
    job = Job(module=module, phases=[phase], source=Listed(cut(40)))
    with pytest.raises(NotFinite, match="A gradient"):
        traced(job, prove=lambda batch, due: record(job, batch, due)).run(Position(), 1, NEVER)


def test_weights_that_were_loaded_in_place_are_used():
    module, other = made(Plain), made(Plain)
    job = Job(module=module, phases=[phase_of(module)], source=Listed(cut(20, 20)))
    runner = traced(job)
    first = runner.run(Position(), 1, NEVER).losses["loss"]
    module.load_state_dict(other.state_dict())
    again = runner.run(Position(), 1, NEVER).losses["loss"]
    assert torch.equal(first, again)


def test_a_constant_of_the_module_is_the_modules_own():
    """A tensor that is no buffer is found at its values; it is read where a copy has it, and may not change."""
    scale = torch.tensor([2.0])

    class Scaled(Plain):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.relu(x + 1) * scale) * scale

    both(Scaled, lambda m: Job(module=m, phases=[phase_of(m)], source=Listed(cut(16, 24))))


def test_pictures_in_another_layout_train_alike():
    def job_of(module: nn.Module, plan: Plan) -> Job:
        batches = [(x.reshape(-1, 1, 2, 2), y) for x, y in cut(20, 20)]
        return Job(module=module, phases=[phase_of(module, loss)], source=Listed(batches))

    def loss(module: nn.Module, batch: Any) -> Loss:
        return Loss(value=F.mse_loss(module(batch[0]), batch[1]), weight=2.0)

    def net() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 1))

    wanted, module = made(net), made(net)
    plan = Plan(tier="traced", memory_format="channels_last")
    runner_of(job := job_of(wanted, Plan())).run(Position(), 9, NEVER)
    job = job_of(module, plan)
    runner = traced(job, plan, lambda b, d: record(job, b, d, plan))
    runner.run(Position(), 9, NEVER)
    assert not runner.refused
    for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-6) and a.stride() == b.stride()


def test_a_phase_with_a_closure_is_left_to_the_eager_tier():
    wanted, module = made(Plain), made(Plain)
    for own in (wanted, module):
        phase = Phase(name="loss", loss=mse, optimizer=torch.optim.LBFGS(own.parameters(), max_iter=3))
        job = Job(module=own, phases=[phase], source=Listed(cut(40)))
        (runner_of(job) if own is wanted else traced(job)).run(Position(), 9, NEVER)
    assert same(module, wanted)
