"""The modules of `tutorials.py` with their data, and the loop a tutorial trains them with.

`CASES` holds them by name. `loop` is the reference everything is held against, in the benchmark and in the batteries;
`fit` is the same work given to netwright. Shapes: B batch, T time, C channels.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader, TensorDataset
from tutorials import (
    GAN,
    Autoencoder,
    BatchNormCNN,
    BinaryClassifier,
    BranchNet,
    DigitCNN,
    FineTuned,
    FlexibleMLP,
    LegendreNet,
    LinearRegression,
    NoisyNet,
    SimpleCNN,
    SimpleLSTM,
    SimpleMLP,
    SimpleRNN,
    SmoothStepNet,
    SoftmaxNet,
    TextClassifier,
    TiedModel,
)

Data = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module, its data and how the tutorial trains it."""

    name: str
    make: Callable[[], nn.Module]
    data: Callable[[int, int], Data]
    """(rows, seed) → (input, target), or (input,) where that is the target too. torch's own stream is left alone."""
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    batch_size: int | None = 32
    """None: all rows at once, and no DataLoader."""
    rows: int = 1000
    """Rows the benchmark trains on."""
    epochs: int = 100
    """Epochs of the benchmark's whole call."""
    phases: Mapping[str, Callable[[Any, Tensor, Tensor], Tensor]] = field(default_factory=dict)
    """By the name of the module's part that it trains, in order: loss(module, batch, shared)."""
    share: Callable[[Any, Tensor], Tensor] | None = None
    """(module, batch) → what the phases of one step share."""

    @property
    def steps(self) -> int:
        """Steps of one epoch of the benchmark."""
        return math.ceil(self.rows / self.batch_size) if self.batch_size else 1


# The loop


def loop(case: Case, module: nn.Module, data: Data, epochs: int) -> list[float]:
    """The loop the tutorials write. Gives the loss of every update: of a GAN the discriminator's, the generator's, …"""
    if case.batch_size is None:
        return train(case, module, [data], epochs)
    return train(case, module, DataLoader(TensorDataset(*data), batch_size=case.batch_size, shuffle=True), epochs)


def train(case: Case, module: nn.Module, loader: Iterable[Data], epochs: int) -> list[float]:
    """Epochs over a loader, with the loss read at every step, as a tutorial's `running_loss += loss.item()` does."""
    if case.phases:
        return train_gan(case, module, loader, epochs)
    optimizer = case.optimizer(module.parameters())
    criterion = case.loss
    losses = []
    for _ in range(epochs):
        for batch in loader:
            inputs, target = batch[0], batch[-1]
            optimizer.zero_grad()
            loss = criterion(module(inputs), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def train_gan(case: Case, module: nn.Module, loader: Iterable[Data], epochs: int) -> list[float]:
    """The fakes are drawn once a step: the discriminator learns from them, then the generator."""
    generator, discriminator, criterion = module.generator, module.discriminator, case.loss
    optimizer_d = case.optimizer(discriminator.parameters())
    optimizer_g = case.optimizer(generator.parameters())
    losses = []
    for _ in range(epochs):
        for (images,) in loader:
            noise = torch.randn(images.size(0), 100).type_as(images)
            fakes = generator(noise)

            optimizer_d.zero_grad()
            real, fake = discriminator(images), discriminator(fakes.detach())
            d_loss = criterion(real, torch.ones_like(real)) + criterion(fake, torch.zeros_like(fake))
            d_loss.backward()
            optimizer_d.step()

            optimizer_g.zero_grad()
            fake = discriminator(fakes)
            g_loss = criterion(fake, torch.ones_like(fake))
            g_loss.backward()
            optimizer_g.step()
            losses += [d_loss.item(), g_loss.item()]
    return losses


@dataclass(frozen=True)
class ByIndex:
    """What replaces the DataLoader where somebody has learnt to: batches taken by index from the tensors themselves."""

    data: Data
    batch_size: int

    def __iter__(self) -> Iterator[Data]:
        for index in torch.randperm(len(self.data[0])).split(self.batch_size):
            yield tuple(tensor[index] for tensor in self.data)


def fit(case: Case, module: nn.Module, data: Data, epochs: int, **options: Any) -> Any:
    """The same work given to `netwright.fit`, with whatever other options; gives its `Fit`."""
    import netwright as nw  # the modules and the loop are of use without it

    how = {"batch_size": case.batch_size, "shuffle": True}
    if case.batch_size is None:
        how = {"batch_size": len(data[0]), "shuffle": False}
    if case.phases:
        how["share"] = case.share
        how["phases"] = [
            nw.Phase(name=part, loss=loss, optimizer=case.optimizer(getattr(module, part).parameters()))
            for part, loss in case.phases.items()
        ]
    else:
        how |= {"loss": case.loss, "optimizer": case.optimizer(module.parameters())}
    return nw.fit(module, data if len(data) > 1 else data[0], epochs=epochs, **how | options)


def double(data: Data) -> Data:
    """The data for a module in float64; classes and tokens stay what they are."""
    return tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in data)


# The phases of the GAN


def gan_fakes(module: Any, images: Tensor) -> Tensor:
    noise = torch.randn(images.size(0), 100).type_as(images)
    return module.generator(noise)


def discriminator_loss(module: Any, images: Tensor, fakes: Tensor) -> Tensor:
    real, fake = module.discriminator(images), module.discriminator(fakes.detach())
    return F.binary_cross_entropy(real, torch.ones_like(real)) + F.binary_cross_entropy(fake, torch.zeros_like(fake))


