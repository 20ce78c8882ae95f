"""What a forecast goes on from: the last steps of each series, and what is known of the steps to come.

S series, L steps of a window, H of the horizon, V numbers a step, K known in advance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from netwright.core.errors import InputError
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.core.schema import TimePart
from netwright.data.series.again import unknown_series
from netwright.data.series.clock import shown_times
from netwright.data.series.gaps import gap_notices
from netwright.data.series.layout import Layout
from netwright.data.series.moments import time_words
from netwright.data.series.parting import named
from netwright.data.series.regular import Regular
from netwright.data.series.windows import steps_of, with_unknown

FEWEST = 8
"""Steps that a series must have, or a season of them, or a window where that is shorter."""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """`past` (S, L, V) and `known` (S, L + H, K) as the network is fed them; `times` (S, H) of the steps to come;
    `center` and `scale` (S, T) of the targets; the names of the series.
    """

    past: np.ndarray
    known: np.ndarray
    times: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    ids: tuple[str, ...]
    notices: tuple[Notice, ...]


def look_ahead(series: Regular, form: SeriesForm, layout: Layout, parts: Sequence[TimePart]) -> Ahead:
    """The end of each series and the steps that follow it.

    A series ends with the last step at which a target was observed; steps behind it say what is known in advance. One
    that has fewer steps than a window is led by its first season, repeated. Raises InputError where every series is too
    short, or none has a value.
    """
    ends = _ends(series, len(form.targets))
    fewest = min(form.window, max(FEWEST, form.season))
    good, told = _good(series, form, ends, fewest)
    longer = _extended(series, form.horizon, ends, good)
    form, unknown = with_unknown(form, longer)
    told += unknown_series(unknown) + _lacking(longer, form) + _gaps(longer, form, layout)
    times = longer.grid.times(longer.positions)
    steps = steps_of(form, longer, parts, shown_times(times, layout.stamps.zone, local=layout.stamps.local))
    past, known = [], []
    for which in range(len(longer.ids)):
        inside = longer.of(which)
        count = inside.stop - inside.start - form.horizon
        back = _back(count, form.window, form.season)
        past.append(steps.past[inside][back])
        # the calendar of the steps before the first is that of a season later
        known.append(steps.ahead[inside][np.concatenate([back, np.arange(count, count + form.horizon)])])
    statistics = {one.id: one for one in form.series}
    targets = len(form.targets)
    return Ahead(
        past=np.stack(past),
        known=np.stack(known),
        times=np.stack([times[longer.of(s)][-form.horizon :] for s in range(len(longer.ids))]),
        center=np.asarray([statistics[name].center[:targets] for name in longer.ids]),
        scale=np.asarray([statistics[name].scale[:targets] for name in longer.ids]),
        ids=longer.ids,
        notices=tuple(told),
    )


def _ends(series: Regular, targets: int) -> np.ndarray:
    """(S,) how many steps each series has up to the last at which a target was observed."""
    known = series.known(targets)
    last = [np.flatnonzero(known[series.of(s)])[-1:] for s in range(len(series.ids))]
    return np.asarray([int(one[0]) + 1 if len(one) else 0 for one in last])


def _good(series: Regular, form: SeriesForm, ends: np.ndarray, fewest: int) -> tuple[np.ndarray, list[Notice]]:
    """(S,) which series can be foretold, and what is told of them."""
    good = ends >= fewest
    short = [series.ids[i] for i in np.flatnonzero(~good)]
    if not good.any():
        raise InputError(
            "The series is too short to be foretold." if len(short) == 1 else "Every series is too short.",
            got=f"{int(ends.max()):,} step(s) with a value of the target at the end",
            wanted=f"{fewest:,} or more; {form.window:,} are seen where they are there",
            fix="Give more of what came before.",
        )
    told = []
    if short:
        what = f"{named(short, 'series')} left out: fewer than {fewest:,} steps up to the last value of the target"
        told.append(Notice(what=what, fix="give more of what came before", column=form.id, serious=True))
    led = [series.ids[i] for i in np.flatnonzero(good & (ends < form.window))]
    if led:
        what = (
            f"{named(led, 'series') if form.id else 'the series'} shorter than the {form.window:,} steps that are seen"
        )
        told.append(Notice(what=f"{what}: the first season is repeated before it", fix="give more of what came before"))
    behind = np.diff(series.starts) - ends
    if not form.known and (behind[good] > 0).any():
        what = f"{int(behind[good].sum()):,} step(s) at the end have no target: the forecast begins with them"
        told.append(Notice(what=what, column=form.targets[0]))
    return good, told


def _extended(series: Regular, horizon: int, ends: np.ndarray, good: np.ndarray) -> Regular:
    """Each good series up to its end and the horizon behind it, what is not there being NaN."""
    values, rows, lengths = [], [], []
    for which in np.flatnonzero(good).tolist():
        inside = series.of(which)
        upto = min(int(ends[which]) + horizon, inside.stop - inside.start)
        lack = int(ends[which]) + horizon - upto
        own = series.values[inside][:upto]
        values += [own, np.full((lack, own.shape[1]), np.nan)]
        rows += [series.row[inside][:upto], np.zeros(lack, dtype=np.int64)]
        lengths.append(upto + lack)
    return replace(
        series,
        ids=tuple(series.ids[i] for i in np.flatnonzero(good)),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        first=series.first[good],
        values=np.concatenate(values),
        row=np.concatenate(rows),
    )


def _gaps(series: Regular, form: SeriesForm, layout: Layout) -> list[Notice]:
    """What is told of empty cells before the forecast begins."""
    row = series.row.copy()
    for end in series.starts[1:]:
        row[end - form.horizon : end] = 0
    return gap_notices(series.values, row, series.starts, layout.numbers)


def _lacking(series: Regular, form: SeriesForm) -> list[Notice]:
    """What is told of steps to come at which nothing is known in advance."""
    if not form.known:
        return []
    first = len(form.targets) + len(form.past)
    lacking, moment = 0, ""
    for which in range(len(series.ids)):
        inside = slice(series.of(which).stop - form.horizon, series.of(which).stop)
        empty = np.isnan(series.values[inside, first:]).any(axis=1)
        if empty.any() and not lacking:
            position = int(series.positions[inside][empty.argmax()])
            moment = time_words(series.grid, int(series.grid.times(np.asarray([position]))[0]))
        lacking += int(empty.sum())
    if not lacking:
        return []
    what = (
        f"{lacking:,} of the {form.horizon * len(series.ids):,} steps to come lack values of {', '.join(form.known)} "
        f"(first: {moment}): what was known before stands in"
    )
    fix = "add rows for these steps, with the target left empty"
    return [Notice(what=what, fix=fix, column=form.known[0], serious=True)]


def _back(count: int, window: int, season: int) -> np.ndarray:
    """(L,) the last steps of `count`; those before the first are of the first season, in step with it."""
    places = np.arange(count - window, count)
    period = season if season <= count else 1
    return np.where(places < 0, places % period, places)
