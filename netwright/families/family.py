"""What every family gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from torch import nn

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.tasks import Task

VALIDATION_SHARE = 0.15
"""Share of the rows that validate where they are not divided into folds."""


class Training(Record):
    """The dials of training by epochs, part of the settings of every family that has phases."""

    epochs: int = 100
    """At most this many passes over the training rows."""
    patience: int = 16
    """Epochs without a better validation loss after which training stops."""
    batch_size: int = 256
    """Rows a step."""
    learning_rate: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class Family:
    """`defaults(rows, schema, task)` are settings that suit a size; `build(config, schema, task, layers)` the module.

    `prepare(module, config, task, training, validation)`, where given, sets what is measured on training rows before
    the phases run: a closed-form fit, quantile bins, biases. `phases(module, config, task, steps, spent)`, where given,
    are what the engine runs: `steps` is the number of updates if no one stops early, `spent()` the share of the time
    limit that has gone, for schedules that must end with it. `folds(rows, asked)` says how many validation folds the
    rows are divided into, given what a person asked for, and the share of the rows each has: one, or one a member.
    """

    name: str
    phrase: str
    config: type[Record]
    defaults: Callable[[int, Schema, Task], Record]
    build: Callable[[Record, Schema, Task, ModuleType], nn.Module]
    prepare: Callable[[nn.Module, Record, Task, Batch, Batch], None] | None = None
    phases: Callable[[nn.Module, Record, Task, int, Callable[[], float]], Sequence[Phase]] | None = None
    folds: Callable[[int, Mapping[str, object]], tuple[int, float]] = lambda rows, asked: (1, VALIDATION_SHARE)
