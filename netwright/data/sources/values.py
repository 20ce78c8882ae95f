"""Python values, one a row, to a series: what JSON, databases, dicts and object arrays bring."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.data.table import Series, missing_series, series_of

LARGEST_INTEGER = 2**63 - 1


def values_series(name: str, values: Sequence[Any], source: str) -> Series:
    """A series of numbers, booleans, date-times or texts; mixed kinds become texts, lists are joined by `|`.

    None, NaN and pandas' own missing values are gaps. Raises InputError naming column and row for anything else.
    """
    kinds = {kind: _kind(kind) for kind in set(map(type, values))}
    found = set(kinds.values()) - {"missing"}
    if found & {"nested", "bytes", "complex", "other"}:
        raise _refused(name, values, kinds, source)
    if found == {"text"} and "missing" not in kinds.values():
        return series_of(name, values)
    if found == {"text", "float"} or found <= {"float"}:
        values = [None if kinds[type(v)] == "float" and math.isnan(v) else v for v in values]
        found = {kinds[type(v)] for v in values if v is not None} - {"missing"}
    clean = [None if v is None or kinds[type(v)] == "missing" else v for v in values]
    return _series(name, clean, found)


def _series(name: str, values: list, found: set[str]) -> Series:
    if not found:
        return missing_series(name, len(values))
    if found == {"integer"} and all(v is None or abs(v) <= LARGEST_INTEGER for v in values):
        return series_of(name, _each(values, int))
    if found <= {"integer", "float"} and "float" in found:
        return series_of(name, _each(values, float)).fill_nan(None)
    for kind, make in _MAKERS.items():
        if found == {kind}:
            return series_of(name, _each(values, make))
    return series_of(name, _each(values, as_text))


def _each(values: list, make: Callable[[Any], Any]) -> list:
    return [None if v is None else make(v) for v in values]


def as_text(value: Any) -> str:
    """One value as text: 3.0 is "3", True is "true", a list is its items joined by `|`."""
    match value:
        case bool() | np.bool_():
            return "true" if value else "false"
        case float() | np.floating() | Decimal() if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
            return str(int(value))
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple() | set() | frozenset() | np.ndarray():
            items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return "|".join(as_text(item) for item in items if item is not None)
    return str(value)


def _moment(value: Any) -> datetime:
    """A date-time without zone, in UTC where it had one."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    value = value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _seconds(value: Any) -> float:
    return float(value / np.timedelta64(1, "s")) if isinstance(value, np.timedelta64) else value.total_seconds()


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "datetime": _moment,
    "duration": _seconds,
}
_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool, np.bool_), "boolean"),
    ((timedelta, np.timedelta64), "duration"),  # NumPy's counts as an integer too
    ((int, np.integer), "integer"),
    ((float, np.floating, Decimal), "float"),
    ((str,), "text"),
    ((date, np.datetime64), "datetime"),
    ((complex, np.complexfloating), "complex"),
    ((bytes, bytearray, memoryview), "bytes"),
    ((list, tuple, set, frozenset, np.ndarray), "list"),
    ((dict,), "nested"),
    ((time, UUID), "word"),
)


def _kind(kind: type) -> str:
    if kind is type(None) or kind.__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return "missing"
    for types, word in _KINDS:
        if issubclass(kind, types):
            return word
    return "word" if kind.__module__.partition(".")[0] == "pandas" else "other"


def _refused(name: str, values: Sequence[Any], kinds: dict[type, str], source: str) -> InputError | InputTypeError:
    row, value, kind = next(
        (row, value, kinds[type(value)])
        for row, value in enumerate(values, start=1)
        if kinds[type(value)] in ("nested", "bytes", "complex", "other")
    )
    got = f"column {name!r}, row {row}: {type(value).__name__} {str(value)[:60]!r}"
    if kind == "complex":
        return complex_refused(source, got)
    fixes = {
        "nested": f"Flatten {name!r} into a column for each of its fields, or leave the column out.",
        "bytes": f"Decode {name!r} into text, or leave the column out.",
    }
    make = InputError if kind in fixes else InputTypeError
    return make(
        f"{source}: column {name!r} holds values that are no cells of a table.",
        got=got,
        wanted="numbers, booleans, dates, texts, or lists of them",
        fix=fixes.get(kind, f"Turn {name!r} into numbers or text, or leave the column out."),
    )


def complex_refused(source: str, got: str) -> InputError:
    """The error for complex numbers."""
    return InputError(
        f"{source}: Complex data not supported.",
        got=got,
        wanted="real numbers",
        fix="Give the real and the imaginary part as two columns.",
    )
