"""The figures of each epoch that are for people to read, where there is no validation loss."""

from collections.abc import Sequence

import numpy as np

from netwright.core.steps import EpochRecord
from netwright.evaluate.format import count
from netwright.evaluate.plots.axes import Scale, legend, line, polyline, svg, widen, x_axis, y_axis
from netwright.evaluate.plots.curves import COLOURS, thin

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 280, 64, 704, 52, 230


def watched(history: Sequence[EpochRecord], best_epoch: int) -> str:
    """A line for each of the first four figures; "" where something validates or there is nothing to draw."""
    if len(history) < 2 or any(record.validation is not None for record in history):
        return ""
    kept = thin(len(history), best_epoch)
    names = list(dict.fromkeys(name for record in history for name in record.metrics))[: len(COLOURS)]
    values = {name: np.asarray([history[i].metrics.get(name, np.nan) for i in kept], dtype=float) for name in names}
    known = np.concatenate([np.zeros(0), *values.values()])
    known = known[np.isfinite(known)]
    if not len(known):
        return ""
    epochs = [history[i].epoch + 1 for i in kept]
    across = Scale(epochs[0], epochs[-1], LEFT, RIGHT)
    low, high = widen(float(known.min()), float(known.max()))
    up = Scale(0.0 if 0 <= known.min() < high / 2 else low, high, BOTTOM, TOP)
    lines = [
        polyline([(across(e), up(v)) for e, v in zip(epochs, those.tolist(), strict=True) if np.isfinite(v)], css)
        for those, css in zip(values.values(), COLOURS, strict=False)
    ]
    mark = [line(across(best_epoch + 1), TOP, across(best_epoch + 1), BOTTOM, "mark")] if best_epoch >= 0 else []
    title = f"{', '.join(names)} over {count(len(history), 'epoch')}"
    frame = [y_axis(up, LEFT, RIGHT, "figure"), x_axis(across, BOTTOM, "epoch", about=8)]
    key = legend(LEFT, 14, list(zip(names, COLOURS, strict=False)))
    return svg(WIDTH, HEIGHT, title, [*frame, *mark, *lines, key])
