"""The loop a person writes, with what a person adds to it: the reference of the batteries."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

MODULE_SEED, RUN_SEED = 1, 2
ROWS, EPOCHS = 75, 3
"""Two batches of 32 and a ragged one of 11, or one of 64 and one of 11."""


def made(case: Any) -> nn.Module:
    """The case's module with the weights every run begins with, and the stream where every run begins."""
    torch.manual_seed(MODULE_SEED)
    module = case.make()
    torch.manual_seed(RUN_SEED)
    return module


def loader_of(case: Any, data: tuple[Tensor, ...], **options: Any) -> Iterable[Any]:
    """As the tutorial reads its data."""
    if case.batch_size is None:
        return [list(data)]
    return DataLoader(TensorDataset(*data), batch_size=case.batch_size, shuffle=True, **options)


def groups(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The batches of one update after another."""
    left = iter(batches)
    while group := list(islice(left, size)):
        yield group


def train(
    module: nn.Module,
    loader: Iterable[Any],
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    scheduler: Any = None,
    by: str = "epoch",
    clip: float | None = None,
    accumulate: int = 1,
) -> list[float]:
    """The loss of every batch. What accumulates is the mean over the rows of the update."""
    losses = []
    for _ in range(epochs):
        for group in groups(loader, accumulate):
            rows = sum(len(batch[0]) for batch in group)
            optimizer.zero_grad()
            for batch in group:
                value = loss(module(batch[0]), batch[-1])
                losses.append(value.item())
                (value / (rows / len(batch[0])) if len(group) > 1 else value).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
            if scheduler is not None and by == "update":
                scheduler.step()
        if scheduler is not None and by == "epoch":
            scheduler.step()
    return losses


def assert_same(fit: Any, module: nn.Module, losses: list[float], wanted: nn.Module) -> None:
    """Every loss and every number of the module, to the bit."""
    got = torch.stack(list(fit.losses.values()), 1).flatten()  # of several phases: in turn
    assert got.tolist() == losses
    for name, value in wanted.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


@contextmanager
def doubles() -> Iterator[None]:
    """Modules made inside are in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
