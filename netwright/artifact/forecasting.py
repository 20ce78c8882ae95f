"""Forecasts that go on from the end of the data that is given.

S series, H steps of the horizon, T targets, Q quantiles.
"""

from typing import Protocol

import numpy as np
import torch
from torch import nn

from netwright.core.arrays import chunks
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.data.series.again import conformed, other_step
from netwright.data.series.ahead import look_ahead
from netwright.data.series.form import parts_in
from netwright.data.series.regular import regular
from netwright.data.series.step import parse_step
from netwright.data.series.writing import stamps_written
from netwright.data.table import Table, series_of, table_of
from netwright.tasks import Forecasting, Task


class Trained(Protocol):
    """A network, what is asked of it, and what turns raw rows into its inputs: a `Predictor` is one."""

    @property
    def module(self) -> nn.Module:
        """The network."""
        ...

    @property
    def task(self) -> Task:
        """What is asked of it."""
        ...

    @property
    def schema(self) -> Schema:
        """The columns, and the form of the series."""
        ...


def forecast(predictor: Trained, table: Table) -> tuple[Table, list[Notice]]:
    """The next H steps of each series, (S · H) rows in the order in which the series first appear, and what was odd.

    The columns are the time stamps, written as those of the table are, the id where there is one, and what the task
    gives: the forecast, then its quantiles. Rows at the end without a target say what is known in advance. Without
    time stamps a column `step` counts from 1. Raises InputError where the table lacks a column, and where there is no
    series to go on from.
    """
    task, schema = predictor.task, predictor.schema
    form = schema.form
    assert isinstance(task, Forecasting) and isinstance(form, SeriesForm)
    read, layout, notices = conformed(schema, dict(zip(task.targets, task.cells, strict=True)), table)
    whole = regular(read, layout, step=parse_step(form.step))
    ahead = look_ahead(whole, form, layout, parts_in(schema))
    notices += [*whole.notices, *other_step(whole, form), *ahead.notices]
    outputs = task.predictions(_outputs(predictor, ahead.past, ahead.known))
    found = outputs * ahead.scale[:, None, :, None] + ahead.center[:, None, :, None]
    times = np.tile(np.arange(1, form.horizon + 1), len(ahead.ids)) if form.time is None else ahead.times.ravel()
    cell = next((column.cell for column in schema.columns if column.name == form.time), None)
    columns = stamps_written(times, layout, table, cell)
    if form.id is not None:
        names = series_of(form.id, np.repeat(np.asarray(ahead.ids, dtype=object), form.horizon).tolist())
        columns.append(names if read[form.id].dtype == names.dtype else names.cast(table[form.id].dtype, strict=False))
    taken = {column.name for column in columns}
    for name, values in task.columns(found.reshape(-1, *found.shape[2:])).items():
        while name in taken:
            name += "_"
        columns.append(series_of(name, np.ascontiguousarray(values)))
    return table_of(columns, f"forecast of {table.name}"), notices


def _outputs(predictor: Trained, past: np.ndarray, known: np.ndarray) -> torch.Tensor:
    """(S, H, T, Q) standardised, on the CPU."""
    module = predictor.module
    device = next((x.device for x in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    module.eval()
    with torch.inference_mode():
        return torch.cat([module(*(x.to(device) for x in chunk)).cpu() for chunk in chunks((past, known))])
