"""The best weights seen are those restored."""

import math

import pytest
import torch
from torch import nn

from netwright.engine.best import Best


class Members(nn.Module):
    """K members of one number, and a buffer they share."""

    def __init__(self, members: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, 2))
        self.register_buffer("count", torch.zeros(members))

    def set(self, value: float) -> "Members":
        with torch.no_grad():
            self.weight.fill_(value)
            self.count.fill_(value)
        return self


def test_the_lowest_loss_wins():
    module, best = Members(), Best()
    assert best.epoch == -1
    gains = [best.see(e, torch.tensor(s), module.set(e)) for e, s in enumerate([3.0, 1.0, 2.0, 1.0])]
    assert gains == [True, True, False, False] and best.epoch == 1 and best.scores == 1
    best.restore(module.set(9.0))
    assert (module.weight == 1).all() and (module.count == 1).all()


def test_each_member_keeps_its_own():
    module, best = Members(), Best()
    scores = [[3.0, 3.0, 1.0], [2.0, 4.0, 2.0], [5.0, 1.0, 3.0], [6.0, 6.0, 6.0]]
    gains = [best.see(e, torch.tensor(s), module.set(e)) for e, s in enumerate(scores)]
    assert gains == [True, True, True, False]
    best.restore(module)
    assert module.weight[:, 0].tolist() == [1, 2, 0] and best.epochs.tolist() == [1, 2, 0] and best.epoch == 2
    assert best.scores.tolist() == [2, 1, 1]
    assert (module.count == 2).all(), "buffers are those of the last gain"


def test_kept_weights_are_copies_and_restoring_twice_is_the_same():
    module, best = Members(), Best()
    best.see(0, torch.tensor(1.0), module.set(5.0))
    best.restore(module.set(7.0))
    module.set(8.0)
    best.restore(module)
    assert (module.weight == 5).all()


@pytest.mark.parametrize("first", [math.nan, math.inf])
def test_a_bad_start_does_not_stay_the_best(first: float):
    module, best = Members(), Best()
    best.see(0, torch.tensor([first, 1.0, first]), module.set(0.0))
    assert best.see(1, torch.tensor([2.0, math.nan, first]), module.set(1.0))
    assert module.weight[:, 0].tolist() == [1, 1, 1]
    best.restore(module)
    assert module.weight[:, 0].tolist() == [1, 0, 0] and best.epochs.tolist() == [1, 0, 0]
    assert not best.see(2, torch.full((3,), math.nan), module.set(2.0))


def test_state_and_back():
    module, best, again = Members(), Best(), Best()
    again.load(Best().state())
    assert again.epoch == -1
    best.see(0, torch.tensor([1.0, 2.0, 3.0]), module.set(1.0))
    again.load(best.state())
    assert again.see(1, torch.tensor([0.0, 5.0, 5.0]), module.set(2.0))
    again.restore(module)
    assert module.weight[:, 0].tolist() == [2, 1, 1]


def test_nothing_seen_restores_nothing():
    module = Members().set(4.0)
    Best().restore(module)
    assert (module.weight == 4).all()
