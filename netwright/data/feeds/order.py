"""The order of an epoch's rows, drawn as a DataLoader and its sampler draw it."""

import hashlib

import torch
from torch import Generator, Tensor

from netwright.core.errors import InputError

SEARCHED = 500_000_000
"""Rows that are ordered at most in search of an epoch, from either of two beginnings: seconds, not minutes."""


class Order:
    """N rows in the order of a seed, or as they lie.

    At the start of an epoch a DataLoader draws one int64, from its own generator or torch's global one, as the seed of
    its workers; a shuffling sampler then draws another for the generator that orders the rows. That second one is the
    seed here. A sampler with a `generator` of its own orders the rows with it directly: then the seed is a name for
    the state it was in, and an epoch that was not drawn here is looked for in that generator's stream.
    """

    def __init__(
        self, rows: int, shuffle: bool, *, base: Generator | None = None, generator: Generator | None = None
    ) -> None:
        self.rows, self.shuffle, self.base, self.generator = rows, shuffle, base, generator
        self.drawn: tuple[int, Tensor] | None = None
        self.straight: Tensor | None = None

    def draw(self, base: bool = True) -> int:
        """The seed of the next epoch. Takes from the streams what a DataLoader takes; without `base` only its sampler.

        Persistent workers are seeded once: their loader takes no base in later epochs.
        """
        if self.shuffle and self.generator is not None:
            name = state_name(self.generator)
            if base:
                int64(self.base)
            self.drawn = name, self._shuffled(self.generator)
            return name
        seed = int64(self.base) if base else 0
        return int64(None) if self.shuffle else seed

    def of(self, seed: int) -> Tensor:
        """(N,) int64 on the CPU, to be read only: the order that belongs to a seed.

        Raises InputError where it was drawn from a generator that stands elsewhere now.
        """
        if not self.shuffle:
            if self.straight is None:
                self.straight = torch.arange(self.rows, device="cpu")
            return self.straight
        if self.generator is None:
            return torch.randperm(self.rows, generator=Generator().manual_seed(seed), device="cpu")
        if self.drawn is None or self.drawn[0] != seed:
            self.drawn = seed, self._found(self.generator, seed)
        return self.drawn[1]

    def _shuffled(self, generator: Generator) -> Tensor:
        order = torch.randperm(self.rows, generator=generator, device="cpu")
        # RandomSampler orders the rows once more for a part of a round that is empty here.
        torch.randperm(self.rows, generator=generator, device="cpu")
        return order

    def _found(self, generator: Generator, seed: int) -> Tensor:
        here = generator.get_state()
        for begin in (here, Generator().manual_seed(generator.initial_seed()).get_state()):
            generator.set_state(begin)
            for _ in range(max(100, min(10_000, SEARCHED // (2 * self.rows)))):
                found = state_name(generator) == seed
                if self.base is generator:
                    int64(generator)
                order = self._shuffled(generator)
                if found:
                    return order
        generator.set_state(here)
        raise InputError(
            "The epoch to go on with was not drawn from this DataLoader's generator.",
            got=f"a generator seeded with {generator.initial_seed()}, and seed {seed} for the epoch",
            wanted="the generator the run began with, used by this DataLoader alone",
            fix="Seed it as before, DataLoader(..., generator=torch.Generator().manual_seed(0)), or give none.",
        )


def int64(generator: Generator | None) -> int:
    """One number as DataLoader and RandomSampler draw their seeds."""
    return int(torch.empty((), dtype=torch.int64, device="cpu").random_(generator=generator).item())


def state_name(*generators: Generator) -> int:
    """A number of 63 bits that stands for the state of generators."""
    digest = hashlib.blake2b(digest_size=8)
    for generator in generators:
        digest.update(generator.get_state().numpy().tobytes())
    return int.from_bytes(digest.digest(), "big") >> 1


def steps_of(rows: int, batch_size: int, drop_last: bool) -> int:
    """Batches in an epoch of so many rows, at least one. Raises InputError where drop_last leaves none."""
    if drop_last and rows < batch_size:
        raise InputError(
            "drop_last leaves no batch at all.",
            got=f"{rows} rows and batch_size={batch_size}",
            wanted="at least one whole batch",
            fix=f"Give batch_size={rows} or less, or drop_last=False.",
        )
    return rows // batch_size if drop_last else -(-rows // batch_size)
