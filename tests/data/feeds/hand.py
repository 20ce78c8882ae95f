"""The loop that everybody writes by hand, which a feed must repeat, draws included."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from netwright.core.trees import leaves


def by_hand(loader: Iterable, epochs: int = 1) -> list[list[Any]]:
    """Each epoch's batches, with a draw from torch's stream at every step, as dropout makes one."""
    return [[(batch, torch.rand(2)) for batch in loader] for _ in range(epochs)]


def by_feed(feed: Any, epochs: int = 1) -> list[list[Any]]:
    """The same by way of a feed."""
    return [[(batch, torch.rand(2)) for batch in feed.epoch(feed.draw())] for _ in range(epochs)]


def same(one: Any, other: Any) -> bool:
    """Whether two trees are of the same form, types, strides and bits."""
    ones, others = list(leaves(one)), list(leaves(other))
    return forms(one) == forms(other) and all(torch.equal(a, b) for a, b in zip(ones, others, strict=True))


def forms(tree: Any) -> Any:
    """The form of a tree."""
    if isinstance(tree, Tensor):
        return tree.dtype, tree.shape, tree.stride()
    if isinstance(tree, dict):
        return {key: forms(value) for key, value in tree.items()}
    return type(tree), [forms(x) for x in tree] if isinstance(tree, (tuple, list)) else tree


def repeats(loader: Iterable, feed: Any, epochs: int = 3, seed: int = 5) -> None:
    """Assert that a feed gives what a loop over the loader gives, and leaves torch's stream where it leaves it."""
    torch.manual_seed(seed)
    wanted, state = by_hand(loader, epochs), torch.get_rng_state()
    torch.manual_seed(seed)
    got = by_feed(feed, epochs)
    assert same(got, wanted)
    assert torch.equal(torch.get_rng_state(), state)


def seeks(feed: Any) -> None:
    """Assert that from every batch on an epoch has the same tail, and that going on in the middle draws nothing."""
    seed = feed.draw()
    whole = list(feed.epoch(seed))
    for start in range(len(whole) + 1):
        state = torch.get_rng_state()
        assert same(list(feed.epoch(seed, start)), whole[start:]), start
        assert torch.equal(torch.get_rng_state(), state)
