"""One seed gives every stream of its own."""

import torch

from netwright.core.seeds import derive, generator


def test_a_seed_and_purpose_give_the_same_number_for_ever():
    assert (derive(0, "split"), derive(7, "weights")) == (142460987844231, 200160495072336)


def test_streams_are_apart():
    seeds = {derive(seed, purpose) for seed in range(50) for purpose in ("split", "weights", "order", "epoch 1")}
    assert len(seeds) == 200
    assert derive(1, "1:a") != derive(11, ":a"), "seed and purpose cannot run into each other"


def test_torch_and_numpy_take_them():
    assert all(0 <= derive(seed, "x") < 2**48 for seed in (0, 1, 2**63))
    first, second = (torch.rand(5, generator=generator(3, "x")) for _ in range(2))
    assert torch.equal(first, second)
    before = torch.get_rng_state()
    generator(3, "x")
    assert torch.equal(before, torch.get_rng_state()), "torch's own stream is left alone"
