"""Optimizers and schedules as they are asked for."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, LambdaLR, OneCycleLR, StepLR

from netwright.api.recipes import OPTIMIZERS, SCHEDULES, falling, optimizer_for, scheduler_for
from netwright.core.errors import InputError


def network() -> nn.Sequential:
    made = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    made[0].bias.requires_grad_(False)
    return made


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_name_makes_torchs_optimizer_of_the_trainable_parameters(name: str):
    model = network()
    made = optimizer_for(name.upper(), model, 0.25)
    assert type(made) is OPTIMIZERS[name] and made.param_groups[0]["lr"] == 0.25
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(a is b for a, b in zip(made.param_groups[0]["params"], trained, strict=True))
    assert type(optimizer_for(name, model, None)) is OPTIMIZERS[name]


def test_a_class_or_function_is_called_and_an_object_taken():
    model = network()
    assert type(optimizer_for(torch.optim.NAdam, model, None)) is torch.optim.NAdam
    made = optimizer_for(lambda p, lr=0.5: torch.optim.SGD(p, lr=lr, momentum=0.9), model, None)
    assert made.defaults["momentum"] == 0.9 and made.defaults["lr"] == 0.5
    own = torch.optim.Rprop(model.parameters())
    assert optimizer_for(own, model, None) is own


def test_two_learning_rates_are_one_too_many():
    model = network()
    own = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match=r"learning_rate=0\.5 and a SGD object[\s\S]*Give lr="):
        optimizer_for(own, model, 0.5)


@pytest.mark.parametrize("asked", ["lion", 3, "", object()])
def test_what_is_no_optimizer_is_refused(asked: Any):
    with pytest.raises(InputError, match=r"not an optimizer[\s\S]*sgd, adam, adamw"):
        optimizer_for(asked, network(), None)


def rates(name: str, updates: int, lr: float = 0.5) -> list[float]:
    optimizer = torch.optim.SGD(network().parameters(), lr=lr)
    schedule, by = scheduler_for(name, optimizer, updates)
    assert by == "update" and schedule is not None
    seen = []
    for _ in range(updates):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def test_cosine_is_torchs():
    optimizer = torch.optim.SGD(network().parameters(), lr=0.5)
    torchs, wanted = CosineAnnealingLR(optimizer, T_max=40), []
    for _ in range(40):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step()
    assert rates("cosine", 40) == pytest.approx(wanted, abs=1e-12)


def test_warmup_rises_in_a_line_then_falls():
    seen = rates("warmup-cosine", 100)
    assert seen[:10] == pytest.approx([0.05 * n for n in range(1, 11)])
    assert all(a >= b for a, b in pairwise(seen[9:])) and seen[-1] < 0.01


def test_one_cycle_is_torchs_with_the_rate_as_its_peak():
    seen = rates("one-cycle", 50)
    assert max(seen) == pytest.approx(0.5, rel=0.02) and seen[0] < 0.03 and seen[-1] < 0.01


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("updates", [1, 2, 3, 9])
def test_however_few_the_updates(name: str, updates: int):
    assert all(0 < rate <= 0.5 + 1e-12 for rate in rates(name, updates))


def test_groups_keep_their_proportions():
    model = network()
    groups = [{"params": model[0].weight, "lr": 0.1}, {"params": model[1].parameters(), "lr": 1.0}]
    for name in SCHEDULES:
        optimizer = torch.optim.SGD([dict(group) for group in groups])
        schedule, _ = scheduler_for(name, optimizer, 20)
        assert schedule is not None
        for _ in range(7):
            optimizer.step()
            schedule.step()
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert second == pytest.approx(10 * first), name


def test_the_share_ends_at_nothing_and_stays():
    share = falling(10, 0.0)
    assert share(0) == 1.0 and share(5) == pytest.approx(0.5) and share(10) == share(99) == pytest.approx(0.0)
    assert falling(10, 0.2)(0) == 0.5 and math.isclose(falling(10, 0.2)(2), 1.0)


def test_torchs_own_schedulers_step_by_what_they_count():
    optimizer = torch.optim.SGD(network().parameters(), lr=0.1, momentum=0.9)
    assert scheduler_for(None, optimizer, 5) == (None, "epoch")
    for made, by in (
        (StepLR(optimizer, 1), "epoch"),
        (LambdaLR(optimizer, lambda n: 1.0), "epoch"),
        (OneCycleLR(optimizer, 0.1, total_steps=5), "update"),
        (CyclicLR(optimizer, 0.01, 0.1), "update"),
    ):
        assert scheduler_for(made, optimizer, None) == (made, by)


def test_what_is_no_schedule_is_refused():
    optimizer = torch.optim.SGD(network().parameters(), lr=0.1)
    for asked in ("linear", 3):
        with pytest.raises(InputError, match=r"not a learning-rate schedule[\s\S]*cosine, warmup-cosine, one-cycle"):
            scheduler_for(asked, optimizer, 5)
    with pytest.raises(InputError, match=r"'one-cycle' needs to know how many updates"):
        scheduler_for("one-cycle", optimizer, None)


def test_a_scheduler_of_another_optimizer_is_refused():
    module = nn.Linear(2, 1)
    mine, other = (torch.optim.SGD(module.parameters(), lr=0.1) for _ in range(2))
    with pytest.raises(InputError, match="another optimizer"):
        scheduler_for(torch.optim.lr_scheduler.StepLR(other, 2), mine, 10)
