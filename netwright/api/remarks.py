"""What a person should know of the rows before training: columns left out, uneven classes, leaks, rows seen twice."""

from collections.abc import Mapping

import numpy as np

from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.data.leaks import find_leaks
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.tasks import Classification, Regression, Task

RARE_CLASS = 0.2
"""A class with less than this share of what it would have if all were even is called rare."""


def remarks(table: Table, split: Split, schema: Schema, task: Task, values: Mapping[str, np.ndarray]) -> list[Notice]:
    """All of them. `values` are the raw targets of every row."""
    training = {name: column[split.training] for name, column in values.items()}
    inputs = table.without(task.targets).take(split.training)
    return [
        *_left_out(schema),
        *imbalance(task),
        *_leaks(inputs, schema, task, training),
        *_seen_twice(table, split, schema),
    ]


def copies(contents: np.ndarray, split: Split, given: bool) -> list[Notice]:
    """Held-out pictures that also train, which only a division that was given can bring about."""
    twice = int(np.isin(contents[split.test], contents[split.fitting]).sum()) if given else 0
    if not twice:
        return []
    what = f"{twice:,} of the {len(split.test):,} held-out pictures lie among the training pictures too"
    return [Notice(what=what, fix="remove them from one of the two: they flatter the figures", serious=True)]


def _left_out(schema: Schema) -> list[Notice]:
    """A notice for each column that was left out unasked; many are told in one."""
    columns = [c for c in schema.left_out if c.kind != "left out"]
    if len(columns) > 10:
        names = ", ".join(repr(c.name) for c in columns[:10])
        return [Notice(what=f"{len(columns)} columns are left out: {names} …", fix="--dry-run tells why")]
    return [
        Notice(what=f"{c.name!r} is left out: {c.why}", fix=f"--kind {c.name}=category to use it", column=c.name)
        for c in columns
    ]


def imbalance(task: Task) -> list[Notice]:
    """Classes with few training rows, or one alone."""
    if not isinstance(task, Classification) or task.weights:
        return []
    notices = []
    few = [name for name, count in zip(task.classes, task.counts, strict=True) if count <= 1]
    if few:
        what = (
            f"{len(few)} class(es) have a single training row or none and can hardly be learned: {', '.join(few[:5])}"
        )
        notices.append(Notice(what=what, fix="give more rows of them, or merge them", column=task.targets[0]))
    total, classes = sum(task.counts), len(task.classes)
    rare = [name for name, n in zip(task.classes, task.counts, strict=True) if n * classes < RARE_CLASS * total]
    if rare:
        what = (
            f"the classes are uneven: {', '.join(map(repr, rare[:5]))} have few rows ({min(task.counts)} of {total:,})"
        )
        notices.append(Notice(what=what, fix="--balanced weights the classes evenly", column=task.targets[0]))
    return notices


def _leaks(inputs: Table, schema: Schema, task: Task, values: Mapping[str, np.ndarray]) -> list[Notice]:
    if not isinstance(task, Regression | Classification):
        return []
    columns = [c.name for c in schema.used]
    found: list[Notice] = []
    for name in task.targets:
        classes = isinstance(task, Classification)
        target = task.encode(values) if classes else values[name]
        found += find_leaks(inputs, columns, target, classes=classes)
    return found


def _seen_twice(table: Table, split: Split, schema: Schema) -> list[Notice]:
    """Held-out rows that also train, which only files given by a person can bring about unnoticed."""
    same = [column.name for column in schema.texts] or table.columns
    rows = table.without([name for name in table.columns if name not in same]).row_hashes()
    twice = int(np.isin(rows[split.test], rows[split.fitting]).sum())
    if not twice or "--test" not in split.reason:
        return []
    what = f"{twice:,} of the {len(split.test):,} rows given with --test stand among the training rows too"
    return [Notice(what=what, fix="remove them from one of the files: they flatter the figures", serious=True)]
