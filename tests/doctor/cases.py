"""Right modules, as people write them: nothing may be said of any of them."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netwright.doctor.example import Example


class Flat(nn.Module):
    """A module around a function, for the short ones."""

    def __init__(self, forward: Callable, **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.run = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self, *args, **kwargs)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grads[0]


def example(module: nn.Module, x: Any, y: Any, loss: Callable, *, own: bool = False, **more: Any) -> Example:
    """A case as the engine makes it: from (x, y) and a criterion, or from a loss(model, batch)."""
    optimizers = more.pop("optimizers", None)
    if optimizers is None:
        optimizers = [torch.optim.SGD(module.parameters(), lr=0.1)]
    batch = (x, y)
    if own:
        return Example(module=module, batch=batch, loss=loss, optimizers=optimizers, **more)

    def called(x: Any) -> tuple[tuple, dict]:
        return (() if isinstance(x, dict) else x if isinstance(x, tuple) else (x,)), x if isinstance(x, dict) else {}

    def whole(model: nn.Module, rows: Any) -> Tensor:
        args, kwargs = called(rows[0])
        return loss(model(*args, **kwargs), rows[1])

    args, kwargs = called(x)

    return Example(
        module=module,
        batch=batch,
        loss=whole,
        optimizers=optimizers,
        criterion=loss,
        args=args,
        kwargs=kwargs,
        target=y,
        **more,
    )


def x(*shape: int) -> Tensor:
    return torch.randn(*shape)


def labels(classes: int, *shape: int) -> Tensor:
    return torch.randint(0, classes, shape)


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def branching(self: Flat, x: Tensor) -> Tensor:
    return self.a(x) if x.sum() > 0 else self.b(x)


def counting(self: Flat, x: Tensor) -> Tensor:
    self.calls = self.calls + 1
    self.seen.append(self.calls)
    return self.a(x)


def writing(self: Flat, x: Tensor) -> Tensor:
    x.mul_(2).clamp_(-1, 1)
    return self.a(x)


def lstm_last(self: Flat, x: Tensor) -> Tensor:
    return self.out(self.body(x)[0][:, -1])


def gan() -> Example:
    both = nn.ModuleDict(
        {"g": nn.Sequential(nn.Linear(5, 8), nn.Tanh()), "d": nn.Sequential(mlp(8, 4, 1), nn.Sigmoid())}
    )

    def critic(model: nn.Module, batch: Any) -> Tensor:
        fakes = model["g"](torch.randn(16, 5)).detach()
        real, fake = model["d"](batch[0]), model["d"](fakes)
        bce = F.binary_cross_entropy
        return bce(real, torch.ones(16, 1)) + bce(fake, torch.zeros(16, 1))

    optimizers = [torch.optim.Adam(part.parameters()) for part in both.values()]
    return example(both, x(16, 8), None, critic, own=True, optimizers=optimizers)


def shared_weights() -> Example:
    layer = nn.Linear(6, 6)
    return example(nn.Sequential(layer, nn.Tanh(), layer), x(16, 6), x(16, 6), nn.MSELoss())


def frozen_part() -> Example:
    net = mlp(6, 8, 3)
    net[0].requires_grad_(False)
    return example(net, x(16, 6), labels(3, 16), nn.CrossEntropyLoss())


def frozen_teacher_in_a_list() -> Example:
    teacher = mlp(6, 3)

    def forward(self: Flat, x: Tensor) -> Tensor:
        with torch.no_grad():
            soft = self.hidden[0](x)
        return self.net(x) + 0 * soft

    return example(Flat(forward, net=mlp(6, 3), hidden=[teacher]), x(16, 6), labels(3, 16), nn.CrossEntropyLoss())


def listed_twice() -> Example:
    layers = [nn.Linear(6, 6), nn.Linear(6, 3)]

    def forward(self: Flat, x: Tensor) -> Tensor:
        for layer in self.order:
            x = layer(x)
        return x

    net = Flat(forward, kept=nn.ModuleList(layers), order=layers, acts=[nn.ReLU()])
    return example(net, x(16, 6), labels(3, 16), nn.CrossEntropyLoss())


def listed_and_held() -> Example:
    layers = [nn.Linear(6, 3)]
    net = Flat(lambda self, x: self.order[0](self.first(x)), first=nn.Linear(6, 6), order=layers)
    held = torch.optim.SGD([*net.parameters(), *layers[0].parameters()], lr=0.1)
    return example(net, x(16, 6), labels(3, 16), nn.CrossEntropyLoss(), optimizers=[held])


def learned_loss() -> Example:
    """A frozen module, and a loss with weights of its own."""
    net, scale = mlp(6, 1).requires_grad_(False), nn.Parameter(torch.ones(()))

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return (model(batch[0]) * scale - batch[1]).square().mean()

    return example(net, x(16, 6), x(16, 1), loss, own=True, optimizers=[torch.optim.SGD([scale], lr=0.1)])


def own_log_loss(output: Tensor, y: Tensor) -> Tensor:
    return -output.gather(1, y[:, None]).log().mean()


def transformer() -> Example:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)

    def forward(self: Flat, ids: Tensor) -> Tensor:
        return self.out(self.body(self.words(ids)).mean(1))

    parts = {"words": nn.Embedding(20, 8), "body": nn.TransformerEncoder(layer, 1), "out": nn.Linear(8, 3)}
    return example(Flat(forward, **parts), labels(20, 8, 7), labels(3, 8), nn.CrossEntropyLoss())


def cnn() -> Example:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    net.append(nn.Linear(4 * 16, 5))
    return example(net, x(8, 3, 8, 8), labels(5, 8), nn.CrossEntropyLoss())


def inside_grad() -> Example:
    """A loss that differentiates with respect to its inputs."""

    def loss(model: nn.Module, batch: Any) -> Tensor:
        inputs = batch[0].requires_grad_()
        (slope,) = torch.autograd.grad(model(inputs).sum(), inputs, create_graph=True)
        return slope.square().mean()

    return example(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)), x(16, 1), None, loss, own=True)


def closing_over() -> Example:
    """A loss that uses the model it closes over, whatever it is given."""
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def loss(_: nn.Module, batch: Any) -> Tensor:
        return F.mse_loss(net(batch[0]), batch[1])

    return example(net, x(16, 4), x(16, 1), loss, own=True)


def refusing_copies() -> Example:
    net = mlp(4, 1)
    net.other = (i for i in ())  # a generator can't be copied
    return example(net, x(16, 4), x(16, 1), nn.MSELoss())


def ranks(output: Tensor, y: Tensor) -> Tensor:
    return F.softplus(-(output - output.T) * (y[:, None] - y[None]).sign()).mean()


def two_labels() -> Tensor:
    return torch.randint(0, 2, (16, 1)).float()


MSE, CE, BCE = nn.MSELoss, nn.CrossEntropyLoss, nn.BCELoss

RIGHT: dict[str, Callable[[], Example]] = {
    "linear regression": lambda: example(nn.Linear(1, 1), x(32, 1), x(32, 1), MSE()),
    "regression to one number a row": lambda: example(
        Flat(lambda s, x: s.a(x).squeeze(1), a=mlp(4, 8, 1)), x(16, 4), x(16), nn.HuberLoss()
    ),
    "double on double": lambda: example(nn.Linear(2, 1).double(), x(8, 2).double(), x(8, 1).double(), MSE()),
    "a target that torch promotes": lambda: example(nn.Linear(2, 1), x(8, 2), labels(5, 8, 1), MSE()),
    "one number as the target": lambda: example(nn.Linear(2, 1), x(8, 2), torch.tensor(1.0), MSE()),
    "one row": lambda: example(nn.Linear(2, 1), x(1, 2), x(1), MSE()),
    "MLP, cross-entropy": lambda: example(mlp(10, 50, 2), x(32, 10), labels(2, 32), CE()),
    "all outputs zero": lambda: example(nn.Linear(4, 2), x(8, 4), labels(2, 8), CE()),
    "byte labels": lambda: example(mlp(4, 3), x(16, 4), labels(3, 16).byte(), CE()),
    "ignored labels": lambda: example(mlp(4, 3), x(16, 4), labels(3, 16) - 1, CE(ignore_index=-1)),
    "probabilities as target": lambda: example(mlp(4, 3), x(16, 4), x(16, 3).softmax(1), CE(label_smoothing=0.1)),
    "log_softmax, then cross-entropy": lambda: example(
        nn.Sequential(mlp(4, 3), nn.LogSoftmax(1)), x(16, 4), labels(3, 16), CE()
    ),
    "MLP, sigmoid, BCE": lambda: example(nn.Sequential(mlp(4, 8, 1), nn.Sigmoid()), x(16, 4), two_labels(), BCE()),
    "MLP, BCE with logits": lambda: example(mlp(4, 8, 1), x(16, 4), two_labels(), nn.BCEWithLogitsLoss()),
    "positive outputs, BCE with logits": lambda: example(
        nn.Sequential(nn.Linear(4, 1), nn.ReLU()), x(16, 4), two_labels(), nn.BCEWithLogitsLoss()
    ),
    "small outputs, BCE with logits": lambda: example(
        nn.Sequential(mlp(4, 1), Flat(lambda s, x: 0.5 + 0.01 * x)), x(16, 4), two_labels(), nn.BCEWithLogitsLoss()
    ),
    "one row, BCE with logits": lambda: example(
        Flat(lambda s, x: s.a(x) * 0.1 + 0.5, a=nn.Linear(4, 1)), x(1, 4), torch.ones(1, 1), nn.BCEWithLogitsLoss()
    ),
    "outputs that sum to 1 once": lambda: example(
        Flat(lambda s, x: x * s.w, w=nn.Parameter(torch.ones(3))), x(16, 3).softmax(1), labels(3, 16), CE()
    ),
    "masked labels": lambda: example(
        mlp(4, 3),
        x(16, 4),
        labels(3, 16, 3).float() - 1,
        lambda o, y: (nn.BCEWithLogitsLoss(reduction="none")(o, y) * (y >= 0)).mean(),
    ),
    "many labels": lambda: example(mlp(4, 3), x(16, 4), labels(2, 16, 3).float(), nn.MultiLabelSoftMarginLoss()),
    "many labels, BCE": lambda: example(mlp(4, 3), x(16, 4), labels(2, 16, 3).float(), nn.BCEWithLogitsLoss()),
    "log_softmax, NLL": lambda: example(
        nn.Sequential(mlp(4, 3), nn.LogSoftmax(1)), x(16, 4), labels(3, 16), nn.NLLLoss()
    ),
    "softmax and log, NLL": lambda: example(
        nn.Sequential(mlp(4, 3), nn.Softmax(1)),
        x(16, 4),
        labels(3, 16),
        lambda o, y: F.nll_loss(torch.log(o + 1e-9), y),
    ),
    "focal NLL": lambda: example(
        mlp(4, 3),
        x(16, 4),
        labels(3, 16),
        lambda o, y: F.nll_loss((1 - o.softmax(1)) ** 2 * o.log_softmax(1), y),
    ),
    "softmax, loss of one's own": lambda: example(
        nn.Sequential(mlp(4, 3), nn.Softmax(1)), x(16, 4), labels(3, 16), own_log_loss
    ),
    "softmax, MSE": lambda: example(nn.Sequential(mlp(4, 3), nn.Softmax(1)), x(16, 4), x(16, 3).softmax(1), MSE()),
    "Poisson": lambda: example(mlp(4, 1), x(16, 4), labels(5, 16, 1).float(), nn.PoissonNLLLoss()),
    "Gaussian": lambda: example(
        Flat(lambda s, x: (s.a(x), s.b(x).exp()), a=mlp(4, 1), b=mlp(4, 1)),
        x(16, 4),
        x(16, 1),
        lambda o, y: F.gaussian_nll_loss(o[0], y, o[1]),
    ),
    "ranking": lambda: example(mlp(4, 1), x(16, 4), x(16), ranks),
    "metric learning": lambda: example(
        mlp(4, 3), (x(16, 4)), labels(3, 16), lambda o, y: (torch.cdist(o, o) * (y[:, None] == y)).mean()
    ),
    "CNN": cnn,
    "LSTM, last step": lambda: example(
        Flat(lstm_last, body=nn.LSTM(3, 8, batch_first=True), out=nn.Linear(8, 2)), x(8, 6, 3), labels(2, 8), CE()
    ),
    "language model": lambda: example(
        nn.Sequential(nn.Embedding(12, 6), nn.Linear(6, 12)),
        labels(12, 4, 9),
        labels(12, 4, 9),
        lambda o, y: F.cross_entropy(o.flatten(0, 1), y.flatten()),
    ),
    "Transformer with dropout": transformer,
    "autoencoder": lambda: example(
        nn.Sequential(mlp(20, 8, 20), nn.Sigmoid()), pixels := torch.rand(16, 20), pixels, MSE()
    ),
    "segmentation": lambda: example(nn.Conv2d(3, 4, 3, padding=1), x(2, 3, 8, 8), labels(4, 2, 8, 8), CE()),
    "GAN": gan,
    "shared weights": shared_weights,
    "frozen part": frozen_part,
    "frozen teacher in a list": frozen_teacher_in_a_list,
    "a list beside the ModuleList": listed_twice,
    "a list that the optimizer knows": listed_and_held,
    "weights of the loss alone": learned_loss,
    "custom backward": lambda: example(Flat(lambda s, x: Cube.apply(s.a(x)), a=mlp(4, 1)), x(16, 4), x(16, 1), MSE()),
    "branch": lambda: example(Flat(branching, a=mlp(4, 1), b=mlp(4, 1)), x(16, 4), x(16, 1), MSE()),
    "Python state": lambda: example(Flat(counting, a=mlp(4, 1), calls=0, seen=[]), x(16, 4), x(16, 1), MSE()),
    "writes into its input": lambda: example(Flat(writing, a=mlp(4, 1)), x(16, 4), x(16, 1), MSE()),
    "writes into its weights": lambda: example(
        nn.Sequential(nn.Embedding(9, 4, max_norm=0.1), nn.Flatten(), nn.Linear(8, 1)),
        labels(9, 16, 2),
        x(16, 1),
        MSE(),
    ),
    "random numbers": lambda: example(
        Flat(lambda s, x: s.a(x + torch.randn_like(x)) * torch.rand(()), a=mlp(4, 1)), x(16, 4), x(16, 1), MSE()
    ),
    "two inputs": lambda: example(
        Flat(lambda s, a, b: s.a(torch.cat([a, b], 1)), a=mlp(6, 1)), (x(16, 4), x(16, 2)), x(16, 1), MSE()
    ),
    "dict": lambda: example(
        Flat(
            lambda s, ids, mask: s.out((s.e(ids) * mask[..., None]).sum(1)), e=nn.Embedding(9, 4), out=nn.Linear(4, 2)
        ),
        {"ids": labels(9, 8, 5), "mask": torch.ones(8, 5)},
        labels(2, 8),
        CE(),
    ),
    "lazy layers": lambda: example(
        nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1)), x(16, 4), x(16, 1), MSE()
    ),
    "spectral and weight norm": lambda: example(
        nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
            nn.utils.parametrizations.weight_norm(nn.Linear(4, 1)),
        ),
        x(16, 4),
        x(16, 1),
        MSE(),
    ),
    "gradient within the loss": inside_grad,
    "closes over its model": closing_over,
    "can't be copied": refusing_copies,
    "loss(model, batch)": lambda: example(
        mlp(4, 1), x(16, 4), x(16, 1), lambda m, b: F.mse_loss(m(b[0]), b[1]), own=True
    ),
    "label of a regression that stays within 0 and 1": lambda: example(
        nn.Sequential(mlp(4, 1), nn.Sigmoid()), x(16, 4), torch.rand(16, 1), nn.L1Loss()
    ),
}
