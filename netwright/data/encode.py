"""Rows of a table to the numbers a network is fed, by a schema."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from netwright.core.forms import TextForm
from netwright.core.notice import Notice
from netwright.core.schema import CategoryColumn, NumberColumn, Schema, TimeColumn
from netwright.data.schema import bounded
from netwright.data.table import Series, Table
from netwright.data.text.encode import encode_text

FAR = 1e6
"""Scaled values are held within ± this before they are clipped smoothly; an infinity ends there."""
PERIODS = {"second": 60, "minute": 60, "hour": 24, "weekday": 7, "day": 31, "month": 12}


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """N rows: `numbers` (N, F) float32 in the order of `schema.number_features`, `categories` (N, C) int64.

    `unseen` counts, by column, cells whose category training never saw; `gaps` counts cells without a value in columns
    that always had one in training (the median, or the unseen place, stands in). `images` (N, C, H, W) uint8 stand for
    them where the rows are pictures, `parts`, each (N, …), where they are sequences, texts or windows of a series or a
    text. `lengths` says of each part how much of axis 1 is no padding, (N,); None where all of it counts.
    """

    numbers: np.ndarray
    categories: np.ndarray
    unseen: Counter[str]
    gaps: Counter[str]
    images: np.ndarray | None = None
    parts: tuple[np.ndarray, ...] = ()
    lengths: tuple[np.ndarray | None, ...] = ()
    notices: tuple[Notice, ...] = ()
    """What was odd about texts."""

    @property
    def inputs(self) -> tuple[np.ndarray, ...]:
        """What a network is fed, in the order of its arguments: numbers and categories, or what stands for them."""
        if self.parts:
            return self.parts
        return (self.numbers, self.categories) if self.images is None else (self.images,)

    def take(self, rows: np.ndarray) -> "Encoded":
        """The rows with these positions."""
        images = None if self.images is None else self.images[rows]
        parts = tuple(part[rows] for part in self.parts)
        lengths = tuple(None if length is None else length[rows] for length in self.lengths)
        numbers, categories = (x[rows] if len(x) else x for x in (self.numbers, self.categories))
        return replace(self, numbers=numbers, categories=categories, images=images, parts=parts, lengths=lengths)


def encode(schema: Schema, table: Table, dtype: type = np.float32, numbers: np.ndarray | None = None) -> Encoded:
    """Encode every row. The table's cells must have been read as the schema's cell types say.

    `numbers` (N,) are what notices call the rows, from 1 on where None.
    """
    encoded = _columns(schema, table, dtype)
    if not isinstance(schema.form, TextForm):
        return encoded
    parts, lengths, notices = encode_text(schema.form, table, numbers)
    beside = (encoded.numbers, encoded.categories)
    return replace(encoded, parts=(*parts, *beside), lengths=(*lengths, None, None), notices=tuple(notices))


def _columns(schema: Schema, table: Table, dtype: type) -> Encoded:
    """The columns of numbers, dates and categories."""
    numbers = np.empty((table.rows, len(schema.number_features)), dtype=dtype)
    categories = np.empty((table.rows, len(schema.cardinalities)), dtype=np.int64)
    unseen: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    at = category_at = 0
    for column in schema.used:
        series = table[column.name]
        if isinstance(column, CategoryColumn):
            index, unknown, absent = _category(column, series)
            categories[:, category_at] = index
            category_at += 1
            unseen[column.name] += unknown
        else:
            values, absent = _number(column, series) if isinstance(column, NumberColumn) else _time(column, series)
            numbers[:, at : at + values.shape[1]] = values
            at += values.shape[1]
        gaps[column.name] += 0 if column.missing else absent
    return Encoded(numbers=numbers, categories=categories, unseen=+unseen, gaps=+gaps)


def pictures_encoded(pixels: np.ndarray) -> Encoded:
    """Pictures (N, C, H, W) uint8, which need nothing but their place."""
    none = np.empty((len(pixels), 0))
    numbers, categories = none.astype(np.float32), none.astype(np.int64)
    return Encoded(numbers=numbers, categories=categories, unseen=Counter(), gaps=Counter(), images=pixels)


def parts_encoded(*parts: np.ndarray, lengths: tuple[np.ndarray | None, ...] = ()) -> Encoded:
    """What is fed in a form of its own, each (N, …), and how much of it is no padding."""
    none = np.empty((0, 0))
    numbers, categories = none.astype(np.float32), none.astype(np.int64)
    return Encoded(
        numbers=numbers, categories=categories, unseen=Counter(), gaps=Counter(), parts=parts, lengths=lengths
    )


def _number(column: NumberColumn, series: Series) -> tuple[np.ndarray, int]:
    """(N, 1), or (N, 2) with the indicator of missing values."""
    raw = series.to_numpy().astype(np.float64)
    absent = np.isnan(raw)
    filled = np.where(absent, column.center, bounded(raw))
    scaled = _quantile(column, filled) if column.quantiles else _smooth(column.center, column.scale, filled)
    return _with_indicator([scaled], absent, bool(column.missing)), int(absent.sum())


def _smooth(center: float, scale: float, values: np.ndarray) -> np.ndarray:
    """z/√(1 + (z/3)²): near z for most values, never beyond ±3 (RealMLP, Holzmüller et al. 2024)."""
    scaled = np.clip((values - center) / scale, -FAR, FAR)
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


def _quantile(column: NumberColumn, values: np.ndarray) -> np.ndarray:
    """The share of training values below, from −1.7 to 1.7 (so that its variance is about one)."""
    points, first = np.unique(column.quantiles, return_index=True)
    last = len(column.quantiles) - 1 - np.unique(column.quantiles[::-1], return_index=True)[1]
    share = (first + last) / 2 / (len(column.quantiles) - 1)
    return (np.interp(values, points, share) - 0.5) * 2 * np.sqrt(3)


def _time(column: TimeColumn, series: Series) -> tuple[np.ndarray, int]:
    absent = series.is_null().to_numpy()
    seconds = series.dt.epoch("s").cast(float).fill_null(column.center).to_numpy()
    features = [_smooth(column.center, column.scale, seconds)]
    for part in column.parts:
        turn = getattr(series.dt, part)().cast(float).fill_null(0.0).to_numpy() * (2 * np.pi / PERIODS[part])
        features += [np.where(absent, 0.0, np.sin(turn)), np.where(absent, 0.0, np.cos(turn))]
    return _with_indicator(features, absent, bool(column.missing)), int(absent.sum())


def _with_indicator(features: list[np.ndarray], absent: np.ndarray, wanted: bool) -> np.ndarray:
    return np.stack([*features, absent] if wanted else features, axis=1)


def _category(column: CategoryColumn, series: Series) -> tuple[np.ndarray, int, int]:
    """Index of each value, how many were unseen, how many were absent."""
    absent = series.is_null().to_numpy()
    places = {value: i for i, value in enumerate(column.values, start=1)}
    index = series.cast(str).replace_strict(places, default=0).to_numpy().astype(np.int64)
    unknown = int(((index == 0) & ~absent).sum())
    index[absent] = len(column.values) + 1 if column.missing else 0
    return index, unknown, int(absent.sum())
