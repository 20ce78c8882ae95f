"""The default network for tables: a bag of small perceptrons in one module.

K members, each with weights of its own, each leaving out a fold of the rows and stopped on that fold; their predictions
are averaged. They run as one batched matrix product, so that eight cost little more than one.

B rows, N number features, C category columns, K members, M quantile bins, E embedding width, I and O a layer's sizes.

Sources: RealMLP (Holzmüller et al. 2024; robust numbers, bagging on folds); TabM (Gorishniy et al. 2024; members in one
network, the mean of their losses); On Embeddings for Numerical Features (Gorishniy et al. 2022;
piecewise-linear bins). Unlike in TabM no weights are shared, so that each member keeps those of its own best epoch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import VALIDATION_SHARE, Count, Dropout, Family, Penalty, Training
from netwright.families.mlp import Activation, make_activation
from netwright.tasks import Answering, Task

ONE_HOT_LIMIT = 10
"""Cardinality, the unseen place included, up to which a category is one-hot."""
CATEGORY_WIDTH = 8
"""Width of the embedding of a category above that."""
NOWHERE = 1e9
"""Left edge of a bin that does not exist: no scaled number reaches it."""
BIN_ROWS = 20_000
"""Training rows the quantiles are measured on at most."""
FOLD_ROWS = 2048
"""Rows a member leaves out at most."""


class TabularConfig(Training):
    """Settings of the tabular family."""

    members: Count = 8
    """Perceptrons in the bag."""
    hidden_sizes: tuple[Count, ...] = (128, 128)
    """Width of each hidden layer."""
    activation: Activation = "silu"
    dropout: Dropout = 0.1
    """Share of hidden values set to zero in training."""
    bins: Count = 16
    """Quantile bins of a number."""
    number_width: int = Field(default=4, ge=0)
    """Values each number is embedded into; 0 leaves the number itself alone."""
    weight_decay: Penalty = 0.02
    """Decoupled weight decay of weights and embeddings, not of biases."""


class MemberLinear(nn.Module):
    """K linear layers side by side: (K, B, I) → (K, B, O)."""

    def __init__(self, members: int, input_size: int, output_size: int, *, gain: float = 2.0) -> None:
        super().__init__()
        spread = 1 / math.sqrt(max(input_size, 1))
        weight, bias = torch.empty(members, input_size, output_size), torch.empty(members, 1, output_size)
        self.weight = nn.Parameter(nn.init.normal_(weight, std=spread * math.sqrt(gain)))
        self.bias = nn.Parameter(nn.init.uniform_(bias, -spread, spread))

    def forward(self, x: Tensor) -> Tensor:
        """(K, B, I) → (K, B, O)."""
        return torch.baddbmm(self.bias, x, self.weight)

    def extra_repr(self) -> str:
        """The sizes, for `print`."""
        members, input_size, output_size = self.weight.shape
        return f"{members} members, {input_size} → {output_size}"


class NumberEmbedding(nn.Module):
    """Numbers as piecewise-linear functions: (B, N) → (K, B, N·E).

    Bin m of a column holds clamp((x − left)/width, 0, 1); each member maps the M values of a column to E of its own.
    """

    def __init__(self, members: int, number_count: int, bins: int, width: int) -> None:
        super().__init__()
        self.left: Tensor
        self.width: Tensor
        self.register_buffer("left", torch.full((number_count, bins), NOWHERE))
        self.register_buffer("width", torch.ones(number_count, bins))
        spread = 1 / math.sqrt(bins)
        self.weight = nn.Parameter(nn.init.uniform_(torch.empty(members, number_count, bins, width), -spread, spread))
        self.bias = nn.Parameter(torch.zeros(members, number_count, width))

    def set_bins(self, numbers: Tensor) -> None:
        """Lay the edges at quantiles of the training numbers (B, N); equal edges become one."""
        numbers = numbers[:: math.ceil(len(numbers) / BIN_ROWS)]
        at = torch.linspace(0, 1, self.left.shape[1] + 1, dtype=numbers.dtype, device=numbers.device)
        self.left.fill_(NOWHERE)
        self.width.fill_(1.0)
        for column in range(numbers.shape[1]):
            edges = torch.quantile(numbers[:, column], at).unique()
            self.left[column, : len(edges) - 1] = edges[:-1]
            self.width[column, : len(edges) - 1] = edges.diff()

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, N) → (K, B, N·E)."""
        members, count, bins, width = self.weight.shape
        filled = ((numbers.T[:, :, None] - self.left[:, None]) / self.width[:, None]).clamp(0, 1)  # (N, B, M)
        weight = self.weight.permute(1, 2, 0, 3).reshape(count, bins, members * width)
        bias = self.bias.permute(1, 0, 2).reshape(count, 1, members * width)
        mapped = torch.baddbmm(bias, filled, weight).view(count, len(numbers), members, width)
        return mapped.permute(2, 1, 0, 3).reshape(members, len(numbers), count * width)

    def extra_repr(self) -> str:
        """The sizes, for `print`."""
        members, count, bins, width = self.weight.shape
        return f"{members} members, {count} numbers, {bins} bins → {width}"


