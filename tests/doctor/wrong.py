"""Wrong modules: what is told of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netwright.core.errors import InputError, TrainingError
from netwright.doctor.example import Example
from tests.doctor.cases import Flat, example, labels, mlp, two_labels, x

MSE, CE, BCE, LOGITS = nn.MSELoss, nn.CrossEntropyLoss, nn.BCELoss, nn.BCEWithLogitsLoss


@dataclass(frozen=True)
class Wrong:
    make: Callable[[], Example]
    error: type[Exception] | None
    says: tuple[str, ...]


WRONG: dict[str, Wrong] = {}


def error(name: str, make: Callable[[], Example], *says: str, kind: type[Exception] = InputError) -> None:
    WRONG[name] = Wrong(make, kind, says)


def notice(name: str, make: Callable[[], Example], *says: str) -> None:
    WRONG[name] = Wrong(make, None, says)


def through(self: Flat, x: Tensor) -> Tensor:
    for layer in self.layers if isinstance(self.layers, list) else self.layers.values():
        x = layer(x)
    return self.out(x)


class Net(nn.Module):
    """A network that ends as it is told to."""

    def __init__(self, end: Callable[[Tensor], Tensor], outputs: int = 3) -> None:
        super().__init__()
        self.body = mlp(4, 8, outputs)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.body(x))


def ce(y: Tensor, module: nn.Module | None = None, loss: Any = None) -> Example:
    return example(module or mlp(4, 3), x(len(y), 4), y, loss or CE())


# labels out of range
error("label = classes", lambda: ce(labels(3, 16) + 1), "out of range", "3 outputs", "y = y - 1")
error("label far off", lambda: ce(torch.arange(16)), "Give the last layer 16 outputs", "from 0 to 15")
error("label −1", lambda: ce(labels(3, 16) - 1), "ignore_index=-1")
error("label of NLL", lambda: ce(labels(9, 16), nn.Sequential(mlp(4, 3), nn.LogSoftmax(1)), nn.NLLLoss()), "nn.NLLLoss")
error(
    "label in loss(model, batch)",
    lambda: example(mlp(4, 3), x(16, 4), labels(9, 16), lambda m, b: F.cross_entropy(m(b[0]), b[1]), own=True),
    "out of range",
)
error("labels −1 and 1", lambda: example(mlp(4, 1), x(16, 4), 2 * two_labels() - 1, LOGITS()), "y = (y + 1) / 2")
error("labels 1 and 2", lambda: example(mlp(4, 1), x(16, 4), two_labels() + 1, LOGITS()), "y = y - 1")
error(
    "pixels to 255",
    lambda: example(nn.Sequential(mlp(4, 4), nn.Sigmoid()), x(16, 4), 255 * torch.rand(16, 4), BCE()),
    "wanted: labels from 0 to 1",
)
error("BCE of raw outputs", lambda: example(mlp(4, 1), x(16, 4), two_labels(), BCE()), "BCEWithLogitsLoss")

# number types
error("float64 inputs", lambda: example(mlp(4, 1), x(16, 4).double(), x(16, 1), MSE()), "float64", "x.float()", "'0'")
error("integer inputs", lambda: example(mlp(4, 1), labels(9, 16, 4), x(16, 1), MSE()), "int64", "x = x.float()")
error(
    "byte images",
    lambda: example(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten()), labels(9, 2, 1, 3, 3).byte(), x(2, 1), MSE()),
    "uint8",
    "/ 255",
)
error(
    "float64 into an LSTM",
    lambda: example(Flat(lambda s, x: s.a(x)[0], a=nn.LSTM(4, 3)), x(5, 2, 4).double(), x(5, 2, 3), MSE()),
    "LSTM",
    "x.float()",
)
error("float32 into float64", lambda: example(mlp(4, 1).double(), x(16, 4), x(16, 1), MSE()), "model.float()")
error("float32 into bfloat16", lambda: example(mlp(4, 1).bfloat16(), x(16, 4), x(16, 1), MSE()), "torch.bfloat16")
error("float ids", lambda: example(nn.Embedding(5, 1), torch.ones(4), x(4, 1), MSE()), "int64", "x = x.long()")
error("float classes", lambda: ce(labels(3, 16).float()), "nn.CrossEntropyLoss can't read", "y = y.long()")
error("int32 classes", lambda: ce(labels(3, 16).int()), "int32", "y = y.long()")
error("int labels of BCE", lambda: example(mlp(4, 1), x(16, 4), two_labels().long(), LOGITS()), "int64", "y.float()")
error("double labels of Huber", lambda: example(mlp(4, 1), x(16, 4), x(16, 1).double(), nn.HuberLoss()), "y.float()")
error("bool labels of L1", lambda: example(mlp(4, 1), x(16, 4), two_labels().bool(), nn.L1Loss()), "bool", "y.float()")
error(
    "double labels of half", lambda: example(mlp(4, 1).half(), x(4, 4).half(), x(4, 1), nn.HuberLoss()), "y.to(output"
)

# forms of targets
error("one-hot integers", lambda: ce(F.one_hot(labels(3, 16), 3)), "argmax")
error("a column of classes", lambda: ce(labels(3, 16)[:, None]), "y = y.squeeze(1)")
error("a column of float classes", lambda: ce(labels(3, 16)[:, None].float()), "y = y.squeeze(1).long()")
error(
    "classes last",
    lambda: example(nn.Linear(4, 3), x(8, 5, 4), labels(3, 8, 5), CE()),
    "movedim(-1, 1)",
)
error(
    "rows moved",
    lambda: example(Flat(lambda s, x: s.a(x.view(-1, 2)), a=mlp(2, 3)), x(8, 4), labels(3, 8), CE()),
    "flatten",
)
error("another form", lambda: example(mlp(4, 3), x(8, 4), labels(3, 8, 2), CE()), "Bring the target to (8,)")
error("BCE, (B, 1) and (B,)", lambda: example(mlp(4, 1), x(16, 4), two_labels()[:, 0], LOGITS()), "y.unsqueeze(-1)")
error("sizes that don't fit", lambda: example(mlp(4, 3), x(16, 4), x(16, 2), MSE()), "Give the last layer 2 outputs")
error("rows that don't fit", lambda: example(mlp(4, 3), x(16, 4), x(8, 3), MSE()), "Print output.shape")

# broadcasting
error("(B, 1) and (B,)", lambda: example(mlp(4, 1), x(16, 4), x(16), MSE()), "(16, 16)", "y = y.unsqueeze(-1)")
error(
    "(B,) and (B, 1)",
    lambda: example(Flat(lambda s, x: s.a(x)[:, 0], a=mlp(4, 1)), x(16, 4), x(16, 1), F.l1_loss),
    "y = y.squeeze(-1)",
)
error("(B, 1, 1) and (B, 1)", lambda: example(mlp(4, 1), x(9, 1, 4), x(9, 1), nn.SmoothL1Loss()), "broadcast")
error("(B, 2, 1) and (2, B)", lambda: example(mlp(4, 1), x(9, 2, 4), x(2, 9), MSE()), "y.reshape(output.shape)")
notice("one output for many", lambda: example(mlp(4, 1), x(16, 4), x(16, 3), MSE()), "repeats", "last layer 3 outputs")
notice(
    "own loss, (B, 1) and (B,)",
    lambda: example(mlp(4, 1), x(16, 4), x(16), lambda o, y: ((o - y) ** 2).mean()),
    "(16, 16)",
    "y.unsqueeze(-1)",
)
notice(
    "loss(model, batch), (B,) and (B, 1)",
    lambda: example(
        Flat(lambda s, x: s.a(x)[:, 0], a=mlp(4, 1)),
        x(16, 4),
        x(16, 1),
        lambda m, b: (b[1] - m(b[0])).abs().mean(),
        own=True,
    ),
    "every output against every target",
)

# optimizers
error(
    "another module's optimizer",
    lambda: example(mlp(4, 1), x(16, 4), x(16, 1), MSE(), optimizers=[torch.optim.Adam(mlp(4, 1).parameters())]),
    "holds none",
    "torch.optim.Adam(model.parameters(), lr=0.001)",
)


def half_held() -> Example:
    net = mlp(4, 8, 1)
    return example(net, x(16, 4), x(16, 1), MSE(), optimizers=[torch.optim.SGD(net[2].parameters(), lr=0.1)])


notice("half the weights held", half_held, "2 of the module's weights", "0.weight, 0.bias", "requires_grad_(False)")
error("all frozen", lambda: example(mlp(4, 1).requires_grad_(False), x(16, 4), x(16, 1), MSE()), "frozen")

# what is not registered


def hiding(layers: Any, **more: Any) -> Example:
    return example(Flat(through, layers=layers, out=nn.Linear(4, 1)), x(16, 4), x(16, 1), MSE(), **more)


error(
    "layers in a list",
    lambda: hiding([nn.Linear(4, 4), nn.ReLU()]),
    "self.layers = nn.ModuleList",
    "20 weights",
    "Flat",
)
error("layers in a dict", lambda: hiding({"a": nn.Linear(4, 4)}), "self.layers = nn.ModuleDict({…})")
error(
    "weights in a tuple",
    lambda: example(
        Flat(lambda s, x: s.out(x) + s.w[0], w=(nn.Parameter(torch.ones(1)),), out=mlp(4, 1)), x(16, 4), x(16, 1), MSE()
    ),
    "nn.ParameterList",
)
error(
    "a plain tensor",
    lambda: example(
        nn.Sequential(Flat(lambda s, x: s.out(x) * s.w, w=torch.ones(1, requires_grad=True), out=mlp(4, 1))),
        x(16, 4),
        x(16, 1),
        MSE(),
    ),
    "self.w = nn.Parameter",
    "'0' (Flat)",
)


def list_and_shapes() -> Example:
    return hiding([nn.Linear(5, 4)])


error("a list, and shapes that don't fit", list_and_shapes, "nn.ModuleList")
notice("dropout in a list", lambda: hiding([nn.Dropout(0.5)]), "eval()", "nn.ModuleList")

# shapes of the module's own forward
error("Linear too small", lambda: example(mlp(4, 8, 1), x(16, 5), x(16, 1), MSE()), "'0' (Linear)", "nn.Linear(5, 8)")


def nested_shape() -> Example:
    return example(Flat(lambda s, x: s.head(s.body(x)), body=mlp(4, 8), head=mlp(6, 1)), x(16, 4), x(16, 1), MSE())


error("a Linear deep inside", nested_shape, "'head.0' (Linear)", "self.head[0] = nn.Linear(8, 1)", "mat1 and mat2")
error("images not flattened", lambda: example(nn.Linear(12, 2), x(8, 3, 4), labels(2, 8), CE()), "x.flatten(1)")
error("rows of one feature", lambda: example(nn.Linear(1, 1), x(8), x(8, 1), MSE()), "x.unsqueeze(1)")


def conv(*shape: int, channels: int = 3) -> Example:
    return example(nn.Sequential(nn.Conv2d(channels, 2, 3), nn.Flatten()), x(*shape), x(2, 8), MSE())


error("channels last", lambda: conv(4, 8, 8, 3), "permute(0, 3, 1, 2)")
error("no channel", lambda: conv(4, 8, 8, channels=1), "x.unsqueeze(1)")
error("other channels", lambda: conv(4, 1, 8, 8), "self[0] = nn.Conv2d(1, 2, …)")
error("not an image", lambda: conv(4, 8), "Bring x to (B, 3, H, W)")
error(
    "a fixed view",
    lambda: example(Flat(lambda s, x: s.a(x.view(-1, 5)), a=mlp(5, 1)), x(4, 3), x(4, 1), MSE()),
    "flatten(1)",
)
error(
    "a batch of one",
    lambda: example(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), x(1, 4), x(1, 3), MSE()),
    "drop_last",
)
error(
    "LSTM of another size",
    lambda: example(Flat(lambda s, x: s.a(x)[0], a=nn.LSTM(3, 2)), x(4, 2, 5), x(4, 2, 2), MSE()),
    "self.a has size 3",
)
error(
    "LayerNorm", lambda: example(nn.Sequential(nn.LayerNorm(3)), x(4, 5), x(4, 5), MSE()), "normalized_shape", "Print"
)
error("id beyond the table", lambda: example(nn.Embedding(5, 1), labels(9, 90), x(90, 1), MSE()), "nn.Embedding(9, 1)")
error("id below 0", lambda: example(nn.Sequential(nn.Embedding(5, 1)), -labels(9, 90), x(90, 1), MSE()), "from 0")


def other_device(self: Flat, x: Tensor) -> Tensor:
    raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")


error("another device", lambda: example(Flat(other_device, a=mlp(4, 1)), x(4, 4), x(4, 1), MSE()), "register_buffer")

# activations twice
notice(
    "softmax, CE",
    lambda: ce(labels(3, 16), Net(nn.Softmax(1))),
    "applies a softmax itself",
    "Remove self.end (Softmax)",
)
notice("F.softmax, CE", lambda: ce(labels(3, 16), Net(lambda x: F.softmax(x, 1))), "the softmax at the end of forward")
notice("softmax by hand", lambda: ce(labels(3, 16), Net(lambda x: x.exp() / x.exp().sum(1, True))), "applies a softmax")
notice("softmax, CE of probabilities", lambda: ce(x(16, 3).softmax(1), Net(nn.Softmax(1))), "applies a softmax")
notice(
    "softmax in Sequential",
    lambda: ce(
        labels(2, 32),
        nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 2), nn.Softmax(1)),
    ),
    "self[4] (Softmax)",
)
notice("softmax of zeros", lambda: ce(labels(3, 16), zeroed(Net(nn.Softmax(1)))), "applies a softmax")
notice("one row of softmax", lambda: ce(labels(3, 1), Net(nn.Softmax(1))), "applies a softmax")
notice(
    "softmax in a list of calls",
    lambda: ce(labels(3, 16), Net(nn.Softmax(1)), lambda o, y: 2 * F.cross_entropy(o, y)),
    "softmax",
)
notice(
    "sigmoid, logits",
    lambda: example(Net(torch.sigmoid, 1), x(16, 4), two_labels(), LOGITS()),
    "applies a sigmoid itself",
    "nn.BCELoss()",
)
notice(
    "nn.Sigmoid, logits", lambda: example(Net(nn.Sigmoid(), 1), x(16, 4), two_labels(), LOGITS()), "self.end (Sigmoid)"
)
notice("softmax, NLL", lambda: ce(labels(3, 16), Net(nn.Softmax(1)), nn.NLLLoss()), "log_softmax in place of self.end")
notice("raw, NLL", lambda: ce(labels(3, 16), None, nn.NLLLoss()), "raw outputs", "nn.CrossEntropyLoss()")
notice(
    "softmax of one column",
    lambda: example(Net(nn.Softmax(1), 1), x(16, 4), two_labels(), BCE()),
    "Every output is 1",
    "torch.sigmoid in place of self.end",
)
notice("one class", lambda: ce(torch.zeros(16).long(), mlp(4, 1)), "always 0", "BCEWithLogitsLoss")


def zeroed(net: nn.Module) -> nn.Module:
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    return net


# no way back
error("detached", lambda: ce(labels(3, 16), Net(lambda x: x.detach())), "does not depend on the weights")
error(
    "NaN from the start",
    lambda: example(Net(lambda x: (x - 1e9).log(), 1), x(16, 4), two_labels(), BCE()),
    "very first batch",
    "log",
    kind=TrainingError,
)
