"""How strange rows are said to be, and from where on that raises an alarm. N rows."""

import numpy as np

from netwright.evaluate.format import count, number, percent
from netwright.evaluate.plots.axes import LETTER, Scale, label, line, rectangle, svg, widen, x_axis, y_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 330, 56, 704, 64, 280
MOST_BINS = 60
WIDE = 30
"""Scores whose greatest is that many times their median are drawn by logarithm."""
DEEPEST = 1e-3
"""Of the median: smaller scores are counted in the first bar, where the logarithm has no end of its own."""


def scores(ordinary: np.ndarray, anomalies: np.ndarray | None, threshold: float) -> str:
    """The histogram of the scores (N,) of ordinary rows, over it that of anomalies (M,), and the threshold.

    Heights are shares of each kind, as anomalies are few. "" where there is no score.
    """
    kinds = [("ordinary rows" if anomalies is not None else "rows", ordinary, "bar")]
    kinds += [("anomalies", anomalies, "bar strange")] if anomalies is not None else []
    kinds = [(name, values[np.isfinite(values)].astype(float), css) for name, values, css in kinds]
    kinds = [kind for kind in kinds if len(kind[1])]
    if not kinds:
        return ""
    across = _across(np.concatenate([values for _, values, _ in kinds]), threshold)
    edges = _edges(across, sum(len(values) for _, values, _ in kinds))
    shares = [np.histogram(_pressed(values, across), edges)[0] / len(values) for _, values, _ in kinds]
    up = Scale(0, max(float(share.max()) for share in shares) * 1.05, BOTTOM, TOP)
    bars = [
        piece
        for (name, values, css), share in zip(kinds, shares, strict=True)
        for piece in _bars(across, up, edges, share, css, name, len(values))
    ]
    above = [
        f"{percent(float((values > threshold).mean()))} of {count(len(values))} {name}" for name, values, _ in kinds
    ]
    return svg(
        WIDTH,
        HEIGHT,
        f"Scores of rows; above the threshold of {number(threshold)} are {' and '.join(above)}",
        [
            y_axis(up, LEFT, RIGHT, "share of the rows", about=4),
            x_axis(across, BOTTOM, "score (logarithmic)" if across.log else "score", about=8),
            *bars,
            *_legend([(f"{name} ({count(len(values))})", css) for name, values, css in kinds]),
            *_threshold(across, threshold),
        ],
    )


def _across(values: np.ndarray, threshold: float) -> Scale:
    every = np.append(values, threshold) if np.isfinite(threshold) else values
    low, high, middle = float(every.min()), float(every.max()), float(np.median(values))
    if low >= 0 and middle > 0 and high > WIDE * middle:
        return Scale(max(low, middle * DEEPEST) / 1.1, high * 1.1, LEFT, RIGHT, log=True)
    low, high = widen(low, high, 0.02)
    return Scale(max(low, 0.0) if every.min() >= 0 else low, high, LEFT, RIGHT)


def _edges(across: Scale, rows: int) -> np.ndarray:
    bins = max(8, min(MOST_BINS, int(np.sqrt(rows)) * 2))
    spaced = np.geomspace if across.log else np.linspace
    edges = spaced(across.low, across.high, bins + 1)
    edges[[0, -1]] = across.low, across.high
    return edges


def _pressed(values: np.ndarray, across: Scale) -> np.ndarray:
    return np.clip(values, across.low, across.high)


def _bars(across: Scale, up: Scale, edges: np.ndarray, shares: np.ndarray, css: str, name: str, rows: int) -> list[str]:
    pieces = []
    for share, a, b in zip(shares.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if share:
            title = f"{number(a)} to {number(b)}: {count(round(share * rows))} of {count(rows)} {name}"
            place = across(a) + 0.5, up(share), across(b) - across(a) - 1, BOTTOM - up(share)
            pieces.append(rectangle(*place, css, title=title))
    return pieces


def _threshold(across: Scale, threshold: float) -> list[str]:
    if not np.isfinite(threshold):
        return []
    x = across(min(max(threshold, across.low), across.high))
    words = f"alarm above {number(threshold)}"
    sample = RIGHT - 1.15 * LETTER * len(words) - 10
    return [
        line(x, TOP - 6, x, BOTTOM, "limit"),
        line(sample, 3, sample, 17, "limit"),
        label(RIGHT, 15, words, css="strong", anchor="end"),
    ]


def _legend(entries: list[tuple[str, str]]) -> list[str]:
    pieces: list[str] = []
    x = float(LEFT)
    for name, css in entries:
        pieces += [rectangle(x, 4, 14, 12, css), label(x + 20, 15, name, width=50)]
        x += 20 + LETTER * len(name) + 24
    return pieces
