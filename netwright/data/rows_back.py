"""The numbers a network is fed, or makes, back to rows of a table: `encode` the other way round.

n rows, F number features, C category columns.
"""

import numpy as np

from netwright.core.schema import CategoryColumn, NumberColumn, Schema, TimeColumn, number_features
from netwright.data.table import Series, Table, series_of, table_of

EDGE = 2.999
"""Scaled numbers end at ±3; nearer to that they stand for the same far value."""


def rows_back(schema: Schema, numbers: np.ndarray, categories: np.ndarray) -> Table:
    """The table whose rows would be encoded as `numbers` (n, F) and `categories` (n, C), as nearly as there is one.

    Values lie within what training rows had; whole numbers are whole; a rare category is told as the most frequent one.
    """
    columns, at, category_at = [], 0, 0
    for column in schema.used:
        if isinstance(column, CategoryColumn):
            columns.append(_category(column, categories[:, category_at]))
            category_at += 1
            continue
        width = len(number_features(column))
        part = numbers[:, at : at + width].astype(np.float64)
        at += width
        made = _number(column, part[:, 0]) if isinstance(column, NumberColumn) else _time(column, part[:, 0])
        gaps = part[:, -1] > 0.5 if column.missing else np.zeros(len(part), dtype=bool)
        columns.append(_series(column.name, made, gaps))
    return table_of(columns, "generated rows")


def parted(flat: np.ndarray, schema: Schema, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat vectors (n, D), numbers and then at most `most` places for each category, as `rows_back` takes them."""
    count = len(schema.number_features)
    widths = [min(size, most) for size in schema.cardinalities]
    ends = count + np.cumsum(widths, dtype=np.int64)
    categories = np.zeros((len(flat), len(widths)), dtype=np.int64)
    for i, (width, end) in enumerate(zip(widths, ends, strict=True)):
        categories[:, i] = flat[:, end - width : end].argmax(1)
    return flat[:, :count], categories


def _number(column: NumberColumn, scaled: np.ndarray) -> np.ndarray:
    if column.quantiles:
        share = np.clip(scaled / (2 * np.sqrt(3)) + 0.5, 0, 1)
        values = np.interp(share, np.linspace(0, 1, len(column.quantiles)), column.quantiles)
    else:
        values = _stretched(scaled, column.center, column.scale)
    values = np.clip(values, column.lowest, column.highest)
    return np.round(values) if column.whole else values


def _stretched(scaled: np.ndarray, center: float, scale: float) -> np.ndarray:
    """s = z/√(1 + (z/3)²) turned round: z = s/√(1 − (s/3)²)."""
    bounded = np.clip(scaled, -EDGE, EDGE)
    return center + scale * bounded / np.sqrt(1 - np.square(bounded / 3))


def _time(column: TimeColumn, scaled: np.ndarray) -> np.ndarray:
    seconds = np.clip(_stretched(scaled, column.center, column.scale), column.lowest, column.highest)
    return (seconds * 1e6).astype("datetime64[us]")


def _category(column: CategoryColumn, index: np.ndarray) -> Series:
    values = list(column.values) or [None]
    places = [values[0], *values, None]  # 0 rare or unseen, 1 … the values, then missing
    return series_of(column.name, [places[min(int(i), len(places) - 1)] for i in index])


def _series(name: str, values: np.ndarray, gaps: np.ndarray) -> Series:
    if not gaps.any():
        return series_of(name, values)
    return series_of(name, [None if gap else value for value, gap in zip(values.tolist(), gaps, strict=True)])
