"""What can't be proven is refused with its reason and trains right all the same; proving leaves no trace."""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import netwright as nw
from netwright.core.phase import Phase
from netwright.core.plan import NAMED, Plan
from netwright.engine.eager import Eager
from netwright.engine.gate import compare, copied, proven
from netwright.engine.job import Job
from netwright.engine.recording import Refused
from tests.engine.strange import EPOCHS, SIZE, STRANGE, Plain, Sparse, X, Y, by_hand, made

BATCH = (X[:SIZE], Y[:SIZE])


def job_of(module: nn.Module, loss: Any = None, make: Any = torch.optim.Adam, **rest: Any) -> Job:
    def usual(network: nn.Module, batch: Any) -> Tensor:
        return nn.functional.mse_loss(network(batch[0]), batch[1])

    phase = Phase(name="loss", loss=loss or usual, optimizer=make(module.parameters(), lr=0.01), **rest)
    return Job(module=module, phases=[phase], source=None)


def refusal(job: Job, batch: Any = BATCH) -> str:
    with pytest.raises(Refused) as caught:
        proven(job, batch, job.phases)
    return str(caught.value)


@pytest.mark.parametrize("name", STRANGE)
def test_what_can_not_be_written_down_is_refused_with_its_reason(name: str):
    make, reason = STRANGE[name]
    job = job_of(made(make))
    assert reason in refusal(job)


@pytest.mark.parametrize("plan", [Plan(tier="traced"), "auto"], ids=["traced", "auto"])
@pytest.mark.parametrize("name", STRANGE)
def test_what_is_refused_trains_right(name: str, plan: Any):
    make, reason = STRANGE[name]
    losses = by_hand(wanted := made(make))
    optimizer = torch.optim.SGD((module := made(make)).parameters(), lr=0.01)
    fit = nw.fit(
        module,
        (X, Y),
        loss=nn.MSELoss(),
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=SIZE,
        plan=plan,
        progress=False,
    )
    assert fit.losses["loss"].tolist() == losses
    for key, value in wanted.state_dict().items():
        assert torch.equal(module.state_dict()[key], value), key
    if plan != "auto":
        assert fit.plan.notes and all(reason in note and "run eagerly" in note for note in fit.plan.notes)


def test_sparse_gradients_are_refused():
    assert "sparse" in refusal(job_of(Sparse(), make=torch.optim.SGD))


# Losses that see something else than the module they are given


def test_a_loss_that_ignores_the_module_it_is_given_is_refused():
    module = made(Plain)

    def loss(_: nn.Module, batch: Any) -> Tensor:
        return nn.functional.mse_loss(module(batch[0]), batch[1])

    assert "a parameter that is not the module's" in refusal(job_of(module, loss))
    assert all(p.grad is None for p in module.parameters())


def test_a_single_parameter_from_outside_is_seen_too():
    module = nn.Linear(4, 1, bias=False)
    assert "not the module's" in refusal(job_of(module, lambda _, batch: module(batch[0]).mean()))


def test_a_loss_with_parameters_of_its_own_is_refused_and_trains_them():
    class Weighed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.log = nn.Parameter(torch.zeros(()))

        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            return nn.functional.mse_loss(output, target) * torch.exp(-self.log) + self.log

    results = []
    for plan in (Plan(), Plan(tier="traced")):
        module, criterion = made(Plain), Weighed()
        optimizer = torch.optim.SGD([*module.parameters(), *criterion.parameters()], lr=0.1)
        fit = nw.fit(
            module, (X, Y), loss=criterion, optimizer=optimizer, epochs=2, batch_size=SIZE, plan=plan, progress=False
        )
        results.append((fit.losses["loss"].tolist(), criterion.log.item()))
    assert results[0] == results[1] and results[0][1] != 0
    assert "not the module's" in fit.plan.notes[0]


def test_a_loss_without_any_gradient_is_refused():
    assert "does not depend on the module" in refusal(job_of(Plain(), lambda module, batch: batch[1].mean()))


# No trace


