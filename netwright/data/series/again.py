"""Later tables of series, read as training was."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.data.conform import read_cells
from netwright.data.series.layout import Layout
from netwright.data.series.parting import named
from netwright.data.series.regular import Regular
from netwright.data.series.stamps import Stamps, read_stamps, time_columns
from netwright.data.table import Table


def conformed(schema: Schema, targets: Mapping[str, CellType], raw: Table) -> tuple[Table, Layout, list[Notice]]:
    """The table's cells read as the schema needs them, its layout, and what was odd.

    Raises InputError where a column is missing or most of its cells can't be read.
    """
    form = schema.form
    assert isinstance(form, SeriesForm)
    cells = {column.name: column.cell for column in schema.columns} | dict(targets)
    clock = (
        () if form.time is None else time_columns(form.time, [n for n in cells if n != form.time or n in raw.columns])
    )
    wanted = (*clock, *([form.id] if form.id else []), *form.targets, *form.past, *form.known)
    absent = [name for name in wanted if name not in raw.columns]
    if absent:
        raise InputError(
            f"{raw.name} lacks {len(absent)} of the columns the network was trained on.",
            got=f"columns {', '.join(map(repr, raw.columns[:20]))}" + (" …" if len(raw.columns) > 20 else ""),
            wanted=", ".join(map(repr, absent[:20])) + (" …" if len(absent) > 20 else ""),
            fix="Add the column to the data: a forecast goes on from the values up to now.",
        )
    table, notices = read_cells(raw, {name: cells[name] for name in wanted if name in cells})
    stamps = in_zone(read_stamps(table, raw, form.time), table, form)
    layout = Layout(
        time=form.time,
        id=form.id,
        targets=form.targets,
        past=form.past,
        known=form.known,
        left_out=(),
        stamps=stamps,
        notices=(),
    )
    if stamps.zone != form.zone and form.time is not None:
        what = f"the time stamps are of the zone {stamps.zone or 'none'}, those of training of {form.zone or 'none'}"
        notices.append(Notice(what=what, column=form.time))
    return table, layout, notices


def in_zone(stamps: Stamps, table: Table, form: SeriesForm) -> Stamps:
    """The stamps in UTC where those of training were and these are not: hours and weekdays are then told alike."""
    if form.zone != "UTC" or form.time is None or stamps.zone in (None, "UTC") or stamps.form != "datetime":
        return stamps
    times = table[form.time].dt.epoch("us")  # cells of a zone are read as UTC
    return replace(stamps, times=np.where(times.is_null().to_numpy(), stamps.times, times.fill_null(0).to_numpy()),
                   zone="UTC", local=False)  # fmt: skip


def unknown_series(names: tuple[str, ...]) -> list[Notice]:
    """What is told of series that training did not know."""
    if not names:
        return []
    whose = f"{named(names, 'series')} that training did not know" if names[0] else "the rows have no id of training"
    what = f"{whose}: standardised by the mean and spread of all of their rows given, those judged included"
    return [Notice(what=what, fix="train again with them", serious=True)]


def other_step(series: Regular, form: SeriesForm) -> list[Notice]:
    """A notice where rows lie further from one another than those of training, or closer."""
    if str(series.apart) == form.step:
        return []
    what = f"the rows lie {series.apart} apart, those of training {form.step}"
    if str(series.grid.step) == form.step:
        what += ": rows of one step are brought to their mean, steps without a row are filled as empty cells are"
    return [Notice(what=f"{what}; the forecasts may mean little", fix="give rows of the same step", serious=True)]