def generator_loss(module: Any, images: Tensor, fakes: Tensor) -> Tensor:
    fake = module.discriminator(fakes)
    return F.binary_cross_entropy(fake, torch.ones_like(fake))


# The data: drawn, learnable, of as many rows as asked for


def line(rows: int, seed: int) -> Data:
    """y = 2x + 1 and a little noise; (B, 1)."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 1, generator=draw) * 2 - 1
    return x, 2 * x + 1 + 0.1 * torch.randn(rows, 1, generator=draw)


def classes(rows: int, seed: int, *, inputs: int = 10, number: int = 2) -> Data:
    """The class is the largest of `number` mixtures of the inputs; (B, inputs) and (B,)."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, inputs, generator=draw)
    return x, (x @ torch.randn(inputs, number, generator=draw)).argmax(1)


def yes_or_no(rows: int, seed: int) -> Data:
    """The same as zeros and ones in float32, (B, 1)."""
    x, y = classes(rows, seed)
    return x, y.float().unsqueeze(1)


def curve(rows: int, seed: int) -> Data:
    """A bent function of ten inputs; (B, 10) and (B, 1)."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 10, generator=draw)
    return x, torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2


def pictures(rows: int, seed: int, *, channels: int, size: int, number: int) -> Data:
    """A blurred picture of its class under noise; (B, C, size, size) and (B,)."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.randn(number, channels, 4, 4, generator=draw)
    patterns = F.interpolate(coarse, size=(size, size), mode="bilinear")
    y = torch.randint(number, (rows,), generator=draw)
    return patterns[y] + 0.5 * torch.randn(rows, channels, size, size, generator=draw), y


def sequences(rows: int, seed: int) -> Data:
    """Whether the last steps of the first series rise; (B, 50, 8) and (B,)."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 50, 8, generator=draw)
    return x, (x[:, -5:, 0].sum(1) > 0).long()


def words(rows: int, seed: int) -> Data:
    """Whether most of 20 words come from the first half of 100; (B, 20) and (B,), int64."""
    x = torch.randint(100, (rows, 20), generator=torch.Generator().manual_seed(seed))
    return x, ((x < 50).sum(1) > 10).long()


def next_word(rows: int, seed: int) -> Data:
    """The word that follows one of 50 by a rule; (B,) and (B,), int64."""
    x = torch.randint(50, (rows,), generator=torch.Generator().manual_seed(seed))
    return x, (3 * x + 1) % 50


def flat_images(rows: int, seed: int, *, low: float = 0.0) -> Data:
    """Pictures of a few factors, between `low` and 1; (B, 784)."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.sigmoid(torch.randn(rows, 8, generator=draw) @ torch.randn(8, 784, generator=draw))
    return (low + (1 - low) * x,)


# The cases

adam = partial(Adam, lr=0.001)


def adam_of_the_trainable(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """As a tutorial on fine-tuning writes it."""
    return Adam(filter(lambda p: p.requires_grad, parameters), lr=0.001)


def case(name: str, make: Callable[[], nn.Module], data: Callable[[int, int], Data], **rest: Any) -> Case:
    """A case that is classified with Adam unless told otherwise."""
    return Case(name=name, make=make, data=data, **{"loss": nn.CrossEntropyLoss(), "optimizer": adam} | rest)


CASES: dict[str, Case] = {
    made.name: made
    for made in (
        case(
            "linear_regression",
            LinearRegression,
            line,
            loss=nn.MSELoss(),
            optimizer=partial(SGD, lr=0.01),
            batch_size=None,
            rows=100,
            epochs=1000,
        ),
        case("mlp", SimpleMLP, classes),
        case("mlp_bce", BinaryClassifier, yes_or_no, loss=nn.BCELoss()),
        case("mlp_list", lambda: FlexibleMLP(20, [64, 32], 3), partial(classes, inputs=20, number=3)),
        case("softmax", SoftmaxNet, partial(classes, number=3)),
        case("cnn32", SimpleCNN, partial(pictures, channels=3, size=32, number=10), batch_size=64, rows=500),
        case("cnn28", DigitCNN, partial(pictures, channels=1, size=28, number=10), batch_size=64, rows=500),
        case("rnn", SimpleRNN, sequences, rows=500),
        case("lstm", SimpleLSTM, sequences, rows=500),
        case("transformer", TextClassifier, words, rows=500),
        case("autoencoder", Autoencoder, flat_images, loss=nn.MSELoss()),
        case(
            "gan",
            GAN,
            partial(flat_images, low=-1.0),
            loss=nn.BCELoss(),
            optimizer=partial(Adam, lr=0.0002, betas=(0.5, 0.999)),
            phases={"discriminator": discriminator_loss, "generator": generator_loss},
            share=gan_fakes,
        ),
        case("smoothstep", SmoothStepNet, curve, loss=nn.MSELoss()),
        case("own_backward", LegendreNet, curve, loss=nn.MSELoss()),
        case("batchnorm", BatchNormCNN, partial(pictures, channels=1, size=8, number=2)),
        case("tied", TiedModel, next_word),
        case("frozen", FineTuned, classes, optimizer=adam_of_the_trainable),
        case("branch", BranchNet, classes),
        case("random", NoisyNet, classes),
    )
}
