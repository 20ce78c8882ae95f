"""A person's own DataLoader."""

import warnings
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    MapDataPipe,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)

from netwright.core.errors import InputError
from netwright.core.notice import NetwrightWarning
from netwright.data.feeds.ahead import prefetched
from netwright.data.feeds.arrays import carried
from netwright.data.feeds.order import Order, state_name, steps_of
from netwright.data.feeds.resident import Resident
from netwright.data.feeds.streams import Streams


def loaded(loader: DataLoader, device: torch.device) -> "Resident | Seeking | Replaying":
    """The feed of a DataLoader: its batches, and its draws from torch's streams.

    One that only cuts tensors up is not asked for batches at all; one with torch's own samplers can begin anywhere; of
    any other the beginning of an epoch is replayed.
    """
    cut = Cut.of(loader)
    if cut is None:
        return Replaying(loader, device)
    refuse_empty(loader.dataset)
    tensors = tensors_of(loader.dataset)
    plain = loader.num_workers == 0 and loader.collate_fn is default_collate and loader.worker_init_fn is None
    if tensors is None or cut.batch_size is None or not plain or loader.timeout:
        return Seeking(loader, cut, device)
    return Resident(tensors, batch_size=cut.batch_size, drop_last=cut.drop_last, order=cut.order, device=device)


def refuse_empty(dataset: Any) -> None:
    """Raise InputError for a dataset without a row."""
    if not len(dataset):
        raise InputError(
            "The dataset is empty.",
            got=f"{type(dataset).__qualname__} of length 0",
            wanted="at least one row",
            fix="Look at what the dataset was read or filtered from.",
        )


def tensors_of(dataset: Dataset) -> list[Tensor] | None:
    """The tensors of a TensorDataset, or the chosen rows of them of a Subset of one; None for any other.

    A list, because that is what a DataLoader's batches of it are.
    """
    if type(dataset) is Subset:
        whole = tensors_of(dataset.dataset)
        if whole is None or not len(dataset):
            return None
        chosen = torch.as_tensor([int(i) for i in dataset.indices])
        return [x.index_select(0, torch.where(chosen < 0, chosen + len(x), chosen).to(x.device)) for x in whole]
    if type(dataset) is not TensorDataset or not all(type(x) is Tensor and dense(x) for x in dataset.tensors):
        return None
    return list(dataset.tensors)


def dense(x: Tensor) -> bool:
    """Whether rows can be taken by index."""
    return x.layout == torch.strided and not x.is_nested


class Cut:
    """How torch's own samplers cut rows into batches, and a sampler that does so from any batch on.

    `batch_size` is None where the dataset is asked for one index at a time and gives batches itself.
    """

    def __init__(self, order: Order, batch_size: int | None, drop_last: bool) -> None:
        self.order, self.batch_size, self.drop_last = order, batch_size, drop_last
        self.seed = self.start = 0
        self.steps = steps_of(order.rows, batch_size or 1, drop_last)

    @classmethod
    def of(cls, loader: DataLoader) -> "Cut | None":
        """That of a loader; None where a class of somebody else decides."""
        if type(loader) is not DataLoader or isinstance(loader.dataset, (IterableDataset, MapDataPipe)):
            return None
        batches: Any = loader.batch_sampler
        if batches is not None and type(batches) is not BatchSampler:
            return None
        sampler: Any = loader.sampler if batches is None else batches.sampler
        if type(sampler) not in {RandomSampler, SequentialSampler}:
            return None
        rows, generator = len(sampler.data_source), None
        if isinstance(sampler, RandomSampler):
            if sampler.replacement or sampler.num_samples != rows:
                return None
            generator = sampler.generator
        order = Order(rows, isinstance(sampler, RandomSampler), base=loader.generator, generator=generator)
        return cls(order, *((None, False) if batches is None else (batches.batch_size, batches.drop_last)))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        # Not a generator: seed and start count at this moment, though the first batch may be asked for later.
        size = self.batch_size or 1
        batches = self.order.of(self.seed)[self.start * size : self.steps * size].split(size)
        rows = (part.tolist() for part in batches if len(part))
        return rows if self.batch_size is not None else chain.from_iterable(rows)


