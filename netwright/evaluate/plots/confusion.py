"""Which class is taken for which."""

import math
from collections.abc import Sequence

import numpy as np

from netwright.evaluate.format import clean, count, percent
from netwright.evaluate.plots.axes import LETTER, at, label, rectangle, svg

MOST_CLASSES = 200
MOST_NUMBERS = 30
"""Of more classes the cells are shades without numbers, and only as many names stand beside them as can be read."""
LONGEST = 18
"""Letters of a class' name."""
SIDE = 640.0
"""Of a matrix of many classes."""
NAME = 12.0
"""Height of a line of names."""
STEPS = 10
"""Shades there are of many classes: cells of one shade are one shape, which keeps the page small."""


def confusion(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """A heat map of (C, C) counts, row the true class, column the predicted one; "" above `MOST_CLASSES`.

    Cells hold the count and, where there is room, its share of the true class' rows, which is also the shade. Above
    `MOST_NUMBERS` classes there is the shade alone.
    """
    size = len(classes)
    if not 0 < size <= MOST_CLASSES:
        return ""
    many = size > MOST_NUMBERS
    cell = SIDE / size if many else _cell(size)
    names = [clean(name) for name in classes]
    longest = LETTER * min(LONGEST, max(map(len, names)))
    gutter = 30 + longest
    flat = not many and _flat(names, cell)
    head = 46 if flat else 36 + (longest if many else 0.75 * gutter)
    pieces = [label(0, 14, "true", css="strong"), label(gutter, 14, "predicted", css="strong")]
    for i in range(0, size, max(1, math.ceil(NAME / cell))):
        middle = (i + 0.5) * cell
        pieces.append(label(gutter - 10, head + middle + 4, names[i], css=_small(cell), anchor="end", width=LONGEST))
        turn = 0 if flat else -90 if many else -45
        pieces.append(_column(gutter + middle, head - 10, names[i], turn=turn, css=_small(cell)))
    draw = _shades if many else _cells
    pieces += draw(matrix, names, gutter, head, cell)
    right = int(np.trace(matrix))
    title = f"Confusion matrix of {size} classes: {right:,} of {count(int(matrix.sum()), 'row')} on the diagonal"
    # A slanted name of the last column reaches beyond the matrix.
    reach = 0 if flat or many else 0.6 * gutter
    return svg(gutter + size * cell + reach + 2, head + size * cell + 2, title, pieces)


def _cell(size: int) -> float:
    if size <= 4:
        return 96
    return 62 if size <= 10 else max(26.0, SIDE / size)


def _small(cell: float) -> str:
    return "small" if cell < 20 else ""


def _flat(names: Sequence[str], cell: float) -> bool:
    return max(len(name) for name in names) * LETTER < cell - 6


def _column(x: float, y: float, name: str, *, turn: int, css: str) -> str:
    if not turn:
        return label(x, y, name, css=css, anchor="middle")
    x += 4 if turn == -90 else 0
    return f'<g transform="translate({at(x)} {at(y)}) rotate({turn})">{label(0, 0, name, css=css, width=LONGEST)}</g>'


def _shades(matrix: np.ndarray, names: Sequence[str], left: float, top: float, cell: float) -> list[str]:
    """The cells that hold rows, those of one shade as one shape; by the share's root, so that small shares differ."""
    size = len(names)
    totals = np.maximum(1, matrix.sum(axis=1, keepdims=True))
    step = np.ceil(np.sqrt(matrix / totals) * STEPS).astype(int)
    pieces = [rectangle(0, 0, size, size, "blank")]
    for wrong in (True, False):
        for shade in range(1, STEPS + 1):
            those = np.argwhere((step == shade) & (np.eye(size, dtype=bool) != wrong)).tolist()
            path = "".join(f"M{j} {i}h1v1h-1z" for i, j in those)
            css = "heat wrong" if wrong else "heat"
            opacity = 0.14 + 0.86 * shade / STEPS
            pieces.append(f'<path d="{path}" class="{css}" fill-opacity="{opacity:.2f}"/>' if path else "")
    place = f"translate({at(left)} {at(top)}) scale({cell:.4f})"
    return [f'<g transform="{place}">{"".join(pieces)}</g>']


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
        most = 10_000 if cell >= 36 else 1000
        text = f"{found:,}" if found < most else f"{found / 1000:.0f}k"
        return label(x, y + 4, text, css=f"small {css}", anchor="middle")
    above = label(x, y - 2, f"{found:,}", css=f"strong {css}", anchor="middle")
    return above + label(x, y + 14, percent(share), css=f"small {css}", anchor="middle")
