"""Forecasts over what came, their error by step, and what a blend is made of.

k steps of the past, H of the horizon.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netwright.evaluate.format import number, shorten
from netwright.evaluate.plots.axes import Scale, at, label, legend, line, polyline, svg, widen, x_axis, y_axis
from netwright.evaluate.plots.dates import date_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 320, 72, 700, 60, 270
MOST_POINTS = 500
"""Points of a line that are drawn at most."""
COLOURS = ("second", "accent", "c2", "c4", "c9", "c6")
FAR = 1e150


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """One forecast of one target: `past` (k,) before it, what came and what was foretold (H,), all in its unit.

    Times are microseconds since 1970 as clocks show them, or steps. `low` and `high` bound the interval that is to hold
    a share of `inside`, in words; None for none.
    """

    name: str
    past_times: np.ndarray
    past: np.ndarray
    times: np.ndarray
    truth: np.ndarray
    middle: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    inside: str


def over_truth(drawn: Foretold, *, dated: bool) -> str:
    """What came before and what came, and over it the forecast with its interval; "" where there is nothing to draw."""
    bounds = [edge for edge in (drawn.low, drawn.high) if edge is not None]
    every = np.concatenate([drawn.past, drawn.truth, drawn.middle, *bounds])
    every = every[np.isfinite(every) & (np.abs(every) < FAR)]
    if not len(every) or not len(drawn.middle):
        return ""
    low, high = widen(float(every.min()), float(every.max()))
    first = drawn.past_times[0] if len(drawn.past_times) else drawn.times[0]
    last = drawn.times[-1] if drawn.times[-1] > first else first + 1
    across, up = Scale(float(first), float(last), LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    times = np.concatenate([drawn.past_times, drawn.times])
    truth = np.concatenate([drawn.past, drawn.truth])
    entries = [("what came", "accent"), ("forecast", "second")]
    share = f", the band is to hold {drawn.inside} of what comes" if bounds else ""
    begin = across(float(drawn.times[0]))
    return svg(
        WIDTH,
        HEIGHT,
        f"A forecast of {len(drawn.middle):,} steps of {drawn.name} over what came{share}",
        [
            y_axis(up, LEFT, RIGHT, drawn.name),
            date_axis(across, BOTTOM) if dated else x_axis(across, BOTTOM, "step"),
            _band(across, up, drawn),
            line(begin, TOP - 8, begin, BOTTOM, "mark"),
            *_lines(across, up, times, truth, "accent"),
            *_lines(across, up, drawn.times, drawn.middle, "second"),
            legend(LEFT, 16, entries),
            label(RIGHT, 16, f"band: {drawn.inside} interval" if bounds else "", anchor="end"),
        ],
    )


def by_step(errors: Mapping[str, np.ndarray], what: str) -> str:
    """The error (H,) of each forecaster by step ahead; "" where there is nothing to draw."""
    shown = {name: values for name, values in list(errors.items())[: len(COLOURS)] if np.isfinite(values).any()}
    if not shown or len(next(iter(shown.values()))) < 2:
        return ""
    every = np.concatenate(list(shown.values()))
    every = every[np.isfinite(every)]
    steps = np.arange(1, len(next(iter(shown.values()))) + 1)
    across = Scale(1, len(steps), LEFT, RIGHT)
    up = Scale(0, (float(every.max()) or 1.0) * 1.05, BOTTOM, TOP + 20)
    colours = list(zip(shown, COLOURS, strict=False))
    rows = [colours[i : i + 4] for i in range(0, len(colours), 4)]
    means = {name: float(np.nanmean(values)) for name, values in shown.items()}
    best = min(means, key=lambda name: means[name])
    return svg(
        WIDTH,
        HEIGHT,
        f"The {what} by step ahead; in the mean {shorten(best, 40)} has the least, {number(means[best])}",
        [
            y_axis(up, LEFT, RIGHT, what),
            x_axis(across, BOTTOM, "steps ahead", about=8),
            *(piece for name, css in reversed(colours) for piece in _lines(across, up, steps, shown[name], css)),
            *(legend(LEFT, 16 + 18 * i, [(shorten(name, 30), css) for name, css in row]) for i, row in enumerate(rows)),
        ],
    )


def shares(weights: np.ndarray, names: Sequence[str]) -> str:
    """The weight of each part of a blend, (H, parts), by step ahead: one band above the other, as they sum to one."""
    if not weights.size or not np.isfinite(weights).all():
        return ""
    across = Scale(1, max(2, len(weights)), LEFT, RIGHT)
    up = Scale(0, max(1.0, float(weights.sum(1).max())), BOTTOM, TOP)
    over = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(np.clip(weights, 0, None), axis=1)], axis=1)
    if len(weights) == 1:
        over = np.repeat(over, 2, axis=0)
    steps = np.arange(1, len(over) + 1)
    bands = [
        f'<polygon points="{_outline(across, up, steps, over[:, i], over[:, i + 1])}" class="c{i + 1}" '
        'fill="currentColor" fill-opacity="0.35"/>'
        for i in range(len(names))
    ]
    means = ", ".join(f"{shorten(name, 30)} {share:.0%}" for name, share in zip(names, weights.mean(0), strict=True))
    entries = [(shorten(name, 30), f"c{i + 1}") for i, name in enumerate(names)]
    return svg(
        WIDTH,
        HEIGHT,
        f"What the forecast is made of, by step ahead; in the mean {means}",
        [
            y_axis(up, LEFT, RIGHT, "share"),
            x_axis(across, BOTTOM, "steps ahead", about=8),
            *bands,
            legend(LEFT, 16, entries),
        ],
    )


def _outline(across: Scale, up: Scale, steps: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    kept = thin(len(steps))
    there = [(steps[i], high[i]) for i in kept] + [(steps[i], low[i]) for i in kept[::-1]]
    return " ".join(f"{at(across(float(x)))},{at(up(float(y)))}" for x, y in there)


def _band(across: Scale, up: Scale, drawn: Foretold) -> str:
    if drawn.low is None or drawn.high is None or not (np.isfinite(drawn.low) & np.isfinite(drawn.high)).all():
        return ""
    low, high = np.clip(drawn.low, up.low, up.high), np.clip(drawn.high, up.low, up.high)
    return f'<polygon points="{_outline(across, up, drawn.times, low, high)}" class="band"/>'


def _lines(across: Scale, up: Scale, times: np.ndarray, values: np.ndarray, css: str) -> Iterable[str]:
    """The line, broken where there is no value; a value between two gaps is a dot."""
    run: list[tuple[float, float]] = []
    for i in [*thin(len(times)), -1]:
        value = values[i] if i >= 0 else np.nan
        if np.isfinite(value) and abs(value) < FAR:
            run.append((across(float(times[i])), up(float(value))))
            continue
        if len(run) > 1:
            yield polyline(run, css)
        elif run:
            yield polyline([run[0], (run[0][0] + 0.1, run[0][1])], css)
        run = []


def thin(count: int) -> list[int]:
    """At most about `MOST_POINTS` of so many places, evenly spread, the last among them."""
    stride = max(1, -(-count // MOST_POINTS))
    return sorted({*range(0, count, stride), *([count - 1] if count else [])})
