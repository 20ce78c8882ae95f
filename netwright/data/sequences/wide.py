"""A wide table, a row a sequence of one channel, whose columns of numbers are the steps."""

from collections.abc import Mapping, Sequence

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import unknown_column
from netwright.data.sequences.collection import NAME, Sequences, channel_names, finite, numbered
from netwright.data.table import Series, Table, series_of, table_of

IDS = ("id", "uuid", "index", "key", "row", "nr", "no")
"""Words in the name of a column that names rows, if its whole numbers are all different."""


def from_wide(
    table: Table,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    beside: Sequence[str] = (),
    *,
    steps: Sequence[str] = (),
    sure: bool = False,
) -> Sequences:
    """The sequences of a table whose rows they are; steps in the order of the columns.

    All columns of numbers are steps but the `target`, those to `exclude`, those to keep `beside`, and one that numbers
    the rows; or just those named in `steps`, in this order, an empty one being missing values. Cells that are empty up
    to the end of a row are past its end. What is taken for steps is told, unless it is `sure` or named. Raises
    InputError for a column that is not there or where no column holds numbers.
    """
    for name in target:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "--target")
    sure = sure or bool(steps)
    if absent := [name for name in steps if name not in table.columns]:
        raise _lacks(table, absent)
    types, notices = infer_types(table)
    read, unreadable = read_cells(table, as_numbers(types, steps))
    others, named = (*target, *exclude, *beside), []
    if not steps:
        numbers = [name for name in read.columns if name not in others and types[name].kind == "number"]
        named = [name for name in numbers if _names_rows(name, read[name])]
        steps = [name for name in numbers if name not in named]
    if not steps:
        raise _no_steps(table, types, others)
    values = np.stack([read[name].cast(float).to_numpy() for name in steps], 1)
    known = ~np.isnan(values)
    lengths = np.where(known.any(1), len(steps) - known[:, ::-1].argmax(1), 0).astype(np.int64)
    values, wild = finite(values[:, :, None], table.name)
    rest = [read[name] for name in read.columns if name not in steps and name not in exclude]
    first = [] if any(series.name == NAME for series in rest) else [series_of(NAME, numbered(table.rows))]
    told = [Notice(what=f"{name!r} numbers the rows and is no step", column=name) for name in named]
    what = f"each row is one sequence: the {len(steps):,} columns from {steps[0]!r} to {steps[-1]!r} are its steps"
    fix = "for rows that are steps, name the column of their sequence with --id"
    told = [] if sure else [*told, Notice(what=what, fix=fix)]
    return Sequences(
        table=table_of([*first, *rest], table.name),
        values=values,
        lengths=lengths,
        channels=channel_names(1),
        steps=tuple(steps),
        notices=(*table.notices, *notices, *unreadable, *told, *wild),
    )


def as_numbers(types: Mapping[str, CellType], names: Sequence[str]) -> dict[str, CellType]:
    """The cell types, those of these columns being of numbers, whatever their cells look like."""
    forced = {name: CellType(kind="number") for name in names if types[name].kind not in ("number", "boolean")}
    return {**types, **forced}


def _lacks(table: Table, absent: Sequence[str]) -> InputError:
    return InputError(
        f"{table.name} lacks {len(absent):,} of the columns that are the steps of its sequences.",
        got=f"columns {', '.join(map(repr, table.columns[:20]))}" + (" …" if len(table.columns) > 20 else ""),
        wanted=", ".join(map(repr, absent[:20])) + (" …" if len(absent) > 20 else ""),
        fix="Add the column to the data; it may be empty, and its values are then missing.",
    )


def _names_rows(name: str, series: Series) -> bool:
    """Whether a column is called an id and its whole numbers are all different."""
    words = name.lower().replace("_", " ").split()
    present = series.drop_nulls()
    whole = bool((present.cast(float).to_numpy() % 1 == 0).all())
    return any(word in IDS for word in words) and whole and present.n_unique() == len(series)


def _no_steps(table: Table, types: dict[str, CellType], others: Sequence[str]) -> InputError:
    found = ", ".join(f"{name!r} ({types[name].kind})" for name in table.columns[:20])
    return InputError(
        f"{table.name} has no columns of numbers that could be the steps of a sequence.",
        got=f"{found}, of which {', '.join(map(repr, others)) or 'none'} are no steps",
        wanted="a column of numbers for each step, or a row for each step and the column of their sequence",
        fix="Name the column of their sequence with --id, or look at --target and --exclude.",
    )
