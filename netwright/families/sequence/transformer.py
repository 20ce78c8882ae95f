"""The transformer family on sequences: a strided convolution, an encoder, pooled over all steps."""

from types import ModuleType
from typing import Literal

from pydantic import Field
from torch import nn

from netwright.core.forms import SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.sequence.network import VIEWS, AttentiveReader, SequenceNetwork
from netwright.families.sequence.training import SequenceConfig, finish, judge, phases, sized
from netwright.families.transformer.encoder import Encoder
from netwright.tasks import Task


class TransformerConfig(SequenceConfig):
    """Settings of the transformer family on sequences."""

    hidden_size: int = Field(default=64, ge=16, le=16_384, multiple_of=16)
    """Numbers a layer keeps of each step: a multiple of 16, so that it can be shared by the heads."""
    num_heads: Literal[1, 2, 4, 8] = 4


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """Members for these channels and outputs."""
    form = schema.form
    assert isinstance(config, TransformerConfig) and isinstance(form, SequenceForm)
    size = VIEWS * len(form.channels)

    def make() -> nn.Module:
        encoder = Encoder(
            config.hidden_size,
            heads=config.num_heads,
            layers=config.num_layers,
            dropout=config.dropout,
            namespace=layers,
        )
        width, outputs = config.hidden_size, task.output_size
        return AttentiveReader(size, outputs, config.fold, config.dropout, encoder, width, layers)

    return SequenceNetwork(config.members, make)


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> TransformerConfig:
    """Settings by the number and length of the sequences."""
    return TransformerConfig(**sized(rows, schema), learning_rate=1e-3)  # type: ignore[bad-argument-type]


FAMILY = Family(
    name="transformer",
    phrase="a strided convolution and attention among its steps",
    config=TransformerConfig,
    defaults=defaults,
    build=build,
    phases=phases,
    finish=finish,
    judge=judge,
    fits={"sequence": ("classification", "regression", "multilabel")},
)
