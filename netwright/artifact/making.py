"""New rows from a network that makes them."""

import numpy as np
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.core.seeds import derive
from netwright.tasks import Generation, Task

AT_ONCE = 256
"""Rows made at once, so that many take no more memory than few."""


def make(module: nn.Module, task: Task, count: int, *, label: object = None, seed: int = 0) -> tuple[np.ndarray, ...]:
    """`count` new rows in the form of the network's inputs; of the class `label`, or of mixed ones.

    The same seed makes the same rows. Raises InputError for a network that makes none and for an unknown label.
    """
    classes = classes_for(module, task, count, label=label, seed=seed)
    return made(module, count, classes, derive(seed, "generate"))


def made(module: nn.Module, count: int, classes: np.ndarray | None, seed: int) -> tuple[np.ndarray, ...]:
    """`count` new rows in the form of the network's inputs, of these class numbers (count,).

    Where they are None, a network that knows classes draws them in their training shares itself.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = None if classes is None else torch.from_numpy(classes)
    module.eval()
    parts = []
    with torch.inference_mode():
        for first in range(0, max(1, count), AT_ONCE):
            own = None if labels is None else labels[first : first + AT_ONCE]
            rows = module.generate(min(AT_ONCE, count - first), own, generator)  # type: ignore[operator]
            parts.append([part.cpu().numpy() for part in rows])
    return tuple(np.concatenate(some) for some in zip(*parts, strict=True))


def known_classes(module: nn.Module, task: Task) -> tuple[str, ...]:
    """The classes the network can be asked for; none where rows were labelled and it was built without them.

    A network says how many it knows as `classes`; one that does not say was built with all there are.
    """
    if not isinstance(task, Generation):
        return ()
    return task.classes if getattr(module, "classes", len(task.classes)) == len(task.classes) else ()


def classes_for(module: nn.Module, task: Task, count: int, *, label: object = None, seed: int = 0) -> np.ndarray | None:
    """(count,) the class numbers new rows are of: that of `label`, or drawn in their training shares.

    None where the network knows no classes. Raises InputError as `make` does.
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
    known = known_classes(module, task)
    if label is not None:
        return np.full(count, _number(known, task, str(label)))
    if not known or task.label is None:
        return None
    shares = np.asarray(task.label.counts) / sum(task.label.counts)
    return np.random.default_rng(derive(seed, "labels")).choice(len(shares), count, p=shares)


def _number(known: tuple[str, ...], task: Generation, label: str) -> int:
    if task.classes and not known:
        raise InputError(
            "This network was trained without classes.",
            got=f"--label {label}",
            wanted="no label",
            fix="Leave --label out, or train again without by_class=false.",
        )
    if label not in known:
        raise InputError(
            f"There is no label {label!r}.",
            got=f"--label {label}",
            wanted=", ".join(map(repr, known[:20])) or "none: the rows it was trained on had no labels",
            fix="Give one of these, or leave --label out.",
        )
    return known.index(label)
