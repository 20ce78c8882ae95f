"""The families rnn, lstm and gru on sequences: layers in both directions, pooled over all steps."""

from collections.abc import Callable
from types import ModuleType

from torch import nn

from netwright.core.forms import SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.recurrent.body import Kind, Recurrent
from netwright.families.sequence.network import VIEWS, RecurrentReader, SequenceNetwork
from netwright.families.sequence.training import SequenceConfig, finish, judge, phases, sized
from netwright.tasks import Task

COSTS = {"rnn": 1.0, "lstm": 1.0, "gru": 1.5}
"""Of a step on a CPU: PyTorch has a fast path there for LSTMs alone."""


class RecurrentConfig(SequenceConfig):
    """Settings of the rnn, lstm and gru families on sequences."""

    bidirectional: bool = True
    """Whether it reads from both ends."""


def builder(kind: Kind) -> Callable[[Record, Schema, Task, ModuleType], nn.Module]:
    """`build` of the family of this kind."""

    def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
        """Members for these channels and outputs."""
        form = schema.form
        assert isinstance(config, RecurrentConfig) and isinstance(form, SequenceForm)
        size = VIEWS * len(form.channels)

        def make() -> nn.Module:
            body = Recurrent(
                kind,
                size * config.fold,
                config.hidden_size,
                num_layers=config.num_layers,
                bidirectional=config.bidirectional,
                dropout=config.dropout,
                namespace=layers,
            )
            return RecurrentReader(size, task.output_size, config.fold, config.dropout, body, layers)

        return SequenceNetwork(config.members, make)

    return build


def sizer(kind: Kind) -> Callable[[int, int, Schema, Task], RecurrentConfig]:
    """`defaults` of the family of this kind."""

    def defaults(rows: int, folds: int, schema: Schema, task: Task) -> RecurrentConfig:
        """Settings by the number and length of the sequences."""
        values = sized(rows, schema, COSTS[kind])
        return RecurrentConfig(**values, learning_rate=2e-3)  # type: ignore[bad-argument-type]

    return defaults


def family(kind: Kind, phrase: str) -> Family:
    """The family of this kind."""
    return Family(
        name=kind,
        phrase=phrase,
        config=RecurrentConfig,
        defaults=sizer(kind),
        build=builder(kind),
        phases=phases,
        finish=finish,
        judge=judge,
        fits={"sequence": ("classification", "regression", "multilabel")},
    )


RNN = family("rnn", "recurrent layers with a state alone, read from both ends")
LSTM = family("lstm", "long short-term memories, read from both ends")
GRU = family("gru", "gated recurrent units, read from both ends")
