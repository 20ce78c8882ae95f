"""The eager step: several phases, accumulation with weights, closures, scaling, and the bits of the loop by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.update import NotFinite
from tests.engine.strange import Plain, X, Y, made

NEVER = 1e9


@dataclass
class Listed:
    batches: list[Any]

    @property
    def steps(self) -> int:
        return len(self.batches)

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        return iter(self.batches[start:])


def mse(module: nn.Module, batch: Any) -> Tensor:
    return F.mse_loss(module(batch[0]), batch[1])


def cut(*sizes: int) -> list[Any]:
    return list(zip(X.split(list(sizes)), Y.split(list(sizes)), strict=True))


def phase_of(module: nn.Module, loss: Any = mse, name: str = "loss", lr: float = 0.1, **rest: Any) -> Phase:
    return Phase(name=name, loss=loss, optimizer=torch.optim.SGD(module.parameters(), lr=lr), **rest)


def runner_of(job: Job, plan: Plan | None = None) -> Eager:
    return Eager(job, Cursor(job), Averages(job.phases), plan or Plan())


def run(job: Job, at: Position | None = None, most: int = 2**30, until: float = NEVER) -> Chunk:
    return runner_of(job).run(at or Position(), most, until)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_moves_the_position_on_and_stops_where_it_is_told():
    job = Job(module=(module := made(Plain)), phases=[phase_of(module)], source=Listed(cut(16, 16, 8)))
    runner, at = runner_of(job), Position()
    chunk = runner.run(at, 2, NEVER)
    assert (chunk.steps, chunk.rows, chunk.ended) == (2, 32, False)
    assert (at.step, at.total, at.rows) == (2, 2, 32)
    chunk = runner.run(at, 5, NEVER)
    assert (chunk.steps, chunk.rows, chunk.ended) == (1, 8, True)
    assert chunk.weights["loss"].tolist() == [8.0] and chunk.losses["loss"].dtype == torch.float64
    assert runner.run(Position(), 5, 0.0).steps == 1, "one step is begun however late it is"


def test_a_phase_runs_at_every_so_many_steps():
    module = made(Plain)
    phases = [phase_of(module, name="often"), phase_of(module, name="rarely", every=3)]
    chunk = run(Job(module=module, phases=phases, source=Listed(cut(*[5] * 8))))
    assert (len(chunk.losses["often"]), len(chunk.losses["rarely"])) == (8, 2)


def test_accumulation_is_the_gradient_of_all_rows():
    wanted, module = made(Plain), made(Plain)
    run(Job(module=wanted, phases=[phase_of(wanted)], source=Listed(cut(40))))
    chunk = run(Job(module=module, phases=[phase_of(module)], source=Listed(cut(16, 16, 8)), accumulate=3))
    assert chunk.steps == 1 and len(chunk.losses["loss"]) == 3 and chunk.rows == 40
    for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-7)


def masked(module: nn.Module, batch: Any) -> Loss:
    """Over the rows whose target is positive alone."""
    mask = (batch[1] > 0).float()
    value = ((module(batch[0]) - batch[1]).square() * mask).sum() / mask.sum()
    return Loss(value=value, weight=mask.sum(), figures={"half": value.detach() / 2})


def test_weights_beside_the_loss_make_uneven_batches_add_up():
    wanted, module = made(Plain), made(Plain)
    whole = run(Job(module=wanted, phases=[phase_of(wanted, masked)], source=Listed(cut(40))))
    chunk = run(Job(module=module, phases=[phase_of(module, masked)], source=Listed(cut(25, 10, 5)), accumulate=3))
    for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-7)
    weights = chunk.weights["loss"]
    assert weights.sum() == whole.weights["loss"].sum() == (Y > 0).sum()
    mean = float(chunk.losses["loss"] @ weights / weights.sum())
    assert mean == pytest.approx(whole.losses["loss"].item(), abs=1e-7)
    assert torch.allclose(chunk.losses["loss.half"], chunk.losses["loss"] / 2)


def test_gradients_are_of_the_own_parameters_alone():
    module = made(Plain)
    phase = Phase(name="out", loss=mse, optimizer=torch.optim.SGD(module.out.parameters(), lr=0.1))
    before = module.fc.weight.clone()
    run(Job(module=module, phases=[phase], source=Listed(cut(40))))
    assert module.fc.weight.grad is None and torch.equal(module.fc.weight, before)
    assert module.out.weight.grad is not None


def test_lbfgs_gets_its_closure():
    def optimizer(module: nn.Module) -> torch.optim.LBFGS:
        return torch.optim.LBFGS(module.parameters(), max_iter=5, line_search_fn="strong_wolfe")

    wanted, module = made(Plain), made(Plain)
    phase = Phase(name="loss", loss=mse, optimizer=optimizer(module))
    chunk = run(Job(module=module, phases=[phase], source=Listed(cut(40) * 3)))
    own, losses = optimizer(wanted), []

    def closure() -> Tensor:
        own.zero_grad()
        loss = F.mse_loss(wanted(X), Y)
        loss.backward()
        return loss

    for _ in range(3):
        losses.append(own.step(closure).item())
    assert chunk.losses["loss"].tolist() == losses and same(module, wanted)


def test_a_closure_that_meets_nan_puts_the_weights_back():
    module, calls = made(Plain), []

    def loss(network: nn.Module, batch: Any) -> Tensor:
        calls.append(1)
        return mse(network, batch) * (float("nan") if len(calls) == 3 else 1.0)

    before = {k: v.clone() for k, v in module.state_dict().items()}
    phase = Phase(name="loss", loss=loss, optimizer=torch.optim.LBFGS(module.parameters(), max_iter=5))
    with pytest.raises(NotFinite, match="The loss of phase 'loss'"):
        run(Job(module=module, phases=[phase], source=Listed(cut(40))))
    assert len(calls) == 3 and all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_that_is_not_finite_touches_no_weight(dtype: torch.dtype):
    module = made(Plain).to(dtype)
    before = {k: v.clone() for k, v in module.state_dict().items()}

    def loss(network: nn.Module, batch: Any) -> Tensor:
        return network(batch[0].to(dtype)).abs().pow(0.5).mul(0).sqrt().sum()

    job = Job(module=module, phases=[phase_of(module, loss, name="roots")], source=Listed(cut(40)))
    with pytest.raises(NotFinite, match="A gradient of phase 'roots' is nan or inf at epoch 1, step 1") as caught:
        run(job)
    assert caught.value.batch[0] is job.source.batches[0][0]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_the_scaler_is_asked_to_step():
    module, wanted = made(Plain), made(Plain)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    phase = phase_of(module, clip_norm=0.5, scaler=scaler)
    run(Job(module=module, phases=[phase], source=Listed(cut(20, 20))))
    run(Job(module=wanted, phases=[phase_of(wanted, clip_norm=0.5)], source=Listed(cut(20, 20))))
    assert scaler.get_scale() == 1024.0
    for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-6)


def test_a_scaled_step_that_overflows_is_passed_over():
    module = made(Plain)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=2)
    phase = phase_of(module, lambda m, b: mse(m, b) * 1e6, scaler=scaler)
    run(Job(module=module, phases=[phase], source=Listed(cut(40))))
    assert scaler.get_scale() == 2.0**126
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_reduced_precision_is_used_for_products_and_by_the_share():
    seen: list[torch.dtype] = []

    def share(module: nn.Module, batch: Any) -> Tensor:
        out = module(batch[0])
        seen.append(out.dtype)
        return out

    def loss(module: nn.Module, batch: Any, shared: Tensor) -> Tensor:
        seen.append(module(batch[0]).dtype)
        return F.mse_loss(shared.float(), batch[1])

    job = Job(module=(m := made(Plain)), phases=[phase_of(m, loss)], source=Listed(cut(40)), share=share)
    runner_of(job, Plan(precision="bfloat16")).run(Position(), 1, NEVER)
    assert seen == [torch.bfloat16] * 2
    assert m.fc.weight.dtype == m.fc.weight.grad.dtype == torch.float32


def test_the_first_batch_is_shown_once_before_the_first_step():
    shown: list[Any] = []
    module = made(Plain)
    job = Job(module=module, phases=[phase_of(module)], source=Listed(cut(20, 20)), first=shown.append)
    runner = runner_of(job)
    runner.run(Position(), 5, NEVER)
    runner.run(Position(epoch=1), 5, NEVER)
    assert len(shown) == 1 and shown[0] is job.source.batches[0]


def test_a_fused_plan_keeps_the_optimizer_true():
    module, wanted = made(Plain), made(Plain)
    own, theirs = (torch.optim.Adam(m.parameters(), lr=0.1) for m in (module, wanted))
    for m, optimizer, plan in ((module, own, Plan(fused=True)), (wanted, theirs, Plan())):
        phase = Phase(name="loss", loss=mse, optimizer=optimizer, clip_norm=0.1, average=0.9)
        job = Job(module=m, phases=[phase], source=Listed(cut(16, 16, 8)))
        runner_of(job, plan).run(Position(), 5, NEVER)
    for a, b in zip(module.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-5)
    assert own.state_dict()["state"][0]["step"] == theirs.state_dict()["state"][0]["step"] == 3
