"""How much worse the network gets when a column is shuffled."""

import math
from collections.abc import Sequence

from netwright.evaluate import format as words
from netwright.evaluate.findings import Importance
from netwright.evaluate.plots.axes import LETTER, Scale, label, line, rectangle, svg, x_axis

MOST = 20
LONGEST = 28
WIDTH, ROW, TOP = 720, 26, 6


def importance(found: Sequence[Importance], figure: str) -> str:
    """Bars of the first `MOST` columns with a whisker of one standard deviation; "" where there are none."""
    shown = [one for one in found if math.isfinite(one.drop)][:MOST]
    if not shown:
        return ""
    spreads = [one.spread if math.isfinite(one.spread) else 0.0 for one in shown]
    low = min(0.0, *(one.drop - spread for one, spread in zip(shown, spreads, strict=True)))
    high = max(0.0, *(one.drop + spread for one, spread in zip(shown, spreads, strict=True)))
    low, high = (low, high) if high > low else (0.0, 1.0)
    left = 20 + LETTER * min(LONGEST, max(len(one.column) for one in shown))
    across = Scale(low - 0.03 * (high - low) * (low < 0), high * 1.02, left, WIDTH - 70)
    bottom = TOP + ROW * len(shown)
    rows = [
        _row(one, spread, figure, across, TOP + i * ROW)
        for i, (one, spread) in enumerate(zip(shown, spreads, strict=True))
    ]
    title = (
        f"Columns that matter most, by how much {figure} worsens when they are shuffled; first: {shown[0].column[:80]}"
    )
    axis = [line(across(0), TOP, across(0), bottom, "axis"), x_axis(across, bottom, f"{figure} lost when shuffled")]
    return svg(WIDTH, bottom + 48, title, [*rows, *axis])


def _row(one: Importance, spread: float, figure: str, across: Scale, top: float) -> str:
    middle = top + ROW / 2
    x, zero = across(one.drop), across(0)
    title = f"{one.column[:200]}: {words.figure(figure, one.drop)}, spread {words.figure(figure, spread)}"
    pieces = [
        label(across.start - 12, middle + 4, one.column, anchor="end", width=LONGEST),
        rectangle(min(x, zero), top + 5, abs(x - zero), ROW - 10, "bar", title=title),
    ]
    end = max(x, zero)
    if spread > 0:
        end = max(end, across(one.drop + spread))
        pieces.append(line(across(one.drop - spread), middle, across(one.drop + spread), middle, "whisker"))
    return "".join([*pieces, label(end + 8, middle + 4, words.figure(figure, one.drop))])
