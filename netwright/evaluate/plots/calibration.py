"""Whether a probability of 70 % comes true in 70 % of the rows."""

from dataclasses import dataclass

import numpy as np

from netwright.evaluate.format import count, figure, percent
from netwright.evaluate.plots.axes import Scale, at, label, line, polyline, rectangle, svg, x_axis, y_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, MIDDLE, BASE, BOTTOM = 460, 440, 56, 436, 36, 300, 326, 386
BINS = 10
FEW = 10
"""Below as many rows a point is drawn hollow."""


@dataclass(frozen=True)
class Reliability:
    """Rows in `BINS` equal steps of probability: how many, their mean probability, the share that came true."""

    counts: np.ndarray
    said: np.ndarray
    true: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean of |said − true| over the rows (Naeini et al. 2015); NaN without rows."""
        used = self.counts > 0
        if not used.any():
            return float("nan")
        return float(np.average(np.abs(self.said - self.true)[used], weights=self.counts[used]))


def reliability(probability: np.ndarray, came_true: np.ndarray) -> Reliability:
    """Bin (N,) probabilities and (N,) zeros and ones. Probabilities that are no number are passed over."""
    known = np.isfinite(probability)
    probability, came_true = np.clip(probability[known], 0, 1), came_true[known].astype(float)
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said = np.bincount(place, weights=probability, minlength=BINS) / counts
        true = np.bincount(place, weights=came_true, minlength=BINS) / counts
    return Reliability(counts, said, true)


def calibration(probability: np.ndarray, came_true: np.ndarray, what: str) -> str:
    """The reliability diagram over a histogram of the rows; `what` names the probability. "" without rows."""
    found = reliability(probability, came_true)
    if not found.counts.any():
        return ""
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, MIDDLE, TOP)
    error = figure("accuracy", found.error)
    title = f"Calibration of {what}: expected calibration error {error} over {count(int(found.counts.sum()), 'answer')}"
    points = [(across(s), up(t)) for s, t, n in zip(found.said, found.true, found.counts, strict=True) if n]
    return svg(
        WIDTH,
        HEIGHT,
        title,
        [
            y_axis(up, LEFT, RIGHT, "share that came true"),
            line(across(0), up(0), across(1), up(1), "mark"),
            polyline(points, "accent"),
            *(_dot(across, up, found, i) for i in range(BINS) if found.counts[i]),
            *_bars(across, found.counts),
            x_axis(across, BOTTOM, what),
        ],
    )


def _dot(across: Scale, up: Scale, found: Reliability, i: int) -> str:
    x, y = across(found.said[i]), up(found.true[i])
    words = (
        f"said {percent(found.said[i])}, came true {percent(found.true[i])} of {count(int(found.counts[i]), 'time')}"
    )
    css = "dot" if found.counts[i] >= FEW else "dot hollow"
    return f'<circle cx="{at(x)}" cy="{at(y)}" r="4.5" class="{css}"><title>{words}</title></circle>'


def _bars(across: Scale, counts: np.ndarray) -> list[str]:
    pieces = []
    tallest = int(counts.max())
    for i, n in enumerate(counts):
        left, right = across(i / BINS), across((i + 1) / BINS)
        top = BOTTOM - (BOTTOM - BASE - 12) * n / tallest
        pieces.append(rectangle(left + 1, top, right - left - 2, BOTTOM - top, "bar"))
        if n:
            pieces.append(label((left + right) / 2, top - 4, _short(int(n)), css="small", anchor="middle"))
    return pieces


def _short(rows: int) -> str:
    if rows < 10_000:
        return f"{rows:,}"
    return f"{rows / 1e3:,.0f}k" if rows < 10_000_000 else f"{rows / 1e6:,.0f}M"
