"""Every module people learn from, on every tier, against the loop they learn it with."""

import copy
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import modules
import pytest
import torch
from modules import CASES, Case
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import TensorDataset

import netwright as nw
from netwright.core.plan import NAMED, Plan
from netwright.data.feeds.feed import feed
from netwright.engine.averages import Averages
from netwright.engine.job import Job, Position
from netwright.engine.planner import Planner
from tests.batteries.hand import EPOCHS, ROWS, assert_same, doubles, loader_of, made, train

TELLS = pytest.mark.filterwarnings("ignore:nn.CrossEntropyLoss applies a softmax itself:netwright.NetwrightWarning")
SMALL, SNAPSHOTS, STEPS, NEVER = 4, 20, 200, 1e9


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A plan, and what is promised of it."""

    plan: Plan
    exact: bool = False
    """True where it gives eager's bits."""
    cases: tuple[str, ...] = tuple(CASES)
    refused: tuple[tuple[str, str], ...] = ()
    """(case, part of the reason) of those it must leave to the eager tier."""
    marks: tuple[Any, ...] = ()


UNTRACED = (("branch", "depends on the numbers in a tensor"),)
TIERS = [
    Tier(plan=Plan(tier="traced"), exact=True, refused=UNTRACED),
    Tier(plan=NAMED["traced"], refused=UNTRACED),
    Tier(plan=Plan(fused=True), cases=("linear_regression", "mlp", "gan", "tied", "frozen")),
    Tier(plan=NAMED["compiled"], cases=("mlp", "gan", "cnn28"), marks=(pytest.mark.slow,)),
]
"""A further tier is a further line."""


def every(tiers: list[Tier]) -> list[Any]:
    return [
        pytest.param(tier, CASES[name], id=f"{name}-{tier.plan}".replace(", ", "-"), marks=tier.marks)
        for tier in tiers
        for name in tier.cases
    ]


cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
simple = [case for case in CASES.values() if not case.phases]
simple_cases = pytest.mark.parametrize("case", simple, ids=[case.name for case in simple])
quick = [CASES[name] for name in ("linear_regression", "mlp", "transformer", "batchnorm", "frozen", "random")]
quick_cases = pytest.mark.parametrize("case", quick, ids=[case.name for case in quick])


def data_of(case: Case, rows: int = ROWS) -> tuple[Tensor, ...]:
    return case.data(rows, 0)


def asked(case: Case, data: tuple[Tensor, ...]) -> dict[str, Any]:
    """How a person says how the data is cut."""
    return {"batch_size": case.batch_size or len(data[0]), "shuffle": case.batch_size is not None}


fit = partial(modules.fit, progress=False)


# Eager: to the bit


@TELLS
@cases
def test_eager_is_the_loop_written_by_hand(case: Case):
    data = data_of(case)
    losses = modules.loop(case, wanted := made(case), data, EPOCHS)
    assert_same(fit(case, module := made(case), data, EPOCHS, plan="eager"), module, losses, wanted)


def first(function: Any) -> Any:
    """A loss on images as one on batches that are lists of them, as a DataLoader's are."""
    return lambda module, batch, *shared: function(module, batch[0], *shared)


@TELLS
@cases
@pytest.mark.parametrize("form", ["loader", "dataset", "arrays"])
def test_eager_takes_data_in_every_form(case: Case, form: str):
    data, module = data_of(case), made(case)
    losses = modules.loop(case, wanted := made(case), data, EPOCHS)
    how: dict[str, Any] = asked(case, data)
    given: Any = tuple(tensor.numpy() for tensor in data) if len(data) > 1 else data[0].numpy()
    if form != "arrays":
        given = loader_of(case, data) if form == "loader" else TensorDataset(*data)
    if case.phases:
        wrap = first if form != "arrays" else (lambda function: function)
        how["share"] = wrap(case.share)
        how["phases"] = [
            nw.Phase(name=part, loss=wrap(loss), optimizer=case.optimizer(getattr(module, part).parameters()))
            for part, loss in case.phases.items()
        ]
    else:
        how |= {"loss": case.loss, "optimizer": case.optimizer(module.parameters())}
    torch.manual_seed(2)
    result = nw.fit(module, given, epochs=EPOCHS, plan="eager", progress=False, **how)
    assert_same(result, module, losses, wanted)


EXTRAS: dict[str, dict[str, Any]] = {
    "step": {"scheduler": lambda o, updates: StepLR(o, 1, 0.5)},
    "cycle": {"scheduler": lambda o, updates: OneCycleLR(o, 0.01, total_steps=updates + 1), "by": "update"},
    "clip": {"clip": 0.1},
    "two": {"accumulate": 2},
    "three": {"accumulate": 3, "clip": 0.05},
}


def extras(case: Case, data: tuple[Tensor, ...], name: str, plan: Plan) -> None:
    """The loop with more in it, by hand and by us."""
    how, rows = EXTRAS[name], len(data[0])
    accumulate, schedule = how.get("accumulate", 1), how.get("scheduler")
    updates = EPOCHS * math.ceil(math.ceil(rows / (case.batch_size or rows)) / accumulate)

    wanted = made(case)
    optimizer = case.optimizer(wanted.parameters())
    rest = how | ({"scheduler": schedule(optimizer, updates)} if schedule else {})
    losses = train(wanted, loader_of(case, data), case.loss, optimizer, EPOCHS, **rest)

    module = made(case)
    optimizer = case.optimizer(module.parameters())
    options = {"clip_norm": how.get("clip"), "accumulate": accumulate, "optimizer": optimizer, "plan": plan}
    scheduler = schedule(optimizer, updates) if schedule else None
    result = fit(case, module, data, EPOCHS, scheduler=scheduler, **options)
    assert_same(result, module, losses, wanted)