class Seeking:
    """A DataLoader over a map-style dataset with torch's own samplers; its batches, on the device.

    A second loader with the same settings and a sampler of ours gives them, and begins wherever it is asked to. What
    the dataset draws in this process comes from torch's stream as it would. Workers are seeded as they would be when an
    epoch is begun; when one is gone on with, they begin their random numbers anew.
    """

    def __init__(self, loader: DataLoader, cut: Cut, device: torch.device) -> None:
        self.loader, self.cut, self.device = loader, cut, device
        self.steps = cut.steps
        self._seeds = torch.Generator()
        self._twin = twin(loader, cut, self._seeds)
        self._begun: tuple[int, Tensor] | None = None

    def draw(self) -> int:
        """The seed of the next epoch's order. Takes from torch's streams what iterating the loader takes."""
        base = self.loader.generator or torch.default_generator
        state = base.get_state()
        seeded = self.loader.persistent_workers and self._begun is not None
        seed = self.cut.order.draw(base=not seeded)
        self._begun = seed, state
        return seed

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on."""
        self.cut.seed, self.cut.start = seed, start
        if self._begun is not None and self._begun[0] == seed:
            self._seeds.set_state(self._begun[1])
        else:
            self._seeds.manual_seed(seed)
            self._begun = seed, self._seeds.get_state()
        for batch in self._twin:
            yield carried(batch, self.device)


def twin(loader: DataLoader, cut: Cut, generator: torch.Generator) -> DataLoader:
    """A DataLoader with the settings of another, but this sampler and this generator for the workers' seed."""
    sampler: dict[str, Any] = {"batch_sampler": cut}
    if cut.batch_size is None:
        sampler = {"sampler": cut, "batch_size": None}
    return DataLoader(
        loader.dataset,
        **sampler,
        generator=generator,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
        pin_memory_device=loader.pin_memory_device,
        in_order=loader.in_order,
    )


class Replaying:
    """Any other DataLoader, iterated itself; its batches, on the device.

    To go on in the middle, the batches before are loaded and dropped. Within one process an epoch is repeated exactly.
    In a new one, a sampler that draws from torch's global stream can't be brought to draw what it drew, and a
    NetwrightWarning says so. With `prefetch` batches are made on a thread, a few ahead.
    """

    def __init__(self, loader: DataLoader, device: torch.device, prefetch: bool = False) -> None:
        self.loader, self.device, self.prefetch = loader, device, prefetch
        try:
            self.steps = len(loader)
        except (TypeError, NotImplementedError):
            self.steps = None
        inner = getattr(loader.batch_sampler, "sampler", None)
        owners = (loader, loader.sampler, loader.batch_sampler, inner)
        found = {id(g): g for owner in owners if (g := getattr(owner, "generator", None)) is not None}
        self._generators = list(found.values())
        self._begun: tuple[int, Streams] | None = None
        self._pending: Iterator[Any] | None = None

    def draw(self) -> int:
        """A number for the next epoch, which begins here: torch's streams give what iterating the loader takes."""
        seed = state_name(torch.default_generator, *self._generators)
        self._begun = seed, Streams.now(self._generators)
        self._pending = iter(self.loader)
        return seed

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on."""
        pending, self._pending = self._pending, None
        if pending is None or self._begun is None or self._begun[0] != seed or start:
            pending = self._replayed(seed, start)
        for batch in prefetched(lambda: pending) if self.prefetch else pending:
            yield carried(batch, self.device)

    def _replayed(self, seed: int, start: int) -> Iterator[Any]:
        now = Streams.now(self._generators)
        known = self._begun is not None and self._begun[0] == seed
        if known and self._begun is not None:
            self._begun[1].restore()
        else:
            torch.default_generator.manual_seed(seed)
            self._begun = seed, Streams.now(self._generators)
        items = iter(self.loader)
        began = Streams.now(self._generators)
        # A sampler draws when the first batch is asked for.
        head = list(islice(items, 0 if start else 1))
        for _ in islice(items, start):
            pass
        if not known and start and began.moved():
            warnings.warn(UNREPEATED, NetwrightWarning, stacklevel=2)
        now.restore()
        return chain(head, items)


UNREPEATED = (
    "The epoch may go on with other rows than it began with: the DataLoader draws from a stream that stood elsewhere. "
    "(Use shuffle=True, or a sampler that orders the rows by a seed of its own.)"
)
