"""What every family gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated

from pydantic import Field, ValidationError
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.errors import InputError
from netwright.core.phase import Phase, Share
from netwright.core.record import Record
from netwright.core.schema import DataKind, Schema
from netwright.tasks import Task

VALIDATION_SHARE = 0.15
"""Share of the rows that validate where they are not divided into folds."""
Count = Annotated[int, Field(ge=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Penalty = Annotated[float, Field(ge=0)]
SUPERVISED = ("regression", "classification", "multilabel")
"""The kinds of task that have a target to be learned."""


class Training(Record):
    """The dials of training by epochs, part of the settings of every family that has phases."""

    epochs: Count = 100
    """At most this many passes over the training rows."""
    patience: int = Field(default=16, ge=0)
    """Epochs without a better validation loss after which training stops."""
    batch_size: Count = 256
    """Rows a step."""
    learning_rate: float = Field(default=1e-3, gt=0)


@dataclass(frozen=True, kw_only=True)
class Family:
    """`defaults(rows, folds, schema, task)` are settings for a size; `build(config, schema, task, layers)` the module.

    The module is called with what `data.encode.Encoded.inputs` holds: numbers (B, F) and categories (B, C), pictures
    (B, C, H, W) uint8, or what the records of `core.forms` say. `fits` says which kinds of task it takes on which kind
    of data, the one it is best at first. A name may stand for several families, each for other kinds of data.

    `prepare(module, config, task, training, validation)`, where given, sets what is measured on training rows before
    the phases run: a closed-form fit, quantile bins, principal components. `finish`, of the same form, sets what can
    be measured only once the weights stand: thresholds, spreads. Of pictures both see a sample.

    `phases(module, config, task, steps, spent)`, where given, are what the engine runs: `steps` is the number of
    updates if no one stops early, `spent()` the share of the time limit that has gone, for schedules that must end with
    it. `share` is what the phases of one step have in common. `judge(module, config, task, batch)` is the loss of each
    row, (B,) or (B, K), by which weights are chosen; by default it is the task's. `watched`, of the same form, gives
    figures instead where no loss tells good weights from bad: the last ones are then kept. `warning(figures)` says in
    words what of them a person should worry about, or "".

    `folds(rows, asked)` says how many validation folds the rows are divided into, given what a person asked for, and
    the share of the rows each has: one, or one a member. `most_pixels` is the longest side of the pictures it is fed,
    `window` how many tokens of a text it sees before the one it foretells, `dimensions(schema)` the size of a reduction
    where none is asked for.

    `apart(config, schema)`, where given, are files written beside the artifact's own, in a folder named like the module
    that holds the weights kept with them: other tools then read that part of the network back.
    """

    name: str
    phrase: str
    config: type[Record]
    defaults: Callable[[int, int, Schema, Task], Record]
    build: Callable[[Record, Schema, Task, ModuleType], nn.Module]
    prepare: Callable[[nn.Module, Record, Task, Batch, Batch], None] | None = None
    phases: Callable[[nn.Module, Record, Task, int, Callable[[], float]], Sequence[Phase]] | None = None
    folds: Callable[[int, Mapping[str, object]], tuple[int, float]] = lambda rows, asked: (1, VALIDATION_SHARE)
    fits: Mapping[DataKind, tuple[str, ...]] = field(default_factory=lambda: {"table": SUPERVISED})
    finish: Callable[[nn.Module, Record, Task, Batch, Batch], None] | None = None
    share: Share | None = None
    judge: Callable[[nn.Module, Record, Task, Batch], Tensor] | None = None
    watched: Callable[[nn.Module, Record, Task, Batch], dict[str, float]] | None = None
    warning: Callable[[Mapping[str, float]], str] = lambda figures: ""
    dimensions: Callable[[Schema], int] = lambda schema: 2
    most_pixels: int = 64
    window: int = 256
    apart: tuple[str, Callable[[Record, Schema], Mapping[str, bytes]]] | None = None

    def configured(self, values: Mapping[str, object]) -> Record:
        """The family's settings with these values. Raises InputError for a name it does not have or a bad value."""
        try:
            return self.config.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "the settings together"
            raise InputError(
                f"The family {self.name!r} does not take this setting.",
                got=f"{name} = {first.get('input')!r}: {first['msg']}",
                wanted=f"one of {', '.join(self.config.model_fields)}, with a value of its type",
                fix=f"Correct {name} or leave it out; --dry-run shows the values that would be used.",
            ) from None
