"""Decide what each column is, and measure what its encoding needs. Give it training rows only."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.schema import (
    CategoryColumn,
    Column,
    LeftOutColumn,
    NumberColumn,
    Scaling,
    Schema,
    TextColumn,
    TimeColumn,
    TimePart,
)
from netwright.data.table import Series, Table

LARGEST = 1e150
"""Numbers beyond this, infinities too, count as this: their squares must not overflow."""
SMALLEST = 1e-140
"""Numbers nearer to zero than this count as zero: dividing by what sets two numbers apart must not overflow."""
QUANTILES = 65
"""Points of the quantile scaling."""
FORCED = {"number": "number", "category": "string", "boolean": "string", "datetime": "datetime", "text": "string"}
"""How the cells of a column must be read for a kind a person asks for."""


def forced_types(types: Mapping[str, CellType], kinds: Mapping[str, str]) -> dict[str, CellType]:
    """The cell types, changed where a person asked for a kind that reads cells another way.

    Raises InputError for a column that is not there, or a kind that does not exist.
    """
    changed = dict(types)
    for name, kind in kinds.items():
        if name not in types:
            raise unknown_column(name, types, "--kind")
        if kind not in FORCED:
            raise InputError(
                f"There is no kind of column called {kind!r}.",
                got=f"--kind {name}={kind}",
                wanted=", ".join(FORCED),
                fix=f"For example --kind {name}=category, or --exclude {name} to leave it out.",
            )
        if types[name].kind != FORCED[kind] and not (kind == "boolean" and types[name].kind == "boolean"):
            changed[name] = CellType(kind=FORCED[kind])  # type: ignore[arg-type]
    return changed


def fit_schema(
    table: Table,
    types: Mapping[str, CellType],
    *,
    kinds: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
    scaling: Scaling = "robust",
    texts: Sequence[str] = (),
) -> Schema:
    """The schema of these rows, whose cells were read as `types` say.

    `kinds` are a person's own choices by column; `exclude` are columns to leave out, `texts` those whose text is read.
    Raises InputError where a named
    column is not there or no column is left.
    """
    kinds = dict(kinds or {})
    for name in exclude:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "--exclude")
    columns = tuple(
        LeftOutColumn(name=name, cell=types[name], kind="left out", why="left out by --exclude")
        if name in exclude
        else TextColumn(name=name, cell=types[name], why="text that is read", missing=table[name].null_count())
        if name in texts
        else _fit_column(name, table[name], types[name], kinds.get(name), scaling)
        for name in table.columns
    )
    schema = Schema(columns=columns)
    if not schema.used and not texts:
        raise InputError(
            "No column is left to predict from.",
            got="; ".join(f"{c.name}: {c.why}" for c in schema.left_out[:5]) or "a table with the target alone",
            wanted="at least one column that varies and is not a row's own name",
            fix="Force a column with --kind COLUMN=category, or give a table with more columns.",
        )
    return schema


def _fit_column(name: str, series: Series, cell: CellType, forced: str | None, scaling: Scaling) -> Column:
    why = "forced by --kind" if forced else ""
    present = series.drop_nulls()
    if cell.kind == "number":
        present = present.drop_nans()
    missing = len(series) - len(present)
    if not forced or (not len(present) and cell.kind in ("number", "datetime")):
        reason = _constant(series, present, missing) or (cell.kind == "string" and _text_or_id(present))
        reason = reason or (cell.kind == "number" and _numbered_rows(name, present))
        if reason:
            return LeftOutColumn(name=name, cell=cell, missing=missing, kind=reason[0], why=reason[1])
    match cell.kind:
        case "number":
            return _fit_number(name, present, cell, missing, scaling, why)
        case "datetime":
            return _fit_time(name, present, cell, missing, why)
        case _:
            return _fit_category(name, present, cell, missing, why)


def _constant(series: Series, present: Series, missing: int) -> tuple | None:
    """A column that says the same in every row. One value and gaps is not constant: the gaps may tell something."""
    if not len(present):
        return "constant", f"all {len(series)} training rows lack a value"
    if not missing and present.n_unique() == 1:
        return "constant", f"always {_value(present[0])} in the training rows"
    return None


def _value(value: object) -> str:
    """A cell in words: 3 rather than 3.0, and no more of a long text than tells."""
    return f"{value:.6g}" if isinstance(value, float) else repr(value)[:40]


def _text_or_id(present: Series) -> tuple | None:
    """Free text and rows' own names: nearly every value is different, so nothing can be learned value by value."""
    different = present.n_unique() / len(present)
    if len(present) < 20 or different <= 0.5:
        return None
    words = float(np.mean(present.str.count_matches(r"\S+").to_numpy()))
    if words >= 2:
        return "text", f"text: {different:.0%} of the values are different, {words:.1f} words each"
    if different > 0.9:
        return "id", f"names the row: {different:.0%} of the values are different"
    return None


