"""Bring later tables to what a schema needs: the same columns, read the same way."""

from collections.abc import Mapping

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.data.cells.celltypes import convert
from netwright.data.sources.missing import blank_markers
from netwright.data.table import Table

MOST_UNREADABLE = 0.5
"""Share of a column's cells that may be unreadable before that is taken for a wrong file."""
FEWEST_UNREADABLE = 3
"""Fewer are missing values all the same, so that a row alone is answered as it is among others."""


def conform(schema: Schema, table: Table) -> tuple[Table, list[Notice]]:
    """The table's cells read as the schema needs them, and what was odd.

    Raises InputError where a column is missing or most of its cells can't be read.
    """
    wanted = {c.name: c.cell for c in (*schema.used, *schema.texts)}
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise InputError(
            f"{table.name} lacks {len(absent)} of the columns the network was trained on.",
            got=f"columns {', '.join(map(repr, table.columns[:20]))}" + (" …" if len(table.columns) > 20 else ""),
            wanted=", ".join(map(repr, absent[:20])) + (" …" if len(absent) > 20 else ""),
            fix="Add the column to the data; it may be empty, and is then treated as missing.",
        )
    return read_cells(table, wanted)


def read_cells(table: Table, types: Mapping[str, CellType]) -> tuple[Table, list[Notice]]:
    """Read cells as these types; those that can't be read become missing, and are named in a notice.

    Raises InputError where that is most of a column.
    """
    cleaned = blank_markers(table)
    converted, problems = convert(cleaned, types)
    notices = list(cleaned.notices[len(table.notices) :])
    for name, problem in problems.items():
        values = ", ".join(map(repr, problem.values))
        rows = ", ".join(map(str, problem.rows))
        if problem.count >= FEWEST_UNREADABLE and problem.count > MOST_UNREADABLE * max(
            1, problem.count + len(converted[name].drop_nulls())
        ):
            raise InputError(
                f"Most cells of column {name!r} in {table.name} are no {problem.wanted}s.",
                got=f"{values} (rows {rows}), {problem.count} such cells",
                wanted=f"{problem.wanted}s, as in training",
                fix=f"Write the column {name!r} as plain {problem.wanted}s, without words or signs such as € or %.",
            )
        what = (
            f"{problem.count} cell(s) of {name!r} are no {problem.wanted}s and count as missing: {values} (row {rows})"
        )
        notices.append(Notice(what=what, fix=f"--kind {name}=category takes them as they are", column=name))
    return converted, notices
