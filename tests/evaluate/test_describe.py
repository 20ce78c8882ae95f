"""A network as text."""

import torch
from torch import nn

from netwright.evaluate.describe import describe
from netwright.families.tabular import TabularNetwork


def test_shapes_and_counts_of_every_part():
    network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 2)))
    lines = describe(network, (torch.zeros(7, 3),)).splitlines()
    assert lines[0].split() == ["output", "parameters"]
    assert lines[1].split() == ["Sequential()", "(B,", "2)", "32"]
    assert "  (0): Linear(in_features=3, out_features=5, bias=True)" in lines[2]
    assert lines[2].split()[-3:] == ["(B,", "5)", "20"]
    assert lines[3].split() == ["(1):", "ReLU()", "(B,", "5)"], "no parameters, no figure"
    assert lines[5].startswith("    (0): Linear") and lines[5].split()[-1] == "12"
    assert lines[-1] == "32 parameters"


def test_nothing_stays_hooked_and_no_gradient_is_kept():
    network = nn.Sequential(nn.Linear(3, 1))
    describe(network, (torch.zeros(2, 3),))
    assert not network._forward_hooks and not network[0]._forward_hooks
    assert network[0].weight.grad is None


def test_hooks_go_even_when_the_network_fails():
    network = nn.Sequential(nn.Linear(3, 1))
    try:
        describe(network, (torch.zeros(2, 4),))
    except RuntimeError:
        assert not network[0]._forward_hooks
    else:
        raise AssertionError("the shapes do not fit")


def test_the_bag_tells_its_members():
    torch.manual_seed(0)
    network = TabularNetwork(2, [3, 30], 1, members=4, hidden_sizes=(8,))
    text = describe(network, (torch.zeros(6, 2), torch.zeros(6, 2, dtype=torch.long)))
    assert "4 members" in text and "(B, 4, 1)" in text.splitlines()[1]
    assert text.endswith(f"{sum(p.numel() for p in network.parameters()):,} parameters")
