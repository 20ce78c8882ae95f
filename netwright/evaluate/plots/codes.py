"""The codes of rows as points in the plane. N rows."""

from collections.abc import Sequence

import numpy as np

from netwright.evaluate.format import count, squeeze
from netwright.evaluate.plots.axes import LETTER, at, label, rectangle, svg, widen

WIDTH = 720.0
LOWEST, HIGHEST = 0.5, 0.9
"""The picture's height over its width, at least and at most."""
MOST_POINTS = 3000
COLOURS = 10
"""Colours there are; the style sheet calls them c0 to c9."""
TURNS = 6
"""The classes' points are drawn by turns, so that no class lies on top of all others."""
FAR = 0.002
"""The share of the points beyond each edge that may lie far outside; those are counted instead of drawn."""
LONGEST = 22
"""Letters of a class' name."""
FAINT = "faint"


def codes(points: np.ndarray, labels: np.ndarray | None, names: Sequence[str]) -> str:
    """Points (N, 2), coloured by their class numbers `labels` (N,) with these `names`; "" for less than two points.

    Of more than `MOST_POINTS` evenly chosen ones are drawn; of more than ten classes the nine most frequent have a
    colour of their own. Both directions have the same scale.
    """
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    chosen = known[np.linspace(0, len(known) - 1, min(len(known), MOST_POINTS)).round().astype(int)]
    if len(chosen) < 2:
        return ""
    shown = points[chosen].astype(float)
    colour, entries = _colours(len(chosen), None if labels is None else labels[chosen], names)
    low, high = _bounds(shown)
    inside = ((shown >= low) & (shown <= high)).all(axis=1)
    key, top = _legend(entries)
    height = WIDTH * (high[1] - low[1]) / (high[0] - low[0])
    place = (shown[inside] - low) / (high - low) * [WIDTH, -height] + [0, top + height]
    frame = rectangle(0, top, WIDTH, height, "blank")
    note = label(0, top + height + 18, _note(len(points), int(inside.sum())), css="small", width=120)
    title = f"Codes of {count(len(points), 'row')} in two dimensions{_of_classes(entries)}"
    return svg(WIDTH, top + height + 24, title, [*key, frame, *_dots(place, colour[inside]), note])


def _colours(rows: int, labels: np.ndarray | None, names: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """(N,) a colour each as its class in the style sheet, and the legend: (name, class)."""
    if labels is None:
        return np.full(rows, "c0"), []
    frequent = np.argsort(-np.bincount(labels, minlength=len(names)), kind="stable")
    own = sorted(frequent[: COLOURS if len(names) <= COLOURS else COLOURS - 1].tolist())
    css = np.full(len(names), FAINT, dtype="<U5")
    css[own] = [f"c{i}" for i in range(len(own))]
    entries = [(names[number], str(css[number])) for number in own]
    others = len(names) - len(own)
    return css[labels], [*entries, (f"{others} others", FAINT)] if others else entries


def _bounds(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and greatest coordinates drawn, (2,) each, wide or high enough for the picture's shape."""
    ends = [widen(*np.quantile(points[:, i], [FAR, 1 - FAR]).tolist(), share=0.06) for i in range(2)]
    low, high = np.asarray(ends).T
    span, middle = high - low, (high + low) / 2
    span = np.maximum(span, [span[1] / HIGHEST, span[0] * LOWEST])
    return middle - span / 2, middle + span / 2


def _legend(entries: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
    """Names beside points of their colour, in lines, and the height they take."""
    pieces: list[str] = []
    x, y = 0.0, 16.0
    for name, css in entries:
        long = 18 + LETTER * min(LONGEST, len(squeeze(name, LONGEST))) + 16
        if x and x + long > WIDTH:
            x, y = 0.0, y + 20
        pieces += [
            f'<path d="M{at(x + 6)} {at(y - 4)}h0" class="points key {css}"/>',
            label(x + 18, y, name, width=LONGEST),
        ]
        x += long
    return pieces, y + 12 if entries else 0.0


def _dots(place: np.ndarray, colour: np.ndarray) -> list[str]:
    """Each point a line without length, whose round end is the dot: a third of a circle's letters."""
    pieces = []
    for turn in range(TURNS):
        for css in np.unique(colour).tolist():
            those = place[colour == css][turn::TURNS]
            path = "".join(f"M{at(x)} {at(y)}h0" for x, y in those.tolist())
            pieces.append(f'<path d="{path}" class="points {css}"/>' if path else "")
    return pieces


def _note(rows: int, drawn: int) -> str:
    return f"{drawn:,} of {count(rows, 'row')} drawn" if drawn < rows else f"{count(rows, 'row')}"


def _of_classes(entries: Sequence[tuple[str, str]]) -> str:
    return ", coloured by class: " + ", ".join(squeeze(name, LONGEST) for name, _ in entries) if entries else ""
