"""The moving average is torch's own, and stands in the module only while it is asked for."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from netwright.core.phase import Phase
from netwright.engine.averages import Averages, trainable

DECAY = 0.9


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def phase_of(module: nn.Module, name: str = "loss", average: float | None = DECAY) -> Phase:
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    return Phase(name=name, loss=lambda m, b: m(b).square().mean(), optimizer=optimizer, average=average)


def steps(module: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    draw = torch.Generator().manual_seed(number)
    for _ in range(number):
        optimizer.zero_grad()
        x = torch.randn(5, 3, generator=draw).to(next(module.parameters()))
        module(x).square().mean().backward()
        optimizer.step()


def test_it_is_torchs_exponential_average():
    """torch takes the first update whole; from there on the two are the same."""
    module = network()
    phase = phase_of(module)
    torchs = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    torchs.update_parameters(module)
    averages = Averages([phase])
    for _ in range(10):
        steps(module, phase.optimizer, 1)
        averages.update(phase)
        torchs.update_parameters(module)
    for own, wanted in zip(averages.copies["loss"], torchs.module.parameters(), strict=True):
        assert torch.allclose(own, wanted, rtol=0, atol=1e-7)
        assert not torch.equal(own, own.new_zeros(own.shape))


def test_the_copy_follows_by_the_formula():
    module = network().double()
    phase = phase_of(module)
    averages = Averages([phase])
    before = [p.detach().clone() for p in module.parameters()]
    steps(module, phase.optimizer, 3)
    averages.update(phase)
    for copy, start, now in zip(averages.copies["loss"], before, module.parameters(), strict=True):
        assert torch.allclose(copy, DECAY * start + (1 - DECAY) * now, rtol=0, atol=1e-15)


def test_a_phase_without_average_has_no_copy():
    module = network()
    phase = phase_of(module, average=None)
    averages = Averages([phase])
    averages.update(phase)
    assert averages.copies == {} and averages.state() == {}
    before = [p.clone() for p in module.parameters()]
    averages.swap()
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_the_average_stands_in_the_module_while_inside_even_after_an_error():
    module = network()
    phase = phase_of(module)
    averages = Averages([phase])
    steps(module, phase.optimizer, 3)
    weights, copies = [p.detach().clone() for p in module.parameters()], [c.clone() for c in averages.copies["loss"]]
    identity = [id(p) for p in module.parameters()]
    try:
        with averages.swapped_in():
            assert all(torch.equal(a, b) for a, b in zip(copies, module.parameters(), strict=True))
            raise KeyError
    except KeyError:
        pass
    assert all(torch.equal(a, b) for a, b in zip(weights, module.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(copies, averages.copies["loss"], strict=True))
    assert identity == [id(p) for p in module.parameters()]


def test_state_comes_back():
    module = network()
    phase = phase_of(module)
    averages = Averages([phase])
    steps(module, phase.optimizer, 2)
    averages.update(phase)
    other = Averages([phase])
    other.load({name: [c.clone() for c in copies] for name, copies in averages.state().items()})
    for a, b in zip(averages.copies["loss"], other.copies["loss"], strict=True):
        assert torch.equal(a, b)


def test_trainable_parameters_are_in_the_order_of_the_groups():
    module = network()
    module[0].bias.requires_grad_(False)
    groups: list[dict[str, list[Tensor]]] = [
        {"params": list(module[2].parameters())},
        {"params": list(module[0].parameters())},
    ]
    found = trainable(torch.optim.SGD(groups, lr=0.1))
    assert [id(p) for p in found] == [id(p) for p in (module[2].weight, module[2].bias, module[0].weight)]
