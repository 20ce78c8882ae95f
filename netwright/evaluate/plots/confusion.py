"""Which class is taken for which."""

from collections.abc import Sequence

import numpy as np

from netwright.evaluate.format import clean, count, percent
from netwright.evaluate.plots.axes import LETTER, at, label, rectangle, svg

MOST_CLASSES = 30
LONGEST = 18
"""Letters of a class' name."""


def confusion(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """A heat map of (C, C) counts, row the true class, column the predicted one; "" above `MOST_CLASSES`.

    Cells hold the count and, where there is room, its share of the true class' rows, which is also the shade.
    """
    size = len(classes)
    if not 0 < size <= MOST_CLASSES:
        return ""
    cell = _cell(size)
    names = [clean(name) for name in classes]
    gutter = 30 + LETTER * min(LONGEST, max(map(len, names)))
    head = 46 if _flat(names, cell) else 36 + 0.75 * gutter
    pieces = [label(0, 14, "true", css="strong"), label(gutter, 14, "predicted", css="strong")]
    for i, name in enumerate(names):
        middle = head + (i + 0.5) * cell
        pieces.append(label(gutter - 10, middle + 4, name, anchor="end", width=LONGEST))
        pieces.append(_column(gutter + (i + 0.5) * cell, head - 10, name, flat=_flat(names, cell)))
    pieces += _cells(matrix, names, gutter, head, cell)
    right = int(np.trace(matrix))
    title = f"Confusion matrix of {size} classes: {right:,} of {count(int(matrix.sum()), 'row')} on the diagonal"
    # A slanted name of the last column reaches beyond the matrix.
    reach = 0 if _flat(names, cell) else 0.6 * gutter
    return svg(gutter + size * cell + reach + 2, head + size * cell + 2, title, pieces)


def _cell(size: int) -> float:
    if size <= 4:
        return 96
    return 62 if size <= 10 else max(26.0, 640 / size)


def _flat(names: Sequence[str], cell: float) -> bool:
    return max(len(name) for name in names) * LETTER < cell - 6


def _column(x: float, y: float, name: str, *, flat: bool) -> str:
    if flat:
        return label(x, y, name, anchor="middle")
    return f'<g transform="translate({at(x)} {at(y)}) rotate(-45)">{label(0, 0, name, width=LONGEST)}</g>'


def _cells(matrix: np.ndarray, names: Sequence[str], left: float, top: float, cell: float) -> list[str]:
    pieces = []
    for i, row in enumerate(matrix):
        total = int(row.sum())
        for j, found in enumerate(row):
            share = found / total if total else 0.0
            x, y = left + j * cell, top + i * cell
            words = f"true {names[i][:80]}, predicted {names[j][:80]}: {count(int(found), 'row')}, {percent(share)}"
            css = "heat" if i == j else "heat wrong"
            if not found:
                pieces.append(rectangle(x + 1, y + 1, cell - 2, cell - 2, "blank"))
                continue
            pieces.append(rectangle(x + 1, y + 1, cell - 2, cell - 2, css, title=words, opacity=0.14 + 0.86 * share))
            pieces.append(_words(x + cell / 2, y + cell / 2, int(found), share, cell))
    return pieces


def _words(x: float, y: float, found: int, share: float, cell: float) -> str:
    css = "on" if share > 0.5 else ""
    if cell < 50:
        text = f"{found:,}" if found < 10_000 else f"{found / 1000:.0f}k"
        return label(x, y + 4, text, css=f"small {css}", anchor="middle")
    above = label(x, y - 2, f"{found:,}", css=f"strong {css}", anchor="middle")
    return above + label(x, y + 14, percent(share), css=f"small {css}", anchor="middle")