@TELLS
@simple_cases
@pytest.mark.parametrize("name", EXTRAS)
def test_eager_schedules_clips_and_accumulates_as_one_does_by_hand(case: Case, name: str):
    extras(case, data_of(case), name, Plan())


# Other tiers


@TELLS
@pytest.mark.parametrize("tier", [tier for tier in TIERS if not tier.marks], ids=lambda tier: str(tier.plan))
@pytest.mark.parametrize("case", [CASES[name] for name in ("mlp", "batchnorm", "tied")], ids=lambda case: case.name)
def test_a_tier_accumulates_uneven_batches(tier: Tier, case: Case):
    """A third of an update is no number of theirs: the shares are rounded in another order, in float64 unseen."""
    data = modules.double(data_of(case))
    with doubles():
        eager, other = (
            fit(case, made(case), data, EPOCHS, plan=plan, accumulate=3).losses["loss"] for plan in (Plan(), tier.plan)
        )
    assert torch.allclose(other, eager, rtol=0, atol=1e-12)


@TELLS
@pytest.mark.parametrize(("tier", "case"), every([tier for tier in TIERS if tier.exact]))
def test_an_exact_tier_gives_the_same_bits(tier: Tier, case: Case):
    data = data_of(case)
    losses = modules.loop(case, wanted := made(case), data, EPOCHS)
    assert_same(fit(case, module := made(case), data, EPOCHS, plan=tier.plan), module, losses, wanted)


@quick_cases
@pytest.mark.parametrize("name", [name for name in EXTRAS if name != "three"])
@pytest.mark.parametrize("tier", [tier for tier in TIERS if tier.exact], ids=lambda tier: str(tier.plan))
def test_an_exact_tier_schedules_clips_and_accumulates_too(case: Case, name: str, tier: Tier):
    extras(case, data_of(case), name, tier.plan)


@TELLS
@pytest.mark.parametrize(("tier", "case"), every(TIERS))
def test_what_a_tier_refuses_it_says(tier: Tier, case: Case):
    notes = fit(case, made(case), data_of(case, 10), 1, plan=tier.plan, batch_size=SMALL).plan.notes
    reason = dict(tier.refused).get(case.name)
    assert all(reason in note for note in notes) if reason else not notes
    assert bool(notes) == bool(reason)


def job_of(case: Case, module: nn.Module, data: tuple[Tensor, ...]) -> Job:
    def loss(network: nn.Module, batch: Any) -> Tensor:
        inputs, target = (batch[0], batch[-1]) if isinstance(batch, tuple) else (batch, batch)
        return case.loss(network(inputs), target)

    parts: dict[str, Any] = dict(case.phases) or {"loss": loss}
    phases = [
        nw.Phase(name=part, loss=own, optimizer=case.optimizer(getattr(module, part, module).parameters()))
        for part, own in parts.items()
    ]
    size, shuffle = (min(case.batch_size, 16), True) if case.batch_size else (len(data[0]), False)
    given = data if len(data) > 1 else data[0]
    source = feed(given, batch_size=size, shuffle=shuffle, drop_last=False, device="cpu")
    return Job(module=module, phases=phases, source=source, share=case.share)


def one_step(job: Job, planner: Planner, step: int) -> dict[str, Tensor]:
    """Everything a step leaves behind."""
    job.module.train()
    epoch, number = divmod(step, job.steps or 1)
    chunk = planner.run(Position(epoch=epoch, seed=epoch, step=number, total=step), 1, NEVER)
    assert chunk.steps == 1
    left = {f"loss {name}": value for name, value in chunk.losses.items()} | dict(job.module.state_dict())
    for phase in job.phases:
        for number, state in phase.optimizer.state_dict()["state"].items():
            left |= {f"{phase.name}'s {key} {number}": value for key, value in state.items()}
    return {name: value.clone() for name, value in left.items() if isinstance(value, Tensor)}


@TELLS
@pytest.mark.parametrize(("tier", "case"), every([tier for tier in TIERS if not tier.exact]))
def test_one_step_from_each_of_many_snapshots(tier: Tier, case: Case):
    reference, candidate = (job_of(case, made(case), data_of(case, 44)) for _ in range(2))  # every third is ragged
    eager, other = (
        Planner(job, Averages(job.phases), plan) for job, plan in ((reference, Plan()), (candidate, tier.plan))
    )
    for step in range(SNAPSHOTS):
        candidate.module.load_state_dict(reference.module.state_dict())
        for own, theirs in zip(candidate.phases, reference.phases, strict=True):
            own.optimizer.load_state_dict(copy.deepcopy(theirs.optimizer.state_dict()))
        stream = torch.get_rng_state()
        wanted = one_step(reference, eager, step)
        torch.set_rng_state(stream)
        got = one_step(candidate, other, step)
        assert got.keys() == wanted.keys()
        for name, value in wanted.items():
            off = float((got[name].double() - value.double()).abs().max())
            assert off <= 1e-5 * float(value.double().abs().max()), f"{name} at step {step}"
    other.close()
    assert bool(other.planned().notes) == (case.name in dict(tier.refused))


@TELLS
@pytest.mark.parametrize(("tier", "case"), every([tier for tier in TIERS if not tier.exact]))
def test_many_steps_in_float64(tier: Tier, case: Case):
    data = modules.double(data_of(case, 10))
    epochs = STEPS // 3 + 1 if case.batch_size else STEPS
    options = {"batch_size": SMALL} if case.batch_size else {}
    with doubles():
        eager, other = (
            fit(case, made(case), data, epochs, plan=plan, **options).losses for plan in (Plan(), tier.plan)
        )
    for name, losses in eager.items():
        assert len(losses) >= STEPS
        assert float((other[name] - losses).abs().max()) <= 1e-9
