"""Optimizers and learning-rate schedules as a person asks for them: an object, a class, or a name."""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LambdaLR, LRScheduler, OneCycleLR

from netwright.core.errors import InputError

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}
SCHEDULES = ("cosine", "warmup-cosine", "one-cycle")
WARMUP = 0.1
"""Share of the updates over which "warmup-cosine" raises the rate from 0."""


def optimizer_for(asked: Any, module: nn.Module, learning_rate: float | None) -> Optimizer:
    """The optimizer asked for, over the module's trainable parameters where it is not an object already.

    Raises InputError for an unknown name, for a learning rate beside an object that has its own, and where there is
    nothing to train.
    """
    if isinstance(asked, Optimizer):
        if learning_rate is not None:
            raise InputError(
                "The learning rate is the optimizer's own.",
                got=f"learning_rate={learning_rate} and a {type(asked).__name__} object",
                wanted="one of the two",
                fix="Give lr= where the optimizer is made, or name the optimizer: optimizer='adam'.",
            )
        return asked
    make = OPTIMIZERS.get(asked.lower()) if isinstance(asked, str) else asked
    if not callable(make):
        raise InputError(
            "This is not an optimizer.",
            got=repr(asked),
            wanted=f"a torch.optim object or class, or one of {', '.join(OPTIMIZERS)}",
            fix="Give optimizer=torch.optim.Adam(model.parameters(), lr=1e-3), for example.",
        )
    trained = [p for p in module.parameters() if p.requires_grad]
    if not trained:
        raise InputError(
            "The module has no parameter that can be trained.",
            got=f"{type(module).__qualname__} with {len(list(module.parameters()))} parameters, none of them trainable",
            wanted="at least one parameter with requires_grad",
            fix="Give the module layers as attributes (self.fc = nn.Linear(…)), or unfreeze some: p.requires_grad_().",
        )
    options = {} if learning_rate is None else {"lr": learning_rate}
    return make(trained, **options)


def scheduler_for(
    asked: Any, optimizer: Optimizer, updates: int | None
) -> tuple[LRScheduler | None, Literal["update", "epoch"]]:
    """The scheduler asked for, and what it steps by. torch's step by the epoch, but for those that count updates.

    "cosine" falls to 0 along half a cosine over all updates; "warmup-cosine" rises over a tenth of them first
    (Loshchilov and Hutter 2017); "one-cycle" is torch's OneCycleLR with the optimizer's rate as its peak (Smith 2018).
    Raises InputError for an unknown name, and where the number of updates can't be known.
    """
    if asked is None:
        return None, "epoch"
    if isinstance(asked, LRScheduler):
        if asked.optimizer is not optimizer:
            raise InputError(
                "The scheduler was made on another optimizer.",
                got=f"a {type(asked).__name__} of another {type(asked.optimizer).__name__}",
                wanted="a scheduler of the optimizer that trains",
                fix="Make one optimizer, make the scheduler on it, and give both.",
            )
        return asked, "update" if isinstance(asked, (OneCycleLR, CyclicLR)) else "epoch"
    if asked not in SCHEDULES:
        raise InputError(
            "This is not a learning-rate schedule.",
            got=repr(asked),
            wanted=f"a torch.optim.lr_scheduler object, or one of {', '.join(SCHEDULES)}",
            fix="Give scheduler='cosine', or make the scheduler on the optimizer you give.",
        )
    if updates is None:
        raise InputError(
            f"The schedule {asked!r} needs to know how many updates there will be.",
            got="data whose length is not known",
            wanted="a Dataset, tensors, or a list of batches",
            fix="Give data with a length, or a scheduler object of your own.",
        )
    if asked == "one-cycle":
        peak = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, max_lr=peak, total_steps=max(updates, 1) + 1), "update"
    return LambdaLR(optimizer, falling(updates, WARMUP if asked == "warmup-cosine" else 0.0)), "update"


def falling(updates: int, warmup: float) -> Callable[[int], float]:
    """update → the share of the rate: up in a line over the `warmup` share, then down along half a cosine."""
    rise = round(updates * warmup)

    def share(update: int) -> float:
        if update < rise:
            return (update + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (update - rise) / max(1, updates - rise))))

    return share
