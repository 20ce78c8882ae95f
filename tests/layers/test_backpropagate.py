"""Backpropagation without autograd: what it takes, what it refuses. tests/batteries/test_layers.py has its numbers."""

import pytest
import torch
from torch import Tensor, nn

from netwright import layers
from netwright.core.errors import InputError
from netwright.layers.backpropagate import backpropagate

X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 1, 0, 2])
CE = layers.CrossEntropyLoss()


class Doubled(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Own(layers.Linear):
    pass


def hooked() -> nn.Module:
    layer = layers.Linear(4, 3)
    layer.register_forward_hook(lambda module, given, output: output * 2)
    return layer


REFUSED = {
    "a forward of its own": (lambda: Doubled(layers.Linear(4, 3)), "whose forward may do anything"),
    "within": (lambda: nn.Sequential(Doubled(layers.Linear(4, 3))), "layer 0 .Doubled."),
    "a layer of torch.nn": (lambda: nn.Sequential(nn.Linear(4, 3)), "netwright.layers' Linear"),
    "a subclass": (lambda: Own(4, 3), "Own"),
    "a recurrent layer": (lambda: nn.Sequential(layers.LSTM(4, 3)), "more than one tensor in"),
    "hooks": (lambda: nn.Sequential(hooked()), "has hooks"),
    "parametrized": (lambda: nn.utils.parametrizations.weight_norm(layers.Linear(4, 3)), "can't be gone back"),
    "a list": (lambda: [layers.Linear(4, 3)], "a list"),
    "another width": (lambda: nn.Sequential(layers.ReLU(), layers.Linear(3, 3)), "layer 1 .Linear. can't take"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_pair_is_refused_with_the_reason(name: str):
    make, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        backpropagate(make(), X, CE, Y)


def test_losses_that_are_none():
    model = layers.Linear(4, 3)
    for loss, target, words in (
        (CE, None, "needs a target"),
        (layers.CrossEntropyLoss(reduction="none"), Y, "one number"),
        (nn.CrossEntropyLoss(), Y, "a layer of torch.nn"),
        (lambda y: y.sum(), None, "neither one of these losses"),
        (nn.functional.cross_entropy, Y, "neither one of these losses"),
        (CE, Y + 1, "loss .CrossEntropyLoss. can't take"),
    ):
        with pytest.raises(InputError, match=words):
            backpropagate(model, X, loss, target)


def test_a_loss_as_a_function():
    model = layers.Linear(4, 3)
    found = backpropagate(model, X, lambda y: (y.square().sum(), 2 * y))
    wanted = torch.autograd.grad(model(X).square().sum(), list(model.parameters()))
    for mine, other in zip(found.by_name.values(), wanted, strict=True):
        torch.testing.assert_close(mine, other)
    of_target = backpropagate(model, X, lambda y, t: ((y - t).sum(), torch.ones_like(y)), torch.zeros(5, 3))
    torch.testing.assert_close(of_target.by_name["bias"], torch.full((3,), 5.0))


def test_one_input_in_several_places():
    torch.manual_seed(0)
    model = nn.Sequential(
        layers.Linear(4, 4), layers.MultiheadAttention(4, 2, batch_first=True), layers.Flatten(), layers.Linear(20, 3)
    )
    x = torch.randn(5, 5, 4)
    found = backpropagate(model, x, CE, Y)
    h = model[0](x)
    value = CE(model[3](model[2](model[1](h, h, h)[0])), Y)
    for mine, other in zip(found.by_name.values(), torch.autograd.grad(value, list(model.parameters())), strict=True):
        torch.testing.assert_close(mine, other)


def test_weights_of_the_loss_and_frozen_ones_and_shared_ones():
    torch.manual_seed(0)
    shared = layers.Linear(4, 4)
    model = nn.Sequential(shared, layers.Tanh(), shared)
    shared.bias.requires_grad_(False)
    loss = layers.LinearCrossEntropyLoss(4, 3)
    found = backpropagate(model, X, loss, Y)
    weights = {"0.weight": shared.weight, **{f"loss.{n}": p for n, p in loss.named_parameters()}}
    assert list(found.by_name) == list(weights)
    wanted = torch.autograd.grad(loss(model(X), Y), list(weights.values()))
    for mine, other in zip(found.by_name.values(), wanted, strict=True):
        torch.testing.assert_close(mine, other)


def test_gradients_add_up_and_are_not_the_same_tensor():
    model = layers.Linear(4, 3)
    found = backpropagate(model, X, CE, Y)
    assert model.weight.grad is not found.by_name["weight"]
    backpropagate(model, X, CE, Y)
    torch.testing.assert_close(model.weight.grad, 2 * found.by_name["weight"])


def test_every_gradient_is_printed_with_its_shape(capsys: pytest.CaptureFixture[str]):
    backpropagate(nn.Sequential(layers.Linear(4, 3), layers.ReLU()), X, CE, Y, show=True)
    told = capsys.readouterr().out
    for line in ("loss: CrossEntropyLoss()", "1: ReLU()", "0: Linear(in_features=4, out_features=3, bias=True)"):
        assert line in told
    assert "gradient of weight, shape (3, 4)" in told and "gradient of its input, shape (5, 4)" in told
    assert "target" not in told