class Everything(Plain):
    """Buffers, dropout, and a forward that writes into what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.made = []

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2)
        return super().forward(self.drop(self.norm(x)))


def left(job: Job, batch: tuple[Tensor, ...]) -> dict[str, Any]:
    state = {"batch": [x.clone() for x in batch], "random": torch.get_rng_state()}
    state["python"], state["numpy"] = random.getstate(), repr(np.random.get_state())
    state["weights"] = {k: v.clone() for k, v in job.module.state_dict().items()}
    state["grads"] = [None if p.grad is None else p.grad.clone() for p in job.module.parameters()]
    state["optimizer"] = copy.deepcopy(job.phases[0].optimizer.state_dict())
    state["attributes"] = {
        name: {k: repr(v) for k, v in vars(part).items() if not k.startswith("_")}
        for name, part in job.module.named_modules()
    }
    state["identity"] = [id(p) for p in job.module.parameters()], list(vars(job.module))
    state["settings"] = torch.get_num_threads(), torch._C._get_graph_executor_optimize(), torch.is_grad_enabled()
    return state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("stepped", [False, True], ids=["fresh", "with gradients and state"])
@pytest.mark.parametrize("make", [Everything, *(make for make, _ in STRANGE.values())])
def test_proving_leaves_no_trace(make: Callable[[], nn.Module], stepped: bool):
    job, batch = job_of(made(make)), tuple(x.clone() for x in BATCH)
    if stepped:
        job.phases[0].loss(job.module, tuple(x.clone() for x in BATCH)).backward()
        job.phases[0].optimizer.step()
    before = left(job, batch)
    try:
        proven(job, batch, job.phases)
    except Refused:
        assert make is not Everything
    after = left(job, batch)
    for what, value in before.items():
        assert same(value, after[what]), what


def test_the_module_keeps_its_mode():
    job = job_of(made(Plain).eval())
    proven(job, BATCH, job.phases)
    assert not job.module.training


# Comparing


def off(amount: float) -> Callable[..., None]:
    """A way that does what the eager tier does, and moves a weight a little."""

    def way(job: Job, batches: Any, due: Any, tally: Any) -> None:
        Eager(job, None, None, Plan()).step(batches, due, tally)
        with torch.no_grad():
            job.module.fc.weight.mul_(1 + amount)

    return way


def test_compare_holds_to_its_tolerance():
    job = job_of(made(Plain))
    compare(job, [[BATCH]], job.phases, off(0.0), tolerance=0.0)
    compare(job, [[BATCH]] * 2, job.phases, off(1e-6), tolerance=1e-5)
    with pytest.raises(Refused, match=r"fc\.weight comes out differently, by 1e-03 of its largest number"):
        compare(job, [[BATCH]], job.phases, off(1e-3), tolerance=1e-5)


def test_compare_sees_random_numbers_forms_and_nan():
    job = job_of(made(Plain))

    def drawing(own: Job, batches: Any, due: Any, tally: Any) -> None:
        off(0.0)(own, batches, due, tally)
        torch.rand(1)

    def reshaping(own: Job, batches: Any, due: Any, tally: Any) -> None:
        off(0.0)(own, batches, due, tally)
        own.module.out.bias = nn.Parameter(torch.zeros(2))

    def breaking(own: Job, batches: Any, due: Any, tally: Any) -> None:
        raise RuntimeError("Something\nwent wrong")

    for way, reason in (
        (drawing, "draws other random numbers"),
        (reshaping, r"out\.bias comes out in another form"),
        (breaking, "it can't be run: went wrong"),
        (off(float("nan")), "comes out differently"),
    ):
        with pytest.raises(Refused, match=reason):
            compare(job, [[BATCH]], job.phases, way, tolerance=1e-5)


def test_an_optimizer_that_loses_something_in_a_copy_is_refused():
    class Owned(torch.optim.SGD):
        def __init__(self, parameters: Any, lr: float) -> None:
            super().__init__(parameters, lr=lr)
            self.factor = 2.0

        def step(self, closure: Any = None) -> Any:
            self.param_groups[0]["lr"] *= self.factor
            return super().step(closure)

    assert "a copy of it can't be run" in refusal(job_of(made(Plain), make=Owned))


def test_an_optimizer_with_a_closure_is_refused():
    job = job_of(made(Plain), make=torch.optim.LBFGS)
    assert refusal(job) == "its optimizer evaluates the loss itself"


def test_a_step_that_fails_is_left_to_the_eager_tier_to_tell():
    assert "can't be written down: mat1 and mat2" in refusal(job_of(made(Plain)), (Y[:SIZE], Y[:SIZE]))


def test_a_loss_that_is_not_finite_is_left_to_the_eager_tier_to_tell():
    assert "a copy of it can't be run" in refusal(job_of(made(Plain)), (X[:SIZE] * float("nan"), Y[:SIZE]))


def test_integers_must_be_the_same():
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
    job = job_of(module)

    def way(own: Job, batches: Any, due: Any, tally: Any) -> None:
        Eager(own, None, None, Plan()).step(batches, due, tally)
        own.module[0].num_batches_tracked += 1

    with pytest.raises(Refused, match="num_batches_tracked comes out differently"):
        compare(job, [[BATCH]], job.phases, way, tolerance=1.0)


# Copies


def test_a_copy_shares_nothing_with_the_job():
    job = job_of(made(Plain))
    other = copied(job)
    own = {id(p) for p in job.module.parameters()}
    assert not own & {id(p) for p in other.module.parameters()}
    held = [p for group in other.phases[0].optimizer.param_groups for p in group["params"]]
    assert all(a is b for a, b in zip(held, other.module.parameters(), strict=True))
    assert other.phases[0].scheduler is None and other.phases[0].name == "loss"


def test_others_of_the_same_form_are_compared_too():
    job = job_of(made(Plain))
    program, constants = proven(job, BATCH, job.phases, [(X[-SIZE:], Y[-SIZE:])])
    assert len(program.segments) == 1 and not constants


def test_one_row_and_a_batch_that_is_one_tensor():
    job = job_of(made(Plain))
    proven(job, (X[:1], Y[:1]), job.phases)
    lone = replace(job, phases=[replace(job.phases[0], loss=lambda m, batch: m(batch).mean())])
    proven(lone, X[:3], lone.phases)


def test_only_the_fused_optimizer_is_left_where_a_trace_is_refused():
    make, _ = STRANGE["branch"]
    module = made(make)
    fit = nw.fit(
        module, (X, Y), loss=nn.MSELoss(), optimizer="adam", epochs=1, batch_size=SIZE, plan="traced", progress=False
    )
    torch.manual_seed(2)
    other = nw.fit(
        (again := made(make)),
        (X, Y),
        loss=nn.MSELoss(),
        optimizer="adam",
        epochs=1,
        batch_size=SIZE,
        plan=replace(NAMED["eager"], fused=True),
        progress=False,
    )
    assert torch.equal(fit.losses["loss"], other.losses["loss"])
    assert torch.equal(module.fc.weight, again.fc.weight)
