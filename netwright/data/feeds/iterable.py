"""Batches as somebody gives them: a list, any iterable, a function that makes an iterator."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.core.errors import InputError
from netwright.data.feeds.ahead import prefetched
from netwright.data.feeds.arrays import carried, named, unknown


class Given:
    """Batches of any form, in the order they come in, moved to `device`; nothing is drawn and nothing shuffled.

    A list is gone through as it is; batches of anything else are made on a thread, a few ahead. An iterator can be gone
    through once. `start` batches are made and dropped to go on in the middle.
    """

    def __init__(self, batches: Iterable[Any] | Callable[[], Iterable[Any]], device: torch.device) -> None:
        self.batches, self.device = batches, device
        self.once = isinstance(batches, Iterator)
        self.steps = len(batches) if isinstance(batches, Sized) else None
        self._spent = False
        if isinstance(batches, list):
            refuse(batches)
        elif not isinstance(batches, Iterable):
            refuse_arguments(batches)

    def draw(self) -> int:
        """0: a loop over these batches draws nothing either."""
        return 0

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches from number `start` on, whatever the seed. Raises InputError where there are none (any more)."""
        if self.once and self._spent:
            raise InputError(
                "The data is an iterator, and an iterator gives its batches once.",
                got=f"{type(self.batches).__qualname__}, and a second epoch",
                wanted="something that can be gone through once an epoch",
                fix="Give a list of batches, a Dataset, or the function that makes the iterator, without calling it.",
            )
        self._spent = True
        return self._batches(start)

    def _batches(self, start: int) -> Iterator[Any]:
        given = self.batches
        batches = islice(given, start, None) if isinstance(given, list) else prefetched(self._begun, start)
        empty = start == 0
        for batch in batches:
            empty = False
            yield carried(batch, self.device)
        if empty:
            raise InputError(
                "The iterable gave no batch.",
                got=repr(self.batches),
                wanted="at least one batch, in every epoch",
                fix="Give what begins anew each time: a list, a Dataset, or a function that makes the iterator.",
            )

    def _begun(self) -> Iterator[Any]:
        made = self.batches if isinstance(self.batches, Iterable) else self.batches()
        if not isinstance(made, Iterable):
            raise InputError(
                "The function given as data does not give batches.",
                got=f"{type(made).__qualname__} from {self.batches!r}",
                wanted="an iterator of batches",
                fix="Return iter(batches), or write it with yield.",
            )
        return iter(made)


def refuse(batches: list) -> None:
    """Raise InputError for a list that is not clearly one of batches."""
    if not batches:
        raise InputError(
            "The list of batches is empty.",
            got="[]",
            wanted="at least one batch",
            fix="Look at what the batches were made of.",
        )
    first = batches[0]
    if isinstance(first, (Tensor, np.ndarray)):
        raise InputError(
            "A list of tensors may be inputs and target, or may be batches.",
            got=f"a list of {len(batches)}, the first of shape {tuple(first.shape)}",
            wanted="a tuple (x, y) for inputs and target; a list of tuples for batches",
            fix="Write (x, y) instead of [x, y]; give batches without a target as lambda: iter(batches).",
        )
    leaves = [leaf for _, leaf in named(first)]
    numbers = any(isinstance(leaf, (int, float, complex, np.generic)) for leaf in leaves)
    single = any(isinstance(leaf, (Tensor, np.ndarray)) and leaf.ndim == 0 for leaf in leaves)
    if numbers or single:
        raise InputError(
            "A list is taken as one of batches, and this one holds single rows.",
            got=f"a list of {len(batches)}, the first {type(first).__qualname__} with single numbers in it",
            wanted="batches: tensors with the rows in the first dimension",
            fix="Give torch.utils.data.DataLoader(rows, batch_size=32, shuffle=True), or stacked tensors (x, y).",
        )
    if not any(isinstance(leaf, (Tensor, np.ndarray)) or hasattr(leaf, "to") for leaf in leaves):
        raise unknown(first, "data[0]")


def refuse_arguments(make: Any) -> None:
    """Raise InputError for something that can't be called without arguments."""
    if not callable(make) or isinstance(make, (type, torch.nn.Module)):
        raise unknown(make)
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise InputError(
            "The function given as data needs arguments.",
            got=str(error),
            wanted="a function without arguments that gives an iterator of batches",
            fix="Give lambda: function(...), or functools.partial(function, ...).",
        ) from None
    except ValueError:
        return  # a builtin that tells nothing of its arguments: calling it will
