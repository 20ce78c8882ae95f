"""A table in memory, and the one file that imports polars.

Everything else works on a `Table` and on the series it hands out, so that the library behind it can be changed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from netwright.core.notice import Notice

Series = pl.Series


@dataclass(frozen=True)
class Table:
    """Named columns of one length.

    Columns of text sources are strings until `celltypes.convert` has read them; binary sources bring their own types.
    `name` is the file (or "table" for values from memory); rows are named by their number, the first data row being 1.
    """

    frame: pl.DataFrame
    name: str = "table"
    notices: tuple[Notice, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        """Column names, in the order of the source."""
        return self.frame.columns

    def __getitem__(self, column: str) -> Series:
        return self.frame[column]

    def take(self, rows: np.ndarray) -> "Table":
        """The rows with these positions (from 0), in this order."""
        return replace(self, frame=self.frame[np.asarray(rows)])

    def without(self, columns: Sequence[str]) -> "Table":
        """The table without these columns; names it does not have are ignored."""
        return replace(self, frame=self.frame.drop(columns, strict=False))

    def with_columns(self, columns: Mapping[str, Any]) -> "Table":
        """The table with these columns added, or replaced where the name exists."""
        return replace(self, frame=self.frame.with_columns([pl.Series(k, v) for k, v in columns.items()]))
