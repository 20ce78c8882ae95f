"""Which jobs a program can run by itself, and schedulers moved on and back."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from netwright.core.phase import Phase
from netwright.data.feeds.feed import feed
from netwright.engine.job import Job
from netwright.engine.recording import Refused
from netwright.engine.resident import Schedules, resident, sizes, whole

X = torch.arange(10.0)[:, None]


def job(size: int = 4, shuffle: bool = True, drop_last: bool = False) -> Job:
    module = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    scheduler = CosineAnnealingLR(optimizer, 10)
    phase = Phase(name="a", loss=lambda m, b: m(b).sum(), optimizer=optimizer, scheduler=scheduler)
    source = feed(X, batch_size=size, shuffle=shuffle, drop_last=drop_last, device="cpu")
    return Job(module=module, phases=[phase], source=source)


def test_sizes_of_batches():
    assert sizes(resident(job())) == [4, 2] and sizes(resident(job(5))) == [5]
    assert sizes(resident(job(drop_last=True))) == [4] and sizes(resident(job(99))) == [10]


def test_whole_data():
    assert whole(resident(job(10, shuffle=False))) and not whole(resident(job(10))) and not whole(resident(job()))


def test_what_can_not_be_run_by_a_program_is_refused():
    class Lone:
        steps = 1

    with pytest.raises(Refused, match="in memory"):
        resident(replace(job(), source=Lone()))
    with pytest.raises(Refused, match="cuda"):
        resident(job(), "cuda")
    with pytest.raises(Refused, match="accumulates"):
        resident(replace(job(), accumulate=2))


def test_schedules_go_on_and_back():
    made = job()
    schedules, optimizer = Schedules(made), made.phases[0].optimizer
    rates = [optimizer.param_groups[0]["lr"]]
    schedules.mark()
    for _ in range(6):
        schedules.step()
        rates.append(optimizer.param_groups[0]["lr"])
    schedules.back(2)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rates[2], abs=1e-12)
    schedules.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rates[3], abs=1e-12)