class TabularNetwork(nn.Module):
    """K perceptrons over numbers and categories.

    `forward(numbers (B, N), categories (B, C) int64)` gives (B, K, output_size): numbers or logits of each member. The
    first dimension of every parameter is K. Category 0, unseen, is all zeros until training shows it one.
    """

    def __init__(
        self,
        number_count: int,
        cardinalities: Sequence[int],
        output_size: int,
        *,
        members: int = 8,
        hidden_sizes: Sequence[int] = (128, 128),
        activation: str = "silu",
        dropout: float = 0.1,
        bins: int = 16,
        number_width: int = 4,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.members, self.dropout, self.cardinalities = members, dropout, tuple(cardinalities)
        embeds = number_count > 0 and number_width > 0
        self.numbers = NumberEmbedding(members, number_count, bins, number_width) if embeds else None
        self.categories = nn.ParameterDict()
        size = number_count * (1 + number_width * embeds)
        for column, places in enumerate(self.cardinalities):
            if places > ONE_HOT_LIMIT:
                self.categories[str(column)] = nn.Parameter(_category_start(members, places))
            size += CATEGORY_WIDTH if places > ONE_HOT_LIMIT else places - 1
        sizes = [size, *hidden_sizes]
        self.hidden = nn.ModuleList(MemberLinear(members, a, b) for a, b in pairwise(sizes))
        self.activation = make_activation(activation, layers)
        self.head = MemberLinear(members, sizes[-1], output_size, gain=1.0)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """(B, N) and (B, C) → (B, K, output_size)."""
        x = self.embed(numbers, categories)
        for layer in self.hidden:
            x = self.drop(self.activation(layer(x)))
        return self.head(x).transpose(0, 1)

    def embed(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """Numbers, their embeddings, one-hot and embedded categories side by side: (K, B, I)."""
        parts = [numbers.expand(self.members, *numbers.shape)]
        if self.numbers is not None:
            parts.append(self.numbers(numbers))
        for column, places in enumerate(self.cardinalities):
            index = categories[:, column]
            if places > ONE_HOT_LIMIT:
                parts.append(self.categories[str(column)][:, index])
            else:
                one_hot = functional.one_hot(index, places)[:, 1:]
                parts.append(one_hot.to(numbers.dtype).expand(self.members, -1, -1))
        return torch.cat(parts, 2)

    def drop(self, x: Tensor) -> Tensor:
        """Dropout with one mask for all members: drawing one a member costs more than the matrix product."""
        if not self.training or self.dropout == 0:
            return x
        mask = torch.empty_like(x[:1]).bernoulli_(1 - self.dropout)
        return x * (mask / (1 - self.dropout))


def _category_start(members: int, places: int) -> Tensor:
    table = nn.init.normal_(torch.empty(members, places, CATEGORY_WIDTH), std=0.3)
    table[:, 0] = 0
    return table


def members_for(rows: int) -> int:
    """Eight members up to 10,000 rows, fewer above, four from 40,000."""
    return _within(8 * math.sqrt(10_000 / rows), 4, 8)


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> TabularConfig:
    """Settings from the number of rows and columns; the same for every task. As many members as there are folds."""
    epochs = _within(700 / rows ** (1 / 3), 8, 128)
    columns = len(schema.number_features) + len(schema.cardinalities)
    return TabularConfig(
        members=folds if folds > 1 else members_for(rows),
        dropout=0.2 * min(1.0, 1000 / rows),
        bins=_within(rows / 16, 2, 16),
        number_width=min(4, 128 // max(columns, 1)),
        batch_size=2 ** _within(math.log2(rows / 8), 4, 8),
        epochs=epochs,
        patience=max(8, epochs // 4),
        learning_rate=4e-3,
    )


def folds(rows: int, asked: Mapping[str, object]) -> tuple[int, float]:
    """One fold a member; each is its even share of the rows, but no more than `FOLD_ROWS` of them."""
    members = TabularConfig.model_validate(asked).members if "members" in asked else members_for(rows)
    return members, min(VALIDATION_SHARE if members == 1 else 1 / members, FOLD_ROWS / rows)


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The bag for these columns."""
    assert isinstance(config, TabularConfig)
    return TabularNetwork(
        len(schema.number_features),
        schema.cardinalities,
        task.output_size,
        members=config.members,
        hidden_sizes=config.hidden_sizes,
        activation=config.activation,
        dropout=config.dropout,
        bins=config.bins,
        number_width=config.number_width,
        layers=layers,
    )


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Lay the bins at the quantiles of the training rows."""
    assert isinstance(module, TabularNetwork)
    if module.numbers is not None:
        module.numbers.set_bins(training.inputs[0])


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW, its rate falling along half a cosine over the steps or the time, whichever is further."""
    assert isinstance(module, TabularNetwork) and isinstance(config, TabularConfig) and isinstance(task, Answering)
    biases = [p for name, p in module.named_parameters() if name.endswith("bias")]
    others = [p for name, p in module.named_parameters() if not name.endswith("bias")]
    optimizer = torch.optim.AdamW(
        [{"params": biases, "weight_decay": 0.0}, {"params": others}],
        lr=config.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=config.weight_decay,
        fused=True,
    )

    def fall(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, max(step / steps, spent() if step else 0.0))))

    member = torch.arange(config.members)

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        losses = task.losses(module(*batch.inputs), batch.target)  # (B, K)
        used = (batch.fold[:, None] != member.to(batch.fold.device)).to(losses.dtype)
        return ((losses * used).sum(0) / used.sum(0).clamp(min=1)).mean()

    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=LambdaLR(optimizer, fall))]


def _within(value: float, low: int, high: int) -> int:
    return min(high, max(low, round(value)))


FAMILY = Family(
    name="tabular",
    phrase="a bag of small perceptrons with embeddings for numbers and categories",
    config=TabularConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    folds=folds,
)
