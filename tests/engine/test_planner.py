"""Plans are measured on steps that count, proven before they are used, told, and repeated when they are given back."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netwright as nw
from netwright.core.plan import NAMED, Plan, Planned, Stretch
from netwright.engine import planner
from netwright.engine.averages import Averages
from netwright.engine.candidates import candidates
from netwright.engine.job import Job, Position
from netwright.engine.planner import Planner, threads
from tests.engine.strange import STRANGE, Plain, X, Y, made
from tests.engine.test_eager import NEVER, Listed, cut, phase_of


@pytest.fixture
def eager_to_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is tried and proven is taken, so that what a clock decides is no matter of luck."""
    monkeypatch.setattr(planner, "FASTER", 1e9)
    monkeypatch.setattr(planner, "PRICE", 0)


def fitted(make: Any = Plain, plan: Any = "auto", epochs: int = 20, **rest: Any) -> tuple[nn.Module, nw.Fit]:
    module = made(make)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    options = {"loss": nn.MSELoss(), "optimizer": optimizer, "batch_size": 16, "progress": False} | rest
    return module, nw.fit(module, options.pop("data", (X, Y)), epochs=epochs, plan=plan, **options)


def same(a: tuple[nn.Module, nw.Fit], b: tuple[nn.Module, nw.Fit]) -> bool:
    losses = all(torch.equal(a[1].losses[name], b[1].losses[name]) for name in a[1].losses)
    states = a[0].state_dict(), b[0].state_dict()
    return losses and all(torch.equal(v, states[1][k]) for k, v in states[0].items())


def covered(plan: Planned) -> list[int]:
    return [step for stretch in plan.stretches for step in range(stretch.first, stretch.last)]


@pytest.mark.usefixtures("eager_to_switch")
def test_a_plan_given_back_repeats_the_bits_of_a_run_that_switched():
    first = fitted()
    assert len({stretch.plan for stretch in first[1].plan.stretches}) > 1
    again = fitted(plan=first[1].plan)
    assert same(first, again)
    assert again[1].plan.stretches == first[1].plan.stretches
    assert not same(first, fitted(plan="eager")), "a switch that changed no bit would prove nothing"


