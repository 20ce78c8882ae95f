import copy

import pytest
import torch
from torch import nn

from netwright.families.language.muon import MuonAdam, orthogonal


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 16), (1, 16, 4)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, ...]):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = orthogonal(matrices)
    values = torch.linalg.svdvals(turned)
    assert values.min() > 0.3 and values.max() < 1.3
    wanted = left @ right
    assert (turned * wanted).sum() / (turned.norm() * wanted.norm()) > 0.95


def test_nothing_stays_nothing():
    assert (orthogonal(torch.zeros(1, 3, 4)) == 0).all()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12, bias=False), nn.Tanh(), nn.Linear(12, 6, bias=False), nn.Linear(6, 2))


def made(module: nn.Module, **values: float) -> MuonAdam:
    first, _, second, last = module
    return MuonAdam([first.weight, second.weight], last.parameters(), lr=0.02, other_lr=0.01, **values)


def train(module: nn.Module, optimizer: MuonAdam, steps: int, seed: int = 0) -> float:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        x = torch.randn(64, 6, generator=generator)
        loss = nn.functional.mse_loss(module(x), torch.sin(x[:, :2] - x[:, 2:4]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_it_lowers_a_loss():
    module = network()
    optimizer = made(module)
    assert train(module, optimizer, 1) > 2 * train(module, optimizer, 100)


def test_matrices_of_one_shape_move_as_each_alone():
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(4, 6)) for _ in range(2)]
    alone = [nn.Parameter(w.detach().clone()) for w in weights]
    for w, a in zip(weights, alone, strict=True):
        w.grad = torch.randn(4, 6)
        a.grad = w.grad.clone()
    MuonAdam(weights, [], lr=0.1, other_lr=0.1).step()
    for a in alone:
        MuonAdam([a], [], lr=0.1, other_lr=0.1).step()
    assert all(torch.allclose(w, a, atol=1e-6) for w, a in zip(weights, alone, strict=True))


def test_the_others_are_moved_by_adam():
    own, reference = nn.Parameter(torch.ones(5)), nn.Parameter(torch.ones(5))
    first = MuonAdam([], [own], lr=0.1, other_lr=0.03, weight_decay=0.1)
    second = torch.optim.AdamW([reference], lr=0.03, betas=(0.9, 0.95), weight_decay=0.0)
    for i in range(3):
        own.grad = torch.arange(5.0) - i
        reference.grad = own.grad.clone()
        first.step()
        second.step()
    assert torch.allclose(own, reference, atol=1e-6)


def test_training_goes_on_from_its_state():
    module = network()
    optimizer = made(module, weight_decay=0.01)
    train(module, optimizer, 3)
    other = copy.deepcopy(module)
    again = made(other, weight_decay=0.01)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for pair in ((module, optimizer), (other, again)):
        train(*pair, 3, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), other.parameters(), strict=True))


def test_a_closure_is_called_and_a_parameter_without_gradient_stays():
    module = network()
    optimizer = made(module)
    before = [p.detach().clone() for p in module.parameters()]

    def closure() -> torch.Tensor:
        loss = module[0](torch.ones(1, 6)).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) is not None
    moved = [not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True)]
    assert moved == [True, False, False, False]
