"""A person's own DataLoader gives what it would have given, and goes on in the middle."""

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

from netwright.core.errors import InputError
from netwright.core.notice import NetwrightWarning
from netwright.data.feeds.feed import feed
from netwright.data.feeds.loader import Replaying, Seeking
from netwright.data.feeds.resident import Resident
from tests.data.feeds.hand import repeats, same, seeks

DATA = TensorDataset(torch.arange(46.0).view(23, 2), torch.arange(23))


class Rows(Dataset):
    """Rows that are read one by one."""

    def __len__(self):
        return 23

    def __getitem__(self, index):
        return {"x": torch.full((2,), float(index)), "y": index}


class Drawn(Rows):
    """Rows with noise from torch's stream."""

    def __getitem__(self, index):
        return torch.rand(2) + index


class Flow(IterableDataset):
    """Rows that come by themselves."""

    def __iter__(self):
        return (torch.full((2,), float(i)) for i in range(23))


class Other(DataLoader):
    """A loader of somebody's own."""


def own(seed: int = 4):
    return torch.Generator().manual_seed(seed)


def made(data, **options):
    return feed(data, **{"batch_size": 5, "shuffle": True, "drop_last": False, "device": "cpu"} | options)


LOADERS = {
    "plain": (Resident, lambda: DataLoader(DATA, 5)),
    "shuffled": (Resident, lambda: DataLoader(DATA, 5, shuffle=True)),
    "drop last": (Resident, lambda: DataLoader(DATA, 5, shuffle=True, drop_last=True)),
    "own generator": (Resident, lambda: DataLoader(DATA, 5, shuffle=True, generator=own())),
    "own generator, straight": (Resident, lambda: DataLoader(DATA, 5, generator=own())),
    "generator of the sampler": (Resident, lambda: DataLoader(DATA, 5, sampler=RandomSampler(DATA, generator=own()))),
    "generator of the loader": (Resident, lambda: DataLoader(DATA, 5, sampler=RandomSampler(DATA), generator=own())),
    "batch sampler": (
        Resident,
        lambda: DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 4, drop_last=True)),
    ),
    "subset": (Resident, lambda: DataLoader(Subset(DATA, [3, -1, 7, 7, 0, 12]), 4, shuffle=True)),
    "collate": (Seeking, lambda: DataLoader(DATA, 5, shuffle=True, collate_fn=list)),
    "rows": (Seeking, lambda: DataLoader(Rows(), 5, shuffle=True, drop_last=True)),
    "rows, own generator": (Seeking, lambda: DataLoader(Rows(), 5, shuffle=True, generator=own())),
    "one by one": (Seeking, lambda: DataLoader(Rows(), batch_size=None, shuffle=True)),
    "replacement": (Replaying, lambda: DataLoader(DATA, 5, sampler=RandomSampler(DATA, replacement=True))),
    "fewer": (Replaying, lambda: DataLoader(DATA, 5, sampler=RandomSampler(DATA, num_samples=9))),
    "weighted": (Replaying, lambda: DataLoader(DATA, 5, sampler=WeightedRandomSampler([1.0, 2.0, 3.0], 12))),
    "subset sampler": (Replaying, lambda: DataLoader(DATA, 5, sampler=SubsetRandomSampler(range(11), own()))),
    "list of lists": (Replaying, lambda: DataLoader(DATA, batch_sampler=[[1, 2], [3], [2, 0, 5]])),
    "another class": (Replaying, lambda: Other(DATA, 5, shuffle=True)),
    "iterable": (Replaying, lambda: DataLoader(Flow(), 5)),
}


@pytest.mark.parametrize("name", LOADERS)
def test_the_batches_and_draws_of_a_loop_over_it(name: str):
    kind, make = LOADERS[name]
    fed = made(make())
    assert type(fed) is kind
    assert fed.steps == (None if name == "iterable" else len(make()))
    repeats(make(), fed)


@pytest.mark.parametrize("name", LOADERS)
def test_the_tail_from_every_batch_on(name: str):
    torch.manual_seed(2)
    fed = made(LOADERS[name][1]())
    fed.draw()
    seeks(fed)


@pytest.mark.parametrize("name", [name for name, (kind, _) in LOADERS.items() if kind is not Replaying])
def test_a_new_process_goes_on_with_the_same_epoch_and_the_next(name: str):
    make = LOADERS[name][1]
    torch.manual_seed(2)
    first = made(make())
    first.draw()
    seed, state = first.draw(), torch.get_rng_state()
    whole = list(first.epoch(seed))
    following = list(first.epoch(first.draw()))
    torch.set_rng_state(state)
    again = made(make())
    assert same(list(again.epoch(seed, 2)), whole[2:])
    assert same(list(again.epoch(again.draw())), following)


def test_noise_of_the_rows_goes_on_where_the_stream_was():
    repeats(DataLoader(Drawn(), 5, shuffle=True), made(Drawn()))
    fed = made(DataLoader(Drawn(), 5, shuffle=True))
    seed = fed.draw()
    batches = fed.epoch(seed)
    next(batches), next(batches)
    state = torch.get_rng_state()
    rest = list(batches)
    torch.set_rng_state(state)
    assert same(list(made(Drawn()).epoch(seed, 2)), rest)


def test_a_sampler_on_the_global_stream_can_not_be_found_again_and_that_is_said():
    make = LOADERS["weighted"][1]
    torch.manual_seed(2)
    seed = made(make()).draw()
    state = torch.get_rng_state()
    with pytest.warns(NetwrightWarning, match="other rows"):
        assert len(list(made(make()).epoch(seed, 1))) == 2
    assert torch.equal(torch.get_rng_state(), state)
    loader = LOADERS["list of lists"][1]()
    assert same(list(made(loader).epoch(seed, 1)), list(loader)[1:])


@pytest.mark.parametrize("persistent", [True, False])
def test_workers_draw_what_they_would(persistent: bool):
    def make():
        return DataLoader(Drawn(), 8, shuffle=True, num_workers=1, persistent_workers=persistent)

    fed = made(make())
    assert type(fed) is Seeking
    repeats(make(), fed, epochs=2)
    seed = fed.draw()
    assert len(list(fed.epoch(seed, 1))) == 2
    assert len(list(made(make()).epoch(seed, 1))) == 2


@pytest.mark.parametrize(
    "data", [Rows(), DATA, random_split(DATA, [9, 14], own())[0], Subset(Subset(DATA, range(9)), [2, 1])]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_dataset_is_what_a_loader_over_it_is(data, shuffle: bool):
    fed = made(data, batch_size=4, shuffle=shuffle)
    assert type(fed) is (Seeking if isinstance(data, Rows) else Resident)
    repeats(DataLoader(data, 4, shuffle=shuffle), fed)


def test_an_iterable_dataset_gives_rows_that_are_put_together():
    fed = made(Flow())
    assert fed.steps is None
    repeats(DataLoader(Flow(), 5), fed)
    seeks(fed)


def test_what_has_no_rows_to_take_by_index_goes_through_a_loader():
    assert type(made(TensorDataset(torch.eye(3).to_sparse()))) is Seeking
    assert type(made(DataLoader(DATA, 5, timeout=0, num_workers=1))) is Seeking
    assert type(made(Subset(Rows(), [1, 2]))) is Seeking


def test_an_empty_dataset():
    with pytest.raises(InputError, match="empty"):
        made(Subset(DATA, []))
    with pytest.raises(InputError, match="empty"):
        made(DataLoader(Subset(Rows(), []), 2))
