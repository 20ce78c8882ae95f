"""How good the weights are after an epoch: by the task's losses, as the family judges, or by figures alone."""

import torch
from torch import Tensor, nn

from netwright.api.rows import Rows
from netwright.core.arrays import at_once
from netwright.core.record import Record
from netwright.data.batches import Batches, spread
from netwright.engine.loop import Validate
from netwright.families.family import Family
from netwright.tasks import Answering, Supervised, Task

CHUNK = 8192
"""Rows of a table that are validated at once."""


MOST_WINDOWS = {"series": 5000, "corpus": 800}
"""Windows that validate at most after an epoch: they overlap, or a few hundred tell as much as all."""


def validation(family: Family, config: Record, rows: Rows, batches: Batches) -> Validate:
    """A function module → validation losses and figures."""
    if family.watched is not None:
        return _watching(family, config, rows.task, batches)
    if family.judge is not None:
        return _judging(family, config, rows.task, batches, MOST_WINDOWS.get(rows.schema.data))
    assert isinstance(rows.task, Answering), f"{family.name} must say how good it is at {rows.task.kind}"
    return validator(rows.task, batches, len(rows.split.folds))


def chunk_of(batches: Batches) -> int:
    """Rows that are fed at once: fewer of what is no table."""
    first = batches.inputs[0]
    return CHUNK if first.dim() == 2 and first.is_floating_point() else at_once(batches.inputs)


def _watching(family: Family, config: Record, task: Task, batches: Batches) -> Validate:
    """Figures instead of a loss."""
    sample = batches.validating(chunk_of(batches))
    assert family.watched is not None
    look = family.watched

    def validate(module: nn.Module) -> tuple[None, dict[str, float]]:
        return None, look(module, config, task, sample)

    return validate


def _judging(family: Family, config: Record, task: Task, batches: Batches, most: int | None) -> Validate:
    """The mean of the losses by which the family judges validation rows, or `most` of them spread evenly."""
    rows = spread(torch.nonzero(batches.fold >= 0).flatten(), most)
    assert family.judge is not None
    judge = family.judge

    def validate(module: nn.Module) -> tuple[Tensor, dict[str, float]]:
        chunks = rows.split(chunk_of(batches))
        losses = torch.cat([judge(module, config, task, batches.at(chunk)).double() for chunk in chunks])
        return losses.mean(0), {}

    return validate


def validator(task: Supervised, batches: Batches, folds: int) -> Validate:
    """Validation losses, () or (K,) for K members, and the task's main figure.

    Member k validates on fold k modulo `folds`; where that fold is empty, on all validation rows. The figure is that of
    the members' mean on rows none of them trained on.
    """
    rows = torch.nonzero(batches.fold >= 0).flatten()
    truth = task.decode(batches.target[rows])
    name, metric = next(iter(task.metrics.items()))

    def validate(module: nn.Module) -> tuple[Tensor, dict[str, float]]:
        outputs, losses = [], []
        for chunk in rows.split(chunk_of(batches)):
            batch = batches.at(chunk)
            output = module(*batch.inputs)
            losses.append(task.losses(output, batch.target).double())
            outputs.append(_unseen(output, batch.fold, folds))
        figure = metric(task.predictions(torch.cat(outputs)), truth)
        loss = torch.cat(losses)
        if loss.dim() == 1:
            return loss.mean(), {name: figure}
        own = batches.fold[rows, None].to(loss.device) == torch.arange(loss.shape[1], device=loss.device) % folds
        own = own | ~own.any(0)
        return (loss * own).sum(0) / own.sum(0), {name: figure}

    return validate


def _unseen(output: Tensor, fold: Tensor, folds: int) -> Tensor:
    """(B, K, O) → (B, K/folds, O): of each row, the outputs of the members that did not train on it."""
    if output.dim() == 2 or folds == 1 or output.shape[1] % folds:
        return output
    by_fold = output.unflatten(1, (-1, folds))
    return by_fold[torch.arange(len(output), device=output.device), :, fold]
