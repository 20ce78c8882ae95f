"""The first half of a run on series: rows become steps on a grid, split by time, and windows of them.

S series, M steps of all of them, N windows, one from each step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from netwright.api.rows import Rows, Sources
from netwright.api.session import Watch, nobody
from netwright.artifact.predictor import Predictor
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import forced_types
from netwright.data.series.again import conformed, other_step, unknown_series
from netwright.data.series.clock import shown_times, zoned
from netwright.data.series.enough import too_short, untrainable, windows_checked
from netwright.data.series.form import fit_form, parts_in, schema_of
from netwright.data.series.gaps import gap_notices
from netwright.data.series.layout import Layout, find_layout, without_change, without_use
from netwright.data.series.parting import Boundaries, boundaries, long_enough, named, split_windows, trimmed
from netwright.data.series.regular import Regular, regular
from netwright.data.series.stamps import NONE
from netwright.data.series.step import parse_step
from netwright.data.series.windows import observed, starts_of, steps_of, windows, with_unknown
from netwright.data.sources.read import read
from netwright.data.split import Split
from netwright.data.table import Table, series_of, table_of
from netwright.families.family import VALIDATION_SHARE, Family
from netwright.tasks import Forecasting

FEWEST_TRAINING = 4
"""Training steps with a value that a series must have, for its mean and spread to be known."""


def gather_series(sources: Sources, settings: Settings, family: Family, watch: Watch = nobody) -> Rows:
    """Read, lay the rows on a grid of steps, split by time alone, then measure the training steps and cut windows.

    Raises InputError for anything that can't be foretold, naming the file, the column and the mend.
    """
    family.configured(settings.config)
    if settings.horizon is None:
        raise InputError(
            "How many steps are to be foretold?",
            got="no --horizon",
            wanted="the number of steps after the last one that a forecast goes on for",
            fix="For example --horizon 12.",
        )
    table, layout, given, types, notices = _read(sources, settings)
    whole = regular(table, layout, numbers=given.numbers)
    notices += [*layout.notices, *whole.notices]
    whole, odd = trimmed(whole, len(layout.targets))
    limits = boundaries(
        whole,
        len(layout.targets),
        settings.horizon,
        test_share=settings.held_out(),
        validation_share=VALIDATION_SHARE,
        starts=_starts(whole, layout, given),
    )
    layout, whole, useless = _useful(layout, whole, limits)
    form, why = fit_form(whole, layout, settings, limits)
    whole, short = _kept(whole, form, limits)
    kept = set(whole.ids)
    form = form.model_copy(update={"series": tuple(one for one in form.series if one.id in kept)})
    notices += [*odd, *useless, *why, *short]
    notices += gap_notices(whole.values, whole.row, whole.starts, layout.numbers)
    schema = schema_of(form, layout, types, whole, limits)
    return _rows(whole, layout, schema, {name: types[name] for name in layout.targets}, settings, limits, notices)


def series_rows(predictor: Predictor, source: object, *, query: str | None = None) -> Rows:
    """Every window of new data, all of them to be judged. Raises InputError where there is none."""
    task, schema, raw = predictor.task, predictor.schema, read(source, query=query)
    form = schema.form
    assert isinstance(task, Forecasting) and isinstance(form, SeriesForm)
    table, layout, notices = conformed(schema, dict(zip(task.targets, task.cells, strict=True)), raw)
    whole = regular(table, layout, step=parse_step(form.step))
    notices += [*raw.notices, *whole.notices, *other_step(whole, form)]
    whole, odd = trimmed(whole, len(form.targets))
    good, short = long_enough(whole, form.window + form.horizon, np.ones(whole.steps, dtype=bool), 1)
    if not good.any():
        raise too_short(whole, form, "to be judged", form.window + form.horizon, "Give more rows.")
    if short:
        odd.append(Notice(what=f"{named(short, 'series')} too short for a window and a horizon: left out"))
    whole = whole.select(good[whole.series])
    form, unknown = with_unknown(form, whole)
    notices += [*odd, *unknown_series(unknown), *gap_notices(whole.values, whole.row, whole.starts, layout.numbers)]
    steps = steps_of(form, whole, parts_in(schema), shown(whole, layout))
    encoded, target = windows(form, steps)
    starts = starts_of(form, whole)
    held = starts[observed(form, steps.target, starts)]
    return Rows(
        table=grid_table(whole, layout),
        numbers=whole.row[form.window : form.window + len(target)],
        task=task,
        task_why="",
        schema=schema.model_copy(update={"form": form}),
        split=Split(training=held[:0], folds=(), test=held, reason="every window is judged"),
        encoded=encoded,
        target=target,
        notices=tuple(notices),
    )


def grid_table(series: Regular, layout: Layout) -> Table:
    """(M) the steps as a table: their times, the series they belong to, and the numbers, empty where not observed."""
    times = series.grid.times(series.positions)
    columns = [series_of(layout.time or "step", times)]
    if layout.time is not None and series.grid.step.unit != "i":
        columns = [zoned(times, layout.stamps.zone, local=layout.stamps.local, name=layout.time)]
    if layout.id is not None:
        columns.append(series_of(layout.id, [series.ids[i] for i in series.series]))
    columns += [series_of(name, series.values[:, i]).fill_nan(None) for i, name in enumerate(layout.numbers)]
    return table_of(columns, "series")


def shown(series: Regular, layout: Layout) -> np.ndarray:
    """(M,) what clocks show at each step."""
    return shown_times(series.grid.times(series.positions), layout.stamps.zone, local=layout.stamps.local)


@dataclass(frozen=True, kw_only=True)
class Given:
    """Of each row (N,) its number in its own file, and which file: 0 training, 1 validation, 2 test."""

    numbers: np.ndarray
    role: np.ndarray


def _read(sources: Sources, settings: Settings) -> tuple[Table, Layout, Given, dict[str, CellType], list[Notice]]:
    """One table of all files, its cells read, and its layout."""
    raw = read(sources.training, query=settings.query)
    types, notices = infer_types(raw)
    types = forced_types(types, settings.kinds)
    notices = [*raw.notices, *notices]
    role, numbers = [np.zeros(raw.rows, dtype=np.int64)], [np.arange(1, raw.rows + 1)]
    for i, (name, source) in enumerate((("validation", sources.validation), ("test", sources.test)), start=1):
        if source is None:
            continue
        other = read(source)
        absent = [column for column in raw.columns if column not in other.columns]
        if absent:
            raise InputError(
                f"The {name} file lacks columns of the training file.",
                got=f"{other.name} without {', '.join(map(repr, absent[:10]))}",
                wanted="the same columns",
                fix=f"Add them to the file given as --{name}.",
            )
        raw = raw.beneath(other)
        notices += other.notices
        role.append(np.full(other.rows, i))
        numbers.append(np.arange(1, other.rows + 1))
    table, unreadable = read_cells(raw, types)
    layout = find_layout(table, raw, types, settings)
    given = Given(numbers=np.concatenate(numbers), role=np.concatenate(role))
    return table, layout, given, types, [*notices, *unreadable]


def _starts(series: Regular, layout: Layout, given: Given) -> dict[str, int]:
    """The first position of each file that was given beside the training rows. Raises InputError where they overlap."""
    found: dict[str, int] = {}
    if not given.role.any():
        return found
    if layout.time is None:
        raise InputError(
            "Rows without time stamps can't be continued by a further file.",
            got="--validation or --test, and no time column",
            wanted="a column of time stamps, which says what follows what",
            fix="Add a time column, or put all rows into one file and give --test-share.",
        )
    there = layout.stamps.times != NONE
    position = np.where(there, series.grid.positions(np.where(there, layout.stamps.times, 0)), 0)
    reached, before = int(position[there & (given.role == 0)].max()), "training"
    for i, role in ((1, "validation"), (2, "test")):
        own = position[there & (given.role == i)]
        if not len(own):
            continue
        if own.min() <= reached:
            raise InputError(
                f"The {role} file does not continue the {before} rows.",
                got=f"its rows begin {reached - int(own.min()) + 1:,} step(s) before the {before} rows end",
                wanted="training, validation and test rows one after another in time",
                fix=f"Leave the rows out of the file given as --{role} that are no later.",
            )
        found[role], reached, before = int(own.min()), int(own.max()), role
    return found


def _useful(layout: Layout, series: Regular, limits: Boundaries) -> tuple[Layout, Regular, list[Notice]]:
    """Without the columns that say nothing in training, known in advance or up to now."""
    training = series.positions < limits.validation
    columns = {name: series.values[training, i] for i, name in enumerate(layout.numbers)}
    useless = without_use({name: columns[name] for name in layout.past})
    # what counts the rows may well be known in advance on purpose
    blank = {name: why for name in layout.known if (why := without_change(columns[name]))}
    told = []
    for found, fix in ((useless, ""), (blank, "what never varied can't be learned from; leave it out of --known")):
        words = ", ".join(f"{name!r} ({why})" for name, why in list(found.items())[:8])
        if found:
            told.append(Notice(what=f"{len(found)} column(s) are left out: {words}", fix=fix, serious=found is blank))
    out = useless | blank
    if not out:
        return layout, series, []
    kept = [i for i, name in enumerate(layout.numbers) if name not in out]
    past, known = (tuple(name for name in names if name not in out) for names in (layout.past, layout.known))
    layout = replace(layout, past=past, known=known, left_out=(*layout.left_out, *out.items()))
    return layout, series.columns(kept), told


def _kept(series: Regular, form: SeriesForm, limits: Boundaries) -> tuple[Regular, list[Notice]]:
    """The series that are long enough, and what is told of the others."""
    steps = form.window + form.horizon
    training = (series.positions < limits.validation) & np.isfinite(series.values[:, : len(form.targets)]).any(axis=1)
    good, short = long_enough(series, steps, training, FEWEST_TRAINING)
    if not good.any():
        raise untrainable(series, form, limits)
    told = []
    if short:
        what = (
            f"{named(short, 'series')} left out: shorter than {form.window} + {form.horizon} steps, or with fewer than "
            f"{FEWEST_TRAINING} values in the training steps"
        )
        told.append(Notice(what=what, fix="a smaller --window or --horizon uses them", column=form.id))
    return series.select(good[series.series]), told


def _rows(
    series: Regular,
    layout: Layout,
    schema: Schema,
    cells: Mapping[str, CellType],
    settings: Settings,
    limits: Boundaries,
    notices: list[Notice],
) -> Rows:
    """Windows of the steps, and the task."""
    form = schema.form
    assert isinstance(form, SeriesForm)
    steps = steps_of(form, series, parts_in(schema), shown(series, layout))
    encoded, target = windows(form, steps)
    starts = starts_of(form, series)
    starts = starts[observed(form, steps.target, starts)]
    split = split_windows(series, limits, starts, window=form.window, horizon=form.horizon)
    notices += windows_checked(split, series, form, limits)
    task = Forecasting.fit(
        {name: series.values[:, i] for i, name in enumerate(form.targets)},
        cells,
        np.flatnonzero(series.positions < limits.validation),
        horizon=form.horizon,
        quantiles=settings.quantiles,
        step=form.step,
    )
    return Rows(
        table=grid_table(series, layout),
        numbers=series.row[form.window : form.window + len(target)],
        task=task,
        task_why="because --horizon is given",
        schema=schema,
        split=split,
        encoded=encoded,
        target=target,
        notices=tuple(notices),
    )
