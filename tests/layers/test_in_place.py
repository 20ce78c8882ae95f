"""What a layer gives may be written into, as `nn.ReLU(inplace=True)` does."""

import pytest
import torch
from torch import Tensor, nn

from netwright import layers

CASES = {
    "LayerNorm": (lambda n: n.LayerNorm(4), (2, 3, 4)),
    "RMSNorm": (lambda n: n.RMSNorm(4), (2, 3, 4)),
    "GroupNorm": (lambda n: n.GroupNorm(2, 4), (3, 4, 2)),
    "BatchNorm1d": (lambda n: n.BatchNorm1d(4), (3, 4, 2)),
    "attention": (lambda n: Attention(n.MultiheadAttention(4, 2, batch_first=True)), (2, 3, 4)),
    "encoder": (lambda n: n.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), (2, 3, 4)),
    "encoder, norm first": (
        lambda n: n.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, norm_first=True),
        (2, 3, 4),
    ),
    "Bilinear": (lambda n: Twice(n.Bilinear(4, 4, 5)), (2, 3, 4)),
    "Embedding": (lambda n: Numbered(n.Embedding(6, 4)), (2, 3, 4)),
}
LOSSES = {
    "NLLLoss": lambda n: n.NLLLoss(reduction="none"),
    "CrossEntropyLoss": lambda n: n.CrossEntropyLoss(reduction="none"),
    "MSELoss": lambda n: n.MSELoss(reduction="none"),
}


class Attention(nn.Module):
    """A layer of three inputs, on one."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x, x)[0]


class Twice(Attention):
    """A layer of two inputs, on one."""

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x)


class Numbered(Attention):
    """A layer of whole numbers, and x beside it so that there is something to differentiate."""

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(torch.arange(6).reshape(2, 3)).add_(x)


@pytest.mark.parametrize("name", CASES)
def test_written_into(name: str):
    make, shape = CASES[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = (nn.Sequential(make(n), nn.ReLU(inplace=True)).double() for n in (layers, nn))
    theirs.load_state_dict(ours.state_dict())
    found = []
    for module in (ours, theirs):
        leaf = x.double().requires_grad_()
        y = module(leaf)
        weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)
        found.append((y, *torch.autograd.grad((y.square() * weights).sum(), [leaf, *module.parameters()])))
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_each_row_written_into(name: str):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.zeros(3, 4) if name == "MSELoss" else torch.tensor([1, 0, 3])
    found = []
    for n in (layers, nn):
        loss = LOSSES[name](n)(x, target)
        found.append(torch.autograd.grad(loss.mul_(2).sum(), x)[0])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_what_a_recurrent_layer_gives_is_never_wrong(name: str):
    """It is read by backward: writing into it raises."""
    y = getattr(layers, name)(3, 4)(torch.zeros(2, 2, 3))[0]
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.mul_(2).sum().backward()


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch.compile's own
def test_compiled_and_mapped():
    module, x = nn.Sequential(layers.LayerNorm(4), nn.ReLU(inplace=True)), torch.randn(3, 2, 4)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), module(x))
    torch.testing.assert_close(torch.func.vmap(module)(x), module(x))
