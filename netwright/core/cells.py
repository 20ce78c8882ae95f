"""How the cells of one column are read: found once on the training table, applied again to every later one."""

from typing import Literal

from netwright.core.record import Record

CellKind = Literal["number", "boolean", "datetime", "string"]


class CellType(Record):
    """What the cells of a column hold, and how they are written where they are text."""

    kind: CellKind
    decimal: Literal[".", ","] = "."
    """The decimal mark of numbers written as text."""
    thousands: Literal["", ",", ".", " ", "'", "_"] = ""
    """The mark between thousands of numbers written as text; empty when there is none."""
    time_format: str | None = None
    """strftime pattern of date-times written as text; None where the source gave date-times itself."""
    time_zone: bool = False
    """True when date-times carry an offset; they are then brought to UTC."""
    true: str | None = None
    """The word for true, and `false` for false, of booleans written as text."""
    false: str | None = None