@pytest.mark.usefixtures("eager_to_switch")
def test_switching_changes_nothing_beyond_rounding():
    switched, eager = fitted(), fitted(plan="eager")
    assert torch.allclose(switched[1].losses["loss"], eager[1].losses["loss"], rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("eager_to_switch")
def test_stretches_cover_every_step_once():
    for epochs in (1, 2, 20):
        plan = fitted(epochs=epochs)[1].plan
        assert covered(plan) == list(range(3 * epochs))
        for a, b in zip(plan.stretches, plan.stretches[1:], strict=False):
            assert a.plan != b.plan


@pytest.mark.parametrize("plan", [NAMED["eager"], Plan(tier="traced"), NAMED["traced"], Plan(fused=True, threads=1)])
def test_a_fixed_plan_stays(plan: Plan):
    told = fitted(plan=plan, epochs=4)[1].plan
    assert told.stretches == (Stretch(plan=plan, first=0, last=12),) and told.trials == ()


def test_a_name_is_its_plan():
    assert same(fitted(plan="traced"), fitted(plan=NAMED["traced"]))


def test_few_steps_are_not_worth_a_trial():
    told = fitted(epochs=2)[1].plan
    assert {trial.plan for trial in told.trials} <= {Plan()}
    assert told.stretches == (Stretch(plan=Plan(), first=0, last=6),)


def test_data_without_a_known_length_runs_eagerly():
    def batches() -> Iterator[Any]:
        yield from cut(16, 16, 8)

    told = fitted(data=batches, epochs=20)[1].plan
    assert told.stretches == (Stretch(plan=Plan(), first=0, last=60),)


@pytest.mark.usefixtures("eager_to_switch")
def test_what_was_tried_is_told_with_its_time_or_the_reason():
    told = fitted(make=STRANGE["branch"][0])[1].plan
    assert all(trial.seconds is not None and trial.seconds > 0 for trial in told.trials if trial.verdict != "refused")
    refused = [trial for trial in told.trials if trial.verdict == "refused" and trial.plan.tier == "traced"]
    assert refused and "depends on the numbers in a tensor" in refused[0].reason
    assert "refused: traced" in str(told) and "µs a step" in str(told) and "steps 0–" in str(told)


@pytest.mark.usefixtures("eager_to_switch")
@pytest.mark.parametrize("name", ["lock", "parameter hook", "module hook"])
def test_what_can_not_be_tried_stays_eager_and_bears_no_trace(name: str):
    make = STRANGE[name][0]
    (module, fit), (wanted, _) = fitted(make=make, epochs=8), fitted(make=make, epochs=8, plan="eager")
    assert fit.plan.stretches == (Stretch(plan=Plan(), first=0, last=24),)
    assert vars(module).keys() == vars(wanted).keys()
    assert all(torch.equal(v, wanted.state_dict()[k]) for k, v in module.state_dict().items())


@pytest.mark.usefixtures("eager_to_switch")
def test_what_a_module_counts_is_what_it_was_really_called():
    module: Any = fitted(make=STRANGE["counter"][0], epochs=8)[0]
    assert module.calls == 24


@pytest.mark.usefixtures("eager_to_switch")
def test_with_two_threads_it_may_choose_one_and_gives_them_back():
    torch.set_num_threads(2)
    try:
        first = fitted()
        assert torch.get_num_threads() == 2
        assert any(trial.plan.threads == 1 for trial in first[1].plan.trials)
        assert same(first, fitted(plan=first[1].plan))
        assert covered(first[1].plan) == list(range(60))
    finally:
        torch.set_num_threads(1)


def test_threads_come_back_after_an_error():
    with pytest.raises(KeyError), threads(2):
        assert torch.get_num_threads() == 2
        raise KeyError
    assert torch.get_num_threads() == 1
    with threads(0):
        assert torch.get_num_threads() == 1


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maker, self.critic = nn.Linear(4, 4), nn.Linear(4, 1)


@pytest.mark.usefixtures("eager_to_switch")
def test_phases_that_are_not_always_due_repeat_too():
    def run(plan: Any) -> tuple[nn.Module, nw.Fit]:
        module: Any = made(Two)

        def share(m: Any, batch: Any) -> Tensor:
            return m.maker(torch.randn(len(batch), 4))

        phases = [
            nw.Phase(
                name="critic",
                loss=lambda m, b, f: (m.critic(f.detach()) - m.critic(b)).mean(),
                optimizer=torch.optim.Adam(module.critic.parameters()),
            ),
            nw.Phase(
                name="maker",
                loss=lambda m, b, f: -m.critic(f).mean(),
                optimizer=torch.optim.Adam(module.maker.parameters()),
                every=5,
            ),
        ]
        return module, nw.fit(
            module, X, phases=phases, share=share, epochs=20, batch_size=16, plan=plan, progress=False
        )

    first = run("auto")
    assert len(first[1].losses["critic"]) == 60 and len(first[1].losses["maker"]) == 12
    assert len({stretch.plan for stretch in first[1].plan.stretches}) > 1
    assert same(first, run(first[1].plan))


@pytest.mark.usefixtures("eager_to_switch")
def test_reduced_precision_is_tried_only_where_it_is_allowed():
    plans = {trial.plan.precision for trial in fitted()[1].plan.trials}
    assert plans == {"float32"}
    module, fit = fitted(precision="bfloat16")
    assert "bfloat16" in {trial.plan.precision for trial in fit.plan.trials}
    assert all(p.dtype == torch.float32 for p in module.parameters())
    assert fit.losses["loss"].isfinite().all()


def test_another_memory_layout_is_tried_for_pictures_alone():
    module = nn.Sequential(nn.Conv2d(1, 2, 3))
    changes = candidates(Job(module=module, phases=[], source=Listed([])), "float32")
    assert any(change.get("memory_format") == "channels_last" for change in changes)
    changes = candidates(Job(module=Plain(), phases=[], source=Listed([])), "float32")
    assert not any("memory_format" in change for change in changes)


# What was planned, on its own


def planner_of(plan: Any) -> Planner:
    module = made(Plain)
    job = Job(module=module, phases=[phase_of(module)], source=Listed(cut(10, 10, 10, 10)))
    return Planner(job, Averages(job.phases), plan)


def test_a_written_plan_ends_where_it_says_and_its_last_goes_on():
    written = Planned(
        stretches=(Stretch(plan=Plan(), first=0, last=1), Stretch(plan=Plan(tier="traced"), first=1, last=3))
    )
    own, at = planner_of(written), Position()
    while at.step < 4:
        own.run(at, 4 - at.step, NEVER)
    assert own.planned().stretches == (
        Stretch(plan=Plan(), first=0, last=1),
        Stretch(plan=Plan(tier="traced"), first=1, last=4),
    )


def test_an_empty_plan_is_eager():
    own = planner_of(Planned())
    own.run(Position(), 4, NEVER)
    assert own.planned().stretches == (Stretch(plan=Plan(), first=0, last=4),)


def test_a_resumed_planner_keeps_what_was_chosen_last():
    before = Planned(stretches=(Stretch(plan=NAMED["traced"], first=0, last=7),), notes=("seen",))
    own = planner_of(None)
    own.resume(before)
    own.run(Position(step=0, total=7), 4, NEVER)
    told = own.planned()
    assert told.notes[0] == "seen" and told.stretches == (Stretch(plan=NAMED["traced"], first=0, last=11),)
