"""A long table, a row a step, to sequences: rows of one id, in the order of a column.

R rows, N sequences.
"""

from collections.abc import Sequence

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import unknown_column
from netwright.data.sequences.collection import Sequences, finite, padded
from netwright.data.sequences.wide import as_numbers
from netwright.data.table import Series, Table, table_of

STEPS = ("step", "steps", "t", "time", "timestep", "time_step", "timestamp", "index", "frame", "tick", "cycle",
         "position", "pos", "order", "seq", "date", "datetime")  # fmt: skip
"""Names of columns that order the steps, where no dates do."""


def from_long(
    table: Table,
    *,
    id: str,
    order: str | None = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    beside: Sequence[str] = (),
    channels: Sequence[str] = (),
) -> Sequences:
    """The sequences of a table whose rows are their steps.

    Rows with one value of `id` are a sequence, put in the order of `order`: by default a column of dates, or of numbers
    called step, t, time and the like, else the order of the file. Columns of numbers are the channels, or those named
    in `channels`; `target`, `beside`, and words that do not change within a sequence stand in the table, one value a
    sequence. Raises InputError for a column that is not there, and for a target that changes within a sequence.
    """
    for option, names in (("--id", [id]), ("--target", target), ("--time", [order] if order else [])):
        for name in names:
            if name not in table.columns:
                raise unknown_column(name, table.columns, option)
    names, (kept, code, first), notices = _sequences(table, id)
    types, odd = infer_types(table.without([id]))
    read, unreadable = read_cells(table.without([id]), as_numbers(types, [n for n in channels if n in types]))
    read = read.take(kept)
    found = order or _ordering(read, types, code, (*target, *exclude, *beside, *channels))
    sorting, told = _sorted(read, found, code, names, id)
    others = (found, *target, *exclude, *beside)
    chosen = tuple(channels) or tuple(n for n in read.columns if n not in others and _is_number(types[n]))
    if not chosen or any(name not in read.columns for name in chosen):
        raise InputError(
            f"{table.name} lacks the columns of numbers that are the channels of its sequences.",
            got=f"columns {', '.join(map(repr, table.columns[:20]))}, with --id {id}",
            wanted=", ".join(map(repr, channels)) or "a column of numbers besides the id, the order and the target",
            fix="Add it to the data, or name another column with --id; --exclude takes columns away.",
        )
    steps = np.stack([_floats(read[name]) for name in chosen], 1)[sorting]
    values, lengths = padded(np.split(steps, np.cumsum(np.bincount(code))[:-1]), table.name)
    values, wild = finite(values, table.name)
    rest = [name for name in read.columns if name not in (*chosen, found, *exclude)]
    columns, changing = _constants(read, rest, code, first, target, names, id)
    return Sequences(
        table=table_of([names, *columns], table.name),
        values=values,
        lengths=lengths,
        channels=chosen,
        order=found,
        id=id,
        notices=(*table.notices, *notices, *odd, *unreadable, *told, *wild, *changing),
    )


def _sequences(table: Table, id: str) -> tuple[Series, tuple[np.ndarray, np.ndarray, np.ndarray], list[Notice]]:
    """(N,) the ids as they come, the rows that have one, the sequence of each such row, the first row of each sequence.

    The rows without an id are told.
    """
    ids = table[id].cast(str)
    kept = np.flatnonzero(ids.is_not_null().to_numpy())
    notices = []
    if len(kept) < table.rows:
        missing = int(np.flatnonzero(ids.is_null().to_numpy())[0]) + 1
        what = f"{table.rows - len(kept):,} row(s) have no {id!r} and are left out (first row {missing})"
        notices.append(Notice(what=what, fix=f"fill {id} in to use them", column=id))
    if not len(kept):
        raise InputError(
            f"{table.name} has no row with a value of {id!r}.",
            got=f"--id {id}, {table.rows:,} rows",
            wanted="a column that says which sequence a row belongs to",
            fix="Give another column with --id.",
        )
    _, first, inverse = np.unique(ids.rank("dense").to_numpy()[kept], return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))
    first = np.sort(first)
    return ids[kept[first]].alias(id), (kept, place[inverse.ravel()], first), notices


def _is_number(cell: CellType) -> bool:
    return cell.kind in ("number", "boolean")


def _floats(series: Series) -> np.ndarray:
    return series.cast(float).to_numpy()


