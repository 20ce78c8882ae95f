"""The arguments of `nw.fit` that can be judged before anything is made from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from netwright.core.errors import InputError
from netwright.core.phase import Phase

PRECISIONS = ("float32", "bfloat16", "float16")


def refuse_module(model: Any) -> None:
    """Raise InputError for a first argument that is no module."""
    if not isinstance(model, nn.Module):
        raise InputError(
            "The first argument is the module to train.",
            got=f"a {type(model).__qualname__}",
            wanted="a torch.nn.Module",
            fix="Give the module first and the data second: nw.fit(model, (x, y), …); a class needs its (): Net().",
        )


def refuse_numbers(counts: Mapping[str, int | None], clip_norm: float | None, average: float | None) -> None:
    """Raise InputError for counts that are not 1 or more, and for a norm or a decay out of its range."""
    for name, value in counts.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(
                f"{name} must be a whole number.",
                got=f"{name}={value!r}",
                wanted="1 or more",
                fix=f"Give {name}=1 or more.",
            )
    ranges = {"clip_norm": (clip_norm, float("inf"), 1.0), "average": (average, 1.0, 0.999)}
    for name, (value, limit, usual) in ranges.items():
        if value is not None and not 0 < value < limit:
            raise InputError(
                f"{name} is out of its range.",
                got=f"{name}={value!r}",
                wanted=f"more than 0 and less than {limit:g}",
                fix=f"Give {name}={usual:g}, for example, or leave it out.",
            )


def refuse_unseen(validation: Any, needing: Mapping[str, object]) -> None:
    """Raise InputError where something is asked for that only validation can give."""
    asked = [name for name, value in needing.items() if value is not None]
    if validation is None and asked:
        raise InputError(
            f"Nothing validates, and {' and '.join(asked)} can't be had without.",
            got=f"{', '.join(f'{name}={needing[name]!r}' for name in asked)} and no validation",
            wanted="data that validates",
            fix="Give validation=0.2 for a share of the rows, or validation=(x, y).",
        )


def refuse_precision(precision: str) -> None:
    """Raise InputError for a precision there is not."""
    if precision not in PRECISIONS:
        raise InputError(
            "This is not a precision.",
            got=f"precision={precision!r}",
            wanted=", ".join(PRECISIONS),
            fix='Leave precision= out, or give precision="bfloat16".',
        )


def refuse_phases(phases: Sequence[Phase] | None, share: Any, others: Mapping[str, object]) -> None:
    """Raise InputError for phases that can't be told apart or never run, and for options that are each phase's own."""
    if phases is None:
        if share is not None:
            raise InputError(
                "Only phases share something.",
                got="share and no phases",
                wanted="phases=[nw.Phase(…), …] beside it",
                fix="Compute it in the loss, or give the updates of a step as phases.",
            )
        return
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise InputError(
            "With phases, each phase has these of its own.",
            got=f"phases and {', '.join(given)}",
            wanted="one of the two",
            fix=f"Give {', '.join(given)} to the nw.Phase it is meant for.",
        )
    names = [phase.name for phase in phases]
    if not names or len({*names}) < len(names) or any(phase.every < 1 for phase in phases):
        raise InputError(
            "The phases of a step need names that differ, and a turn now and then.",
            got=", ".join(f"{phase.name!r} every {phase.every}" for phase in phases) or "no phase",
            wanted="at least one nw.Phase, each with a name of its own and every=1 or more",
            fix='Name them by what they train: nw.Phase(name="generator", …).',
        )


def refuse_plateau(scheduler: Any, steps: str | None) -> None:
    """Raise InputError for a scheduler that looks at an epoch's loss and is to step by the update."""
    if isinstance(scheduler, ReduceLROnPlateau) and steps == "update":
        raise InputError(
            "ReduceLROnPlateau looks at the loss of an epoch.",
            got='scheduler_steps="update"',
            wanted='"epoch"',
            fix="Leave scheduler_steps= out.",
        )
