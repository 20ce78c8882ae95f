"""Sequences a network errs on, each beside what is usual.

T steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from netwright.evaluate.format import shorten
from netwright.evaluate.plots.axes import Scale, label, polyline, svg, widen, x_axis, y_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 214, 56, 328, 44, 168
POINTS = 300
"""Of a line; more are thinned out, the least and the greatest of each stretch being kept."""
COLOURS = ("accent", "c2", "second")
MOST = 12
NARROW = 340
"""Px of a card."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One card: lines over time by name, (T,) each, NaN where there is nothing; the first is the sequence itself."""

    caption: str
    channel: str
    lines: Mapping[str, np.ndarray]


def sequence_cards(shown: Sequence[Shown]) -> str:
    """Cards, each with its lines over the steps; "" where there are none. All text is escaped."""
    cards = [_card(one) for one in shown[:MOST]]
    cards = [card for card in cards if card]
    if not cards:
        return ""
    return f'<div class="cards" style="grid-template-columns: repeat(auto-fill, {NARROW}px)">{"".join(cards)}</div>'


def _card(one: Shown) -> str:
    drawn = {name: np.asarray(values, dtype=float) for name, values in one.lines.items()}
    drawn = {name: values for name, values in drawn.items() if np.isfinite(values).any()}
    if not drawn:
        return ""
    every = np.concatenate([values[np.isfinite(values)] for values in drawn.values()])
    up = Scale(*widen(float(every.min()), float(every.max())), BOTTOM, TOP)
    across = Scale(1, max(2, *map(len, drawn.values())), LEFT, RIGHT)
    pieces = [y_axis(up, LEFT, RIGHT, shorten(one.channel, 30), about=4), x_axis(across, BOTTOM, "step", about=4)]
    for name, css in reversed(list(zip(one.lines, COLOURS, strict=False))):
        pieces += [polyline(points, css) for points in _runs(across, up, drawn[name])] if name in drawn else []
    title = f"{one.caption}: {one.channel} over {len(next(iter(drawn.values()))):,} steps"
    keys = "".join(_key(i, name, css) for i, (name, css) in enumerate(zip(one.lines, COLOURS, strict=False)))
    picture = svg(WIDTH, HEIGHT, title, [*pieces, keys])
    return f'<figure class="card">{picture}<figcaption>{escape(shorten(one.caption, 110))}</figcaption></figure>'


def _key(place: int, name: str, css: str) -> str:
    """A sample of the line with its name, above the picture at the right."""
    x, y = LEFT + place * (RIGHT - LEFT) / 3, TOP - 12
    return polyline([(x, y - 4), (x + 14, y - 4)], css) + label(x + 18, y, name, width=11)


def _runs(across: Scale, up: Scale, values: np.ndarray) -> list[list[tuple[float, float]]]:
    """The line as points, in pieces where a step has no value."""
    steps, kept = thinned(values)
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in zip(steps, kept, strict=True):
        if np.isfinite(value):
            runs[-1].append((across(step + 1), up(value)))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def thinned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of at most about `POINTS` points: the least and the greatest of each stretch, in order."""
    if len(values) <= POINTS:
        return np.arange(len(values)), values
    kept = []
    for stretch in np.array_split(np.arange(len(values)), POINTS // 2):
        own = values[stretch]
        known = stretch[np.isfinite(own)]
        if len(known):
            kept += sorted({int(known[values[known].argmin()]), int(known[values[known].argmax()])})
        else:
            kept.append(int(stretch[0]))
    return np.asarray(kept), values[kept]
