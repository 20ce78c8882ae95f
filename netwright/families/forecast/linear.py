"""The linear family for series: one linear map from the window to the horizon, fitted in closed form."""

from types import ModuleType

from torch import nn

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family, Penalty
from netwright.families.forecast.fed import form_of, known_ahead
from netwright.families.forecast.line import LinearMap
from netwright.families.forecast.naive import Banded
from netwright.tasks import Forecasting, Task


class LineConfig(Record):
    """Settings of the linear family for series."""

    penalty: Penalty | None = None
    """L2 penalty in units of the mean eigenvalue of the windows' products; None finds it on windows held out."""


def linear_map(schema: Schema, task: Forecasting) -> LinearMap:
    """The map for these windows."""
    form = form_of(schema)
    return LinearMap(form.window, task.horizon, len(task.targets), known_ahead(schema), form.season)


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The map and its quantiles."""
    assert isinstance(task, Forecasting)
    return Banded(linear_map(schema, task), task)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Fit the map, then the quantiles to the errors it makes on validation windows, then the map to these as well."""
    assert isinstance(module, Banded) and isinstance(module.point, LinearMap) and isinstance(config, LineConfig)
    module.point.fit(training, validation, penalty=config.penalty)
    module.measure(training, validation)
    module.point.refit(training, validation)


FAMILY = Family(
    name="linear",
    phrase="a linear map from the last values to the next, fitted in closed form",
    config=LineConfig,
    defaults=lambda rows, folds, schema, task: LineConfig(),
    build=build,
    prepare=prepare,
    fits={"series": ("forecasting",)},
)
