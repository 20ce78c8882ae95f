"""The form of a series and the schema of its columns: measured on the training steps alone."""

from collections.abc import Mapping

import numpy as np

from netwright.core.cells import CellType
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.core.schema import Column, LeftOutColumn, NumberColumn, Schema, TimeColumn, TimePart
from netwright.core.settings import Settings
from netwright.data.series.layout import Layout
from netwright.data.series.parting import Boundaries, named
from netwright.data.series.regular import Regular
from netwright.data.series.season import find_season
from netwright.data.series.stamps import time_columns
from netwright.data.series.step import parts_of
from netwright.data.series.windows import statistics

LONGEST, SHORTEST = 512, 24
"""Steps of the past that a network sees at most, and tries to see at least, where nobody says how many."""


def fit_form(
    series: Regular, layout: Layout, settings: Settings, limits: Boundaries
) -> tuple[SeriesForm, list[Notice]]:
    """The form of these series, and what is told of it."""
    assert settings.horizon is not None
    training = series.positions < limits.validation
    each = [series.values[series.of(s), 0][training[series.of(s)]] for s in range(len(series.ids))]
    each = [one for one in each if len(one)]
    season, why = (
        (settings.season, f"--season {settings.season}") if settings.season else find_season(each, series.grid.step)
    )
    usual = int(np.median([len(one) for one in each])) if each else 0
    window = settings.window or _window(usual, season, settings.horizon)
    words = f"a season has {season:,} steps, {why}" if season > 1 else why
    told = [
        Notice(what=f"a step is {series.grid.step}; {words}", fix="--season"),
        Notice(what=f"{window:,} steps are seen for the {settings.horizon:,} that follow", fix="--window"),
    ]
    measured = statistics(series, training)
    flat = _constant(series, training, layout)
    if flat:
        what = (
            f"{named(flat, 'series')} never changing in the training steps" if flat[0] else "the series never changes"
        )
        told.append(Notice(what=f"{what}: forecast all the same", fix="look at whether it is the right --target"))
    return SeriesForm(
        time=layout.time,
        id=layout.id,
        targets=layout.targets,
        past=layout.past,
        known=layout.known,
        step=str(series.grid.step),
        zone=layout.stamps.zone,
        season=season,
        window=window,
        horizon=settings.horizon,
        series=measured,
    ), told


def _window(steps: int, season: int, horizon: int) -> int:
    """How many steps to see: two seasons and two horizons, within a third of the training steps, in whole seasons.

    One season at least where there is room for it and a horizon.
    """
    found = min(max(2 * season, 2 * horizon, SHORTEST), steps // 3, LONGEST)
    if found < season <= LONGEST and season + horizon <= steps // 2:
        found = season
    return max(1, found - found % season if found > season > 1 else found)


def _constant(series: Regular, training: np.ndarray, layout: Layout) -> list[str]:
    """The names of the series none of whose targets varies in training."""
    found = []
    for which, name in enumerate(series.ids):
        inside = series.of(which)
        values = series.values[inside, : len(layout.targets)][training[inside]]
        known = values[np.isfinite(values).all(axis=1)]
        if len(known) and (known == known[0]).all():
            found.append(name)
    return found


def schema_of(
    form: SeriesForm, layout: Layout, types: Mapping[str, CellType], series: Regular, limits: Boundaries
) -> Schema:
    """The columns but for the targets, those left out too, and the form."""
    training = series.positions < limits.validation
    columns: list[Column] = []
    if form.time is not None:
        longest = max((one.steps for one in form.series), default=1)
        times = series.grid.times(series.positions[training]) / 1e6
        columns.append(_time(form, types, times, parts_of(series.grid.step, longest)))
        clock = time_columns(form.time, list(types))
        columns += [_left(name, types, "part of the time stamp") for name in clock if name != form.time]
    if form.id is not None:
        why = "says which series a row belongs to"
        columns.append(LeftOutColumn(name=form.id, cell=types[form.id], kind="id", why=why))
    for i, name in enumerate(layout.numbers[len(form.targets) :], start=len(form.targets)):
        why = "a number known in advance" if name in form.known else "a number known up to now"
        columns.append(_number(name, types[name], series.values[training, i], why))
    columns += [_left(name, types, why) for name, why in layout.left_out]
    return Schema(columns=tuple(columns), form=form)


def _left(name: str, types: Mapping[str, CellType], why: str) -> LeftOutColumn:
    return LeftOutColumn(name=name, cell=types[name], kind="left out", why=why)


def _time(
    form: SeriesForm, types: Mapping[str, CellType], seconds: np.ndarray, parts: tuple[TimePart, ...]
) -> TimeColumn:
    assert form.time is not None
    span = float(seconds.max() - seconds.min()) / 2 if len(seconds) else 0.0
    return TimeColumn(
        name=form.time,
        cell=types.get(form.time, CellType(kind="datetime")),
        why=f"orders the rows; a step is {form.step}",
        center=float(np.median(seconds)) if len(seconds) else 0.0,
        scale=span or 1.0,
        lowest=float(seconds.min()) if len(seconds) else 0.0,
        highest=float(seconds.max()) if len(seconds) else 0.0,
        parts=parts,
    )


def _number(name: str, cell: CellType, values: np.ndarray, why: str) -> NumberColumn:
    known = values[np.isfinite(values)]
    center, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
    return NumberColumn(
        name=name,
        cell=cell,
        why=why,
        missing=len(values) - len(known),
        center=center,
        scale=spread if np.isfinite(spread) and spread > 0 else 1.0,
        lowest=float(known.min()) if len(known) else 0.0,
        highest=float(known.max()) if len(known) else 0.0,
    )


def parts_in(schema: Schema) -> tuple[TimePart, ...]:
    """The parts of the calendar that a network for this schema is fed."""
    return tuple(part for column in schema.columns if isinstance(column, TimeColumn) for part in column.parts)