def _numbered_rows(name: str, present: Series) -> tuple | None:
    """Whole numbers that count the rows, or that are all different and called an id."""
    values = present.to_numpy()
    if len(values) < 20 or not np.all(np.isfinite(values)) or np.any(values != np.round(values)):
        return None
    if present.n_unique() < len(values):
        return None
    word = name.lower().replace("_", " ").split()
    called = any(w in ("id", "uuid", "index", "key", "row", "nr", "no") for w in word) or name.endswith(("Id", "ID"))
    counts = values.max() - values.min() <= 1.5 * len(values) and bool(np.all(np.diff(values) > 0))
    if called or counts:
        return "id", "names the row: whole numbers, all different" + (", rising row by row" if counts else "")
    return None


def _fit_number(name: str, present: Series, cell: CellType, missing: int, scaling: Scaling, why: str) -> NumberColumn:
    values = bounded(present.to_numpy())
    center, scale, lowest, highest = _robust(values)
    quantiles: tuple[float, ...] = ()
    if scaling == "quantile":
        quantiles = tuple(float(q) for q in np.quantile(values, np.linspace(0, 1, QUANTILES)))
    return NumberColumn(
        name=name,
        cell=cell,
        why=why or f"numbers from {lowest:.6g} to {highest:.6g}",
        missing=missing,
        center=center,
        scale=scale,
        lowest=lowest,
        highest=highest,
        whole=bool(np.all(values == np.round(values))),
        quantiles=quantiles,
    )


def bounded(values: np.ndarray) -> np.ndarray:
    """The numbers as they count: within ± `LARGEST`, and zero where they are nearer to zero than `SMALLEST`."""
    return np.where(np.abs(values) < SMALLEST, 0.0, np.clip(values, -LARGEST, LARGEST))


def _robust(values: np.ndarray) -> tuple[float, float, float, float]:
    """Median, interquartile range, least and greatest. An empty range is replaced by half the span, at last by 1."""
    lowest, low, center, high, highest = (float(q) for q in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    scale = high - low
    if scale <= 0:
        scale = (highest - lowest) / 2
    return center, scale if scale > 0 else 1.0, lowest, highest


def _fit_time(name: str, present: Series, cell: CellType, missing: int, why: str) -> TimeColumn:
    seconds = present.dt.epoch("s").to_numpy().astype(np.float64)
    center, scale, lowest, highest = _robust(seconds)
    parts = tuple(part for part in TIME_PARTS if _repeats(part, present, highest - lowest))
    return TimeColumn(
        name=name,
        cell=cell,
        why=why or f"date-times from {present.min()} to {present.max()}",
        missing=missing,
        center=center,
        scale=scale,
        lowest=lowest,
        highest=highest,
        parts=parts,
    )


TIME_PARTS: dict[TimePart, float] = {"second": 60, "minute": 3600, "hour": 86400, "weekday": 7 * 86400,
                                     "day": 30.4 * 86400, "month": 365.25 * 86400}  # fmt: skip
"""The cycles of a calendar, with their length in seconds."""


def _repeats(part: TimePart, present: Series, span: float) -> bool:
    """A part is worth having when it varies and the rows see its cycle at least twice."""
    return span >= 2 * TIME_PARTS[part] and getattr(present.dt, part)().n_unique() > 1


def _fit_category(name: str, present: Series, cell: CellType, missing: int, why: str) -> CategoryColumn:
    counts = present.cast(str).value_counts(sort=True, name="count") if len(present) else None
    pairs = sorted(counts.rows(), key=lambda pair: (-pair[1], pair[0])) if counts is not None else []
    often = 2 if len(pairs) > 2 else 1
    values = tuple(value for value, count in pairs if count >= often)
    rare = sum(count for _, count in pairs if count < often)
    boolean = cell.kind == "boolean" or len(pairs) == 2
    return CategoryColumn(
        name=name,
        cell=cell,
        kind="boolean" if boolean else "category",
        why=why or (f"{len(pairs)} different values" + (f", {rare} of them seen once" if rare else "")),
        missing=missing,
        values=values,
        rare=rare,
    )


def unknown_column(name: str, columns: Iterable[str], option: str) -> InputError:
    """The error for a column that is not there; it offers the nearest name."""
    known = list(columns)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return InputError(
        f"There is no column called {name!r}.",
        got=f"{option} {name}",
        wanted=f"one of {', '.join(map(repr, known[:20]))}" + (" …" if len(known) > 20 else ""),
        fix=f"Did you mean {near[0]!r}?" if near else f"Correct {option}.",
    )
