"""A generator of the sampler's own names its epochs; what was not drawn here is found in its stream, or refused."""

import pytest
import torch

from netwright.core.errors import InputError
from netwright.data.feeds.order import Order, steps_of


def own(seed: int = 3) -> Order:
    generator = torch.Generator().manual_seed(seed)
    return Order(20, True, base=generator, generator=generator)


def test_an_epoch_of_an_earlier_run_is_found_and_the_next_one_follows():
    first = own()
    seeds = [first.draw() for _ in range(4)]
    third = Order.of(first, seeds[3]).clone()
    fourth_next = first.draw()
    again = own()
    assert torch.equal(again.of(seeds[3]), third)
    assert again.draw() == fourth_next


def test_it_is_found_though_the_generator_went_further_or_was_used_up():
    order = own()
    seeds = [order.draw() for _ in range(3)]
    orders = [order.of(seed) for seed in seeds[::-1]]
    assert len({tuple(o.tolist()) for o in orders}) == 3
    assert torch.equal(own().of(seeds[0]), orders[-1])


def test_an_epoch_of_another_generator_is_refused_and_nothing_is_drawn():
    order = own(3)
    seed = own(4).draw()
    state = order.generator.get_state()
    with pytest.raises(InputError, match="seeded with 3"):
        order.of(seed)
    assert torch.equal(order.generator.get_state(), state)


def test_drop_last_that_leaves_nothing_is_refused():
    assert steps_of(5, 8, False) == 1 and steps_of(9, 4, True) == 2
    with pytest.raises(InputError, match="drop_last=False"):
        steps_of(5, 8, True)