def _ordering(table: Table, types: dict[str, CellType], code: np.ndarray, taken: Sequence[str]) -> str | None:
    """The column that orders the steps: of dates, or of numbers and called so, that changes within the sequences."""
    names = [name for name in table.columns if name not in taken]
    dates = [name for name in names if types[name].kind == "datetime"]
    called = [n for n in names if types[n].kind == "number" and n.strip().lower().replace(" ", "_") in STEPS]
    steps = len(code) - len(np.unique(code))  # rows that are not the first of their sequence
    for name in (*dates, *called):
        moments = np.stack([code, _moments(table[name])], 1)
        if len(np.unique(moments, axis=0)) - len(np.unique(code)) > 0.5 * steps:
            return name
    return None


def _moments(series: Series) -> np.ndarray:
    """(R,) float64 what orders the rows; NaN where missing."""
    if series.dtype.is_temporal():
        series = series.dt.epoch("us")
    return series.cast(float).to_numpy().astype(np.float64)


def _sorted(
    table: Table, order: str | None, code: np.ndarray, names: Series, id: str
) -> tuple[np.ndarray, list[Notice]]:
    """The rows by sequence and step, and what was odd about their order."""
    if order is None:
        what = f"no column orders the steps of a {id!r}: they are taken in the order of the file"
        return np.argsort(code, kind="stable"), [Notice(what=what, fix="name the column with --time", column=id)]
    if not (table[order].dtype.is_temporal() or table[order].dtype.is_numeric()):
        raise InputError(
            f"The steps can't be put in the order of {order!r}: it holds neither dates nor numbers.",
            got=f"--time {order}, with values such as {table[order][0]!r}",
            wanted="a column of dates or of numbers",
            fix=f"Give another column with --time, or --kind {order}=number.",
        )
    moments = _moments(table[order])
    sorting = np.lexsort((moments, code))
    sequence, time = code[sorting], moments[sorting]
    notices = []
    if gaps := int(np.isnan(moments).sum()):
        row = int(np.flatnonzero(np.isnan(moments))[0]) + 1
        what = f"{gaps:,} step(s) have no {order!r} and are put at the end of their sequence (first row {row})"
        notices.append(Notice(what=what, fix=f"fill {order} in", column=order))
    own = np.argsort(code, kind="stable")
    before, after = own[:-1], own[1:]
    back = (code[before] == code[after]) & (moments[after] < moments[before])
    if back.any():
        which = np.unique(code[after[back]])
        what = f"the steps of {len(which):,} sequence(s) were not in the order of {order!r} and have been sorted"
        notices.append(Notice(what=f"{what} (first {names[int(which[0])]!r})", column=order))
    twice = (sequence[1:] == sequence[:-1]) & (time[1:] == time[:-1])
    if twice.any():
        which = np.unique(sequence[1:][twice])
        what = f"{int(twice.sum()):,} step(s) in {len(which):,} sequence(s) have the {order!r} of another one"
        what += f" (first {names[int(which[0])]!r}): all are kept, in the order of the file"
        notices.append(Notice(what=what, fix="remove the copies, or look at --id", column=order))
    return sorting, notices


def _constants(
    table: Table,
    columns: Sequence[str],
    code: np.ndarray,
    first: np.ndarray,
    target: Sequence[str],
    names: Series,
    id: str,
) -> tuple[list[Series], list[Notice]]:
    """The columns that do not change within a sequence, (N,) each, and a notice of those that do and are not used.

    A gap is no change. Raises InputError where a target changes.
    """
    kept, changing = [], []
    for name in columns:
        values = table[name].rank("dense").cast(float).to_numpy().astype(np.float64)
        least, most = np.full(len(first), np.inf), np.full(len(first), -np.inf)
        known = ~np.isnan(values)
        np.minimum.at(least, code[known], values[known])
        np.maximum.at(most, code[known], values[known])
        changes = np.flatnonzero(least < most)
        if len(changes) and name in target:
            bad = int(changes[0])
            some = table.take(np.flatnonzero(code == bad))[name].drop_nulls().unique(maintain_order=True)
            raise InputError(
                f"The target {name!r} changes within {len(changes):,} sequence(s).",
                got=f"{id} {names[bad]}: {', '.join(map(str, some.head(3)))}",
                wanted="one value for all steps of a sequence",
                fix="Give another --id or --target; to foretell the steps that follow, give --horizon instead.",
            )
        if len(changes):
            changing.append(name)
            continue
        row = first.copy()
        row[code[known][::-1]] = np.flatnonzero(known)[::-1]
        kept.append(table.take(row)[name])
    if not changing:
        return kept, []
    what = f"{', '.join(map(repr, changing[:10]))}: words that change within a sequence, which are not used"
    return kept, [Notice(what=what, fix="give them as numbers to use them", column=changing[0])]
