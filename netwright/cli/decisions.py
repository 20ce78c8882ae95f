"""The decisions about the data, as text: what --dry-run prints."""

from netwright.api.rows import Rows
from netwright.api.train import Preparation
from netwright.core.schema import Column
from netwright.evaluate.decisions import formed, treatment
from netwright.evaluate.format import shorten

MOST_COLUMNS = 200


def decisions(ready: Preparation) -> str:
    """Task, split, columns, notices and the family's settings, each with its reason."""
    rows = ready.rows
    columns = rows.schema.columns
    lines = [
        f"{rows.table.name}: {_size(rows)}",
        f"task:   {rows.task.title}{_of(rows)}, because {rows.task_why.removeprefix('because ')} (--task)",
        f"split:  {rows.split_words} (--time, --group, --shuffle, --test-share, --seed)",
        f"family: {ready.family.name}, {ready.family.phrase} (--family)",
        *(f"        {name} = {shorten(str(value), 100)}" for name, value in ready.config.model_dump().items()),
        *([f"data:   {formed(rows.schema.form)}"] if rows.schema.form is not None else []),
        "",
        *_table([("column", "kind", "missing", "what is done with it"), *map(_row, columns[:MOST_COLUMNS])]),
    ]
    if len(columns) > MOST_COLUMNS:
        lines.append(f"… and {len(columns) - MOST_COLUMNS} more columns")
    lines.append("(--kind COLUMN=KIND, --exclude and --scaling change these)")
    lines += ["", *(f"note: {notice}" for notice in rows.notices)] if rows.notices else []
    return "\n".join(lines)


def _size(rows: Rows) -> str:
    named = {"image": "pictures", "sequence": "sequences", "corpus": "texts"}.get(rows.schema.data)
    if named is not None:
        return f"{rows.table.rows:,} {named if rows.table.rows != 1 else named[:-1]}"
    return f"{rows.table.rows:,} rows, {len(rows.table.columns)} columns"


def _of(rows: Rows) -> str:
    names = ", ".join(rows.task.targets)
    if hasattr(rows.task, "label"):  # nothing is predicted
        return f" (labels: {names})" if names else ""
    return f" of {names}" if names and rows.task.kind != "forecasting" else ""


def _row(column: Column) -> tuple[str, str, str, str]:
    return column.name, column.kind, f"{column.missing:,}", f"{treatment(column)} ({column.why})"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]) for row in rows]
