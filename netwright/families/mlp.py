"""The multi-layer perceptron of the tutorials: linear layers with an activation between."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.errors import InputError
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Count, Dropout, Family, Penalty, Training
from netwright.families.flat import FlatTable
from netwright.tasks import Answering, Task

ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
Activation = Literal["relu", "leaky_relu", "gelu", "silu", "mish", "tanh", "sigmoid"]


class MLP(nn.Module):
    """Linear layers of the given sizes, an activation and dropout after each but the last.

    `forward(x (…, input_size))` gives (…, output_size): raw numbers or logits, no softmax. `activation` is a name or
    any function or module of one tensor. Raises InputError for a size below one or an unknown name.

    >>> MLP(10, [64, 32], 2)(torch.zeros(5, 10)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        output_size: int,
        *,
        activation: str | nn.Module = "relu",
        dropout: float = 0.0,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        sizes = [input_size, *hidden_sizes, output_size]
        if min(sizes) < 1:
            raise InputError(
                "Every layer needs a size of one or more.",
                got=f"sizes {sizes}",
                wanted="positive whole numbers",
                fix="Correct input_size, hidden_sizes or output_size.",
            )
        self.layers = nn.ModuleList(layers.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = make_activation(activation, layers) if isinstance(activation, str) else activation
        self.dropout = layers.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(…, input_size) → (…, output_size)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.dropout(self.activation(layer(x)))
        return last(x)


def make_activation(name: str, layers: ModuleType = nn) -> nn.Module:
    """The activation of this name. Raises InputError for one that is not known."""
    if name not in ACTIVATIONS:
        raise InputError(
            f"There is no activation called {name!r}.",
            got=f"activation={name!r}",
            wanted=", ".join(ACTIVATIONS),
            fix="Give one of these names, or in Python any module of your own.",
        )
    return getattr(layers, ACTIVATIONS[name])()


class MLPConfig(Training):
    """Settings of the mlp family."""

    hidden_sizes: tuple[Count, ...] = (128, 128)
    """Width of each hidden layer."""
    activation: Activation = "relu"
    dropout: Dropout = 0.1
    """Share of hidden values set to zero in training."""
    weight_decay: Penalty = 1e-4
    """Decoupled weight decay of AdamW."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """An MLP on the flat row."""
    assert isinstance(config, MLPConfig)
    size = FlatTable.size(len(schema.number_features), schema.cardinalities)
    body = MLP(
        size, config.hidden_sizes, task.output_size, activation=config.activation, dropout=config.dropout, layers=layers
    )
    return FlatTable(len(schema.number_features), schema.cardinalities, body)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW on the mean loss."""
    assert isinstance(config, MLPConfig) and isinstance(task, Answering)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return task.losses(module(*batch.inputs), batch.target).mean()

    return [Phase(name="network", loss=loss, optimizer=optimizer)]


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> MLPConfig:
    """Batches of about a hundredth of the rows, from 32 to 1,024; about 100,000 row visits at the least."""
    batch_size = 2 ** max(5, min(10, round(rows / 100).bit_length()))
    return MLPConfig(batch_size=batch_size, epochs=max(20, min(400, 400_000 // max(1, rows))), patience=20)


FAMILY = Family(
    name="mlp",
    phrase="a multi-layer perceptron on numbers and one-hot categories",
    config=MLPConfig,
    defaults=defaults,
    build=build,
    phases=phases,
)
