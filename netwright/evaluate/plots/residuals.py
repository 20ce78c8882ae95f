"""Predicted numbers against true ones, and what is left between them."""

import numpy as np

from netwright.evaluate.format import count, number
from netwright.evaluate.plots.axes import Scale, at, line, rectangle, svg, widen, x_axis, y_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 380, 72, 436, 36, 326
MOST_POINTS = 2000
BINS = 31
EDGE = 0.995
"""The share of the residuals that the histogram spans; those beyond are counted in its title."""


def residuals(prediction: np.ndarray, truth: np.ndarray, name: str) -> tuple[str, str]:
    """The scatter of predictions and the histogram of residuals of one target, each (N,); "" where there is none.

    Above 2,000 rows the scatter shows evenly chosen ones.
    """
    known = np.isfinite(prediction) & np.isfinite(truth) & (np.abs(prediction) < 1e150) & (np.abs(truth) < 1e150)
    prediction, truth = prediction[known].astype(float), truth[known].astype(float)
    if not len(truth):
        return "", ""
    return _scatter(prediction, truth, name), _histogram(truth - prediction, name)


def thin(truth: np.ndarray) -> np.ndarray:
    """Row numbers of at most `MOST_POINTS` rows: evenly spaced by their true value, so that both ends stay."""
    order = np.argsort(truth, kind="stable")
    if len(order) <= MOST_POINTS:
        return order
    return order[np.linspace(0, len(order) - 1, MOST_POINTS).round().astype(int)]


def _scatter(prediction: np.ndarray, truth: np.ndarray, name: str) -> str:
    shown = thin(truth)
    both = np.concatenate([prediction[shown], truth[shown]])
    low, high = widen(float(both.min()), float(both.max()))
    across, up = Scale(low, high, LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    dots = (
        f'<circle cx="{at(across(t))}" cy="{at(up(p))}" r="2.5"/>'
        for t, p in zip(truth[shown], prediction[shown], strict=True)
    )
    few = f", {len(shown):,} of them drawn" if len(shown) < len(truth) else ""
    return svg(
        WIDTH,
        HEIGHT,
        f"Predicted against true {name} of {count(len(truth), 'held-out row')}{few}; on the line they are equal",
        [
            y_axis(up, LEFT, RIGHT, "predicted"),
            x_axis(across, BOTTOM, f"true {name}", about=4),
            line(across(low), up(low), across(high), up(high), "mark"),
            f'<g class="dots{"" if len(shown) > 200 else " few"}">{"".join(dots)}</g>',
        ],
    )


def _histogram(residual: np.ndarray, name: str) -> str:
    reach = float(np.quantile(np.abs(residual), EDGE)) or float(np.abs(residual).max()) or 1.0
    inside = np.abs(residual) <= reach
    bins = max(5, min(BINS, int(np.sqrt(len(residual))) | 1))
    counts, edges = np.histogram(residual[inside], bins=bins, range=(-reach, reach))
    across = Scale(-reach, reach, LEFT, RIGHT)
    up = Scale(0, float(counts.max()) * 1.05, BOTTOM, TOP)
    bars = [
        rectangle(
            across(a) + 0.5,
            up(float(n)),
            across(b) - across(a) - 1,
            BOTTOM - up(float(n)),
            "bar",
            title=f"{number(a)} to {number(b)}: {count(int(n), 'row')}",
        )
        for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    beyond = int((~inside).sum())
    more = f"; {count(beyond, 'row')} beyond are not drawn" if beyond else ""
    title = f"How far off {name} is: true minus predicted, mean {number(float(residual.mean()))}{more}"
    frame = [y_axis(up, LEFT, RIGHT, "rows", about=4), x_axis(across, BOTTOM, "true − predicted", about=4)]
    return svg(WIDTH, HEIGHT, title, [*frame, *bars, line(across(0), TOP, across(0), BOTTOM, "mark")])
