"""What a table's columns are and how each becomes numbers: decided and measured on training rows only.

The schema is all a prediction needs to turn raw rows into a network's inputs; it is written into the artifact as JSON.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from netwright.core.cells import CellType
from netwright.core.forms import Form
from netwright.core.record import Record

Kind = Literal["number", "boolean", "category", "datetime", "text", "id", "constant"]
DataKind = Literal["table", "image", "sequence", "series", "text", "corpus"]
Fitting = Literal["stretch", "pad"]
TimePart = Literal["second", "minute", "hour", "weekday", "day", "month"]
Scaling = Literal["robust", "quantile"]


class ColumnBase(Record):
    """What every column has."""

    name: str
    cell: CellType
    why: str
    """The reason of the decision, in words."""
    missing: int = 0
    """Training rows without a value."""


class NumberColumn(ColumnBase):
    """A number x, fed as z/√(1+(z/3)²) with z = (x − center)/scale, or as its quantile; beside it 1 where missing."""

    kind: Literal["number"] = "number"
    center: float
    """Training median, in the column's unit; also stands in for a missing value."""
    scale: float = Field(gt=0, allow_inf_nan=False)
    """Training interquartile range (or its substitute), in the column's unit; above zero."""
    lowest: float
    highest: float
    whole: bool = False
    """True where all training values are whole numbers."""
    quantiles: tuple[float, ...] = ()
    """Values at equally spaced quantiles, in the column's unit; empty for robust scaling."""


class TimeColumn(ColumnBase):
    """A date-time, fed as elapsed time (scaled as a number is) and the sine and cosine of the parts that repeat."""

    kind: Literal["datetime"] = "datetime"
    center: float
    """Training median, in seconds since 1970."""
    scale: float = Field(gt=0, allow_inf_nan=False)
    """Training interquartile range (or its substitute), in seconds; above zero."""
    lowest: float
    highest: float
    parts: tuple[TimePart, ...]


class CategoryColumn(ColumnBase):
    """One of a few values, fed as an index: 0 unseen or rare, 1 … V the values, V + 1 missing if training had any."""

    kind: Literal["category", "boolean"] = "category"
    values: tuple[str, ...]
    """The values seen often enough in training, most frequent first."""
    rare: int = 0
    """Training rows whose value was too rare to have a place of its own."""

    @property
    def cardinality(self) -> int:
        """How many different indices there are."""
        return len(self.values) + 1 + (self.missing > 0)


class ImageColumn(ColumnBase):
    """A picture, fed as (channels, height, width) uint8: 0 is black, or the lowest value, 255 white, or the highest."""

    kind: Literal["image"] = "image"
    channels: Literal[1, 3]
    """1 is grey, 3 red, green and blue."""
    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)
    fitting: Fitting = "pad"
    """How a picture of another shape becomes this one: scaled as a whole and padded with its edge, or stretched."""
    low: float = 0.0
    """The value of an array that becomes 0; pictures from files have a scale of their own."""
    high: float = 255.0
    """The value of an array that becomes 255."""
    mean: tuple[float, ...]
    """Of each channel over the training pictures, where 255 counts as 1."""
    std: tuple[float, ...]
    """Of each channel likewise; above zero."""

    @model_validator(mode="after")
    def _whole(self) -> "ImageColumn":
        numbers = (*self.mean, *self.std, self.low, self.high)
        sizes = len(self.mean) == len(self.std) == self.channels
        if not sizes or not all(map(math.isfinite, numbers)) or min(self.std) <= 0 or self.low >= self.high:
            raise ValueError("mean and std of each channel, std above zero, and low below high")
        return self


class TextColumn(ColumnBase):
    """A text that is read, as the `TextForm` says."""

    kind: Literal["words"] = "words"


class LeftOutColumn(ColumnBase):
    """A column the network does not see."""

    kind: Literal["text", "id", "constant", "left out"]


Column = Annotated[
    NumberColumn | TimeColumn | CategoryColumn | ImageColumn | TextColumn | LeftOutColumn, Field(discriminator="kind")
]


class Schema(Record):
    """The columns of the training table but for the target, in their order."""

    columns: tuple[Column, ...]
    form: Form | None = None
    """What more is known where the data is no plain table."""

    @property
    def used(self) -> tuple[NumberColumn | TimeColumn | CategoryColumn, ...]:
        """The columns of numbers, dates and categories that the network sees."""
        return tuple(c for c in self.columns if not isinstance(c, LeftOutColumn | ImageColumn | TextColumn))

    @property
    def image(self) -> ImageColumn | None:
        """The column of pictures, which a network then sees alone; None where there is none."""
        return next((c for c in self.columns if isinstance(c, ImageColumn)), None)

    @property
    def data(self) -> DataKind:
        """What kind of data the network is fed."""
        if self.form is not None:
            return self.form.kind
        return "image" if self.image is not None else "table"

    @property
    def texts(self) -> tuple[TextColumn, ...]:
        """The columns whose text the network reads."""
        return tuple(c for c in self.columns if isinstance(c, TextColumn))

    @property
    def left_out(self) -> tuple[LeftOutColumn, ...]:
        """The columns the network does not see."""
        return tuple(c for c in self.columns if isinstance(c, LeftOutColumn))

    @property
    def number_features(self) -> tuple[str, ...]:
        """One name for each number the network is fed, in order: `age`, `age is missing`, `day: sine of hour`, …"""
        return tuple(name for column in self.used for name in number_features(column))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many indices each category column has, in order."""
        return tuple(c.cardinality for c in self.used if isinstance(c, CategoryColumn))


def number_features(column: NumberColumn | TimeColumn | CategoryColumn) -> list[str]:
    """The names of the numbers a column is fed as; a category is fed as an index and has none."""
    match column:
        case NumberColumn():
            names = [column.name]
        case TimeColumn():
            names = [f"{column.name}: elapsed"]
            names += [f"{column.name}: {wave} of {part}" for part in column.parts for wave in ("sine", "cosine")]
        case CategoryColumn():
            return []
    return [*names, f"{column.name} is missing"] if column.missing else names
