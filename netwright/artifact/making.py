"""New rows from a network that makes them."""

import numpy as np
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.core.seeds import derive
from netwright.tasks import Generation, Task


def make(module: nn.Module, task: Task, count: int, *, label: object = None, seed: int = 0) -> tuple[np.ndarray, ...]:
    """`count` new rows in the form of the network's inputs; of the class `label`, or of mixed ones.

    The same seed makes the same rows. Raises InputError for a network that makes none and for an unknown label.
    """
    classes = torch.from_numpy(classes_for(task, count, label=label, seed=seed))
    generator = torch.Generator().manual_seed(derive(seed, "generate"))
    module.eval()
    with torch.inference_mode():
        made = module.generate(count, classes, generator)  # type: ignore[operator]
    return tuple(part.cpu().numpy() for part in made)


def classes_for(task: Task, count: int, *, label: object = None, seed: int = 0) -> np.ndarray:
    """(count,) the class numbers new rows are of: that of `label`, or drawn in their training shares; else zeros.

    Raises InputError as `make` does.
    """
    if not isinstance(task, Generation):
        raise InputError(
            "This network makes no new rows.",
            got=f"a network for {task.title}",
            wanted="one trained with --family gan, or --task generation",
            fix="Train one: netwright train DATA --family gan.",
        )
    if count < 1:
        raise InputError(
            "How many are to be made?", got=f"--count {count}", wanted="one or more", fix="Give --count 64."
        )
    if label is not None:
        return np.full(count, _number(task.classes, str(label)))
    if task.label is None:
        return np.zeros(count, dtype=np.int64)
    shares = np.asarray(task.label.counts) / sum(task.label.counts)
    return np.random.default_rng(derive(seed, "labels")).choice(len(shares), count, p=shares)


def _number(classes: tuple[str, ...], label: str) -> int:
    if label not in classes:
        raise InputError(
            f"There is no label {label!r}.",
            got=f"--label {label}",
            wanted=", ".join(map(repr, classes[:20])) or "none: the rows it was trained on had no labels",
            fix="Give one of these, or leave --label out.",
        )
    return classes.index(label)
