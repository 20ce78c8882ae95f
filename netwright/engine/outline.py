"""How a training is built, in plain values: what must be the same for a checkpoint of one to be taken up by another."""

from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from netwright.core.phase import Phase
from netwright.engine.job import Job

Outline = dict[str, str]
"""Part → what it is, in words."""


def outline(job: Job) -> Outline:
    """Every part a checkpoint has a state of, and its kind and size."""
    parts = {name: _kind(value) for name, value in job.module.state_dict().items()}
    parts["the phases"] = ", ".join(phase.name for phase in job.phases)
    for phase in job.phases:
        parts |= {f"the {what} of phase {phase.name!r}": kind for what, kind in _phase(phase).items()}
    return parts


def differences(before: Outline, now: Outline) -> list[str]:
    """What is another now, in words."""
    names = dict.fromkeys([*before, *now])
    return [
        f"{name} was {before.get(name, 'not there')} and is {now.get(name, 'not there')}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _phase(phase: Phase) -> dict[str, str]:
    return {
        "optimizer": _optimizer(phase.optimizer),
        "scheduler": type(phase.scheduler).__name__ if phase.scheduler is not None else "none",
        "scaler": "there" if phase.scaler is not None and phase.scaler.is_enabled() else "none",
        "moving average": "there" if phase.average is not None else "none",
    }


def _optimizer(optimizer: Optimizer) -> str:
    sizes = [", ".join(str(tuple(p.shape)) for p in group["params"]) for group in optimizer.param_groups]
    return f"{type(optimizer).__name__} over {' and '.join(sizes)}"


def _kind(value: object) -> str:
    if isinstance(value, Tensor) and not is_lazy(value):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return type(value).__name__
