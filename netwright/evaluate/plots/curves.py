"""The losses of each epoch, in training and validation."""

from collections.abc import Sequence

import numpy as np

from netwright.core.steps import EpochRecord
from netwright.evaluate.format import count, figure
from netwright.evaluate.plots.axes import Scale, at, label, legend, line, polyline, svg, widen, x_axis, y_axis

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 340, 64, 704, 60, 290
MOST_POINTS = 400
FAR = 20
"""Losses whose largest is that many times the smallest are drawn by logarithm, …"""
COLOURS = ("accent", "c2", "c4", "c9")
"""Of the phases' lines; the validation's is another."""
DEEPEST = 1e4
"""… which goes that many times below the largest; what is still smaller is drawn at the foot."""


def curves(history: Sequence[EpochRecord], best_epoch: int) -> str:
    """Training and validation loss by epoch, the best epoch marked; "" where there are no two numbers to draw.

    With K members the validation is drawn as their median over the band from least to most.
    """
    kept = thin(len(history), best_epoch)
    epochs = np.asarray([history[i].epoch + 1 for i in kept], dtype=float)
    training = {name: np.asarray([history[i].losses.get(name, np.nan) for i in kept]) for name in _phases(history)}
    low, middle, high = _members(history, kept)
    drawn = np.concatenate([low, high, *training.values()]) if len(kept) else np.zeros(0)
    drawn = drawn[np.isfinite(drawn) & (np.abs(drawn) < 1e300)]
    if len(epochs) < 2 or not len(drawn):
        return ""
    across, up = _scales(epochs, drawn, np.concatenate([middle, *training.values()]))
    entries = [
        (f"training ({name})" if len(training) > 1 else "training", css)
        for name, css in zip(training, COLOURS, strict=False)
    ]
    lines = [_path(across, up, epochs, values, css) for values, css in zip(training.values(), COLOURS, strict=False)]
    if np.isfinite(middle).any():
        entries.append(("validation, median and range of members" if (low < high).any() else "validation", "second"))
        lines = [_band(across, up, epochs, low, high), *lines, _path(across, up, epochs, middle, "second")]
    title = f"Loss over {count(len(history), 'epoch')}{_best_words(history, best_epoch)}"
    frame = [
        y_axis(up, LEFT, RIGHT, "loss (logarithmic)" if up.log else "loss"),
        x_axis(across, BOTTOM, "epoch", about=8),
    ]
    marks = [_best(across, history, best_epoch), legend(LEFT, 16, entries)]
    return svg(WIDTH, HEIGHT, title, [*frame, *lines, *marks])


def thin(epochs: int, best: int) -> list[int]:
    """At most about `MOST_POINTS` of the epochs, evenly spread, the last and the best among them."""
    stride = max(1, -(-epochs // MOST_POINTS))
    kept = set(range(0, epochs, stride)) | {epochs - 1}
    return sorted(i for i in kept | {best} if 0 <= i < epochs)


def _validation(record: EpochRecord) -> np.ndarray:
    """The validation losses of an epoch; none where nothing validated."""
    losses = record.validation
    return np.empty(0) if losses is None else losses.detach().double().cpu().numpy()


def bests(history: Sequence[EpochRecord]) -> list[int]:
    """The place in the history of each member's lowest validation loss; empty for a network without members."""
    losses = [_validation(record) for record in history]
    if not losses or losses[0].ndim != 1 or any(one.shape != losses[0].shape for one in losses):
        return []
    return np.where(np.isfinite(losses), losses, np.inf).argmin(axis=0).tolist()


def _phases(history: Sequence[EpochRecord]) -> list[str]:
    """The phases; a phase's further figures ("phase.figure") are no losses and are passed over."""
    names = list(dict.fromkeys(name for record in history for name in record.losses))
    return ([name for name in names if "." not in name] or names)[: len(COLOURS)]


def _members(history: Sequence[EpochRecord], kept: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least, median and most of the members' validation losses; NaN where nothing validates."""
    found = []
    for i in kept:
        values = _validation(history[i]).ravel()
        values = values[np.isfinite(values)]
        found.append(np.quantile(values, [0, 0.5, 1]) if len(values) else np.full(3, np.nan))
    low, middle, high = np.asarray(found, dtype=float).reshape(-1, 3).T
    return low, middle, high


def _scales(epochs: np.ndarray, drawn: np.ndarray, lines: np.ndarray) -> tuple[Scale, Scale]:
    low, high = float(drawn.min()), float(drawn.max())
    across = Scale(float(epochs.min()), float(epochs.max()), LEFT, RIGHT)
    least = float(lines[np.isfinite(lines)].min())
    if low >= 0 and high > FAR * least and high > 1e-12:
        return across, Scale(max(least / 1.2, high / DEEPEST), high * 1.1, BOTTOM, TOP, log=True)
    low, high = widen(0.0 if 0 < low < high / 3 else low, high)
    return across, Scale(max(0.0, low) if drawn.min() >= 0 else low, high, BOTTOM, TOP)


def _path(across: Scale, up: Scale, epochs: np.ndarray, values: np.ndarray, css: str) -> str:
    """The line, broken where a loss is not finite."""
    pieces, run = [], []
    for epoch, value in [*zip(epochs, values, strict=True), (np.nan, np.nan)]:
        if value <= up.high:
            run.append((across(epoch), up(max(value, up.low))))
            continue
        pieces += [polyline(run, css)] if run else []
        run = []
    return "".join(pieces)


def _band(across: Scale, up: Scale, epochs: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    whole = np.isfinite(low) & np.isfinite(high) & (high <= up.high)
    if not (low[whole] < high[whole]).any():
        return ""
    over = [(across(e), up(max(v, up.low))) for e, v in zip(epochs[whole], high[whole], strict=True)]
    under = [(across(e), up(max(v, up.low))) for e, v in zip(epochs[whole][::-1], low[whole][::-1], strict=True)]
    return f'<polygon points="{" ".join(f"{at(x)},{at(y)}" for x, y in over + under)}" class="band"/>'


def _best(across: Scale, history: Sequence[EpochRecord], best: int) -> str:
    """A line at the best epoch; with members at the last gain of any, and a stroke at the foot for each one's best."""
    if not 0 <= best < len(history):
        return ""
    own = [across(history[place].epoch + 1) for place in sorted(set(bests(history)))]
    x = across(history[best].epoch + 1)
    anchor, shift = ("end", -6) if x > (LEFT + RIGHT) / 2 else ("start", 6)
    word = "last gain" if own else "best" if _validation(history[best]).size else "kept"
    words = f"{word}: epoch {history[best].epoch + 1:,}"
    strokes = [line(place, BOTTOM - 10, place, BOTTOM, "second") for place in own]
    return "".join([line(x, TOP - 8, x, BOTTOM, "mark"), *strokes, label(x + shift, TOP - 6, words, anchor=anchor)])


def _best_words(history: Sequence[EpochRecord], best: int) -> str:
    if not 0 <= best < len(history):
        return ""
    values = _validation(history[best]).ravel()
    reached = f", validation {figure('log loss', float(np.median(values)))}" if len(values) else ""
    word = "last gain in" if bests(history) else "best is" if len(values) else "weights kept are of"
    return f"; the {word} epoch {history[best].epoch + 1:,}{reached}"
