"""The first half of a run: a source becomes rows that a network can be fed, split before anything is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.encode import Encoded, encode
from netwright.data.leaks import find_leaks
from netwright.data.schema import fit_schema, forced_types, unknown_column
from netwright.data.sources.read import read
from netwright.data.split import Split, ordered_by, split_by_time, split_rows, strata_of, together
from netwright.data.table import Table
from netwright.families.family import VALIDATION_SHARE, Family
from netwright.tasks import Classification, MultiLabel, Regression, Task
from netwright.tasks.infer import find_separator, infer_kind

FEWEST_ROWS = 5
RARE_CLASS = 0.2
"""A class with less than this share of what it would have if all were even is called rare."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a person gave: values from memory or what names a file. `validation` and `test` may be None."""

    training: object
    validation: object = None
    test: object = None


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All that is known of the rows before there is a network. N rows, in the order of the source.

    `numbers` (N,) are their numbers in the source, from 1; `target` (N, …) is what the network is trained on.
    """

    table: Table
    numbers: np.ndarray
    task: Task
    task_why: str
    schema: Schema
    split: Split
    encoded: Encoded
    target: np.ndarray
    notices: tuple[Notice, ...]

    def truth(self, rows: np.ndarray) -> np.ndarray:
        """What metrics compare predictions of these rows with."""
        return self.task.truth(target_values(self.table.take(rows), self.task.targets))

    @property
    def split_words(self) -> str:
        """The split in words."""
        folds = f"in {len(self.split.folds)} folds that validate in turn" if len(self.split.folds) > 1 else ""
        validation = folds or f"and {len(self.split.folds[0]):,} validate"
        held = f"{len(self.split.test):,} are held out" if len(self.split.test) else "none are held out"
        return f"{len(self.split.training):,} rows train {validation}, {held}; {self.split.reason}"


def gather(sources: Sources, settings: Settings, family: Family) -> Rows:
    """Read, find the task, split, then measure the training rows and encode all. The
    `family` says how many validation folds it wants.

    Raises InputError for anything that can't be learned from, naming the file, the column and the mend.
    """
    family.configured(settings.config)  # what a person asked for is looked at before the data
    table, types, given, notices = _read(sources, settings)
    targets = _targets(table, settings)
    table, numbers, given, dropped = _with_targets(table, targets, given)
    values = target_values(table, targets)
    cells = {name: types[name] for name in targets}
    kind, why = infer_kind(values, cells, settings.task)
    split = _split(table, values, kind, settings, family, given)
    _check_sizes(table, split)
    task = _fit_task(kind, values, cells, split.training, settings)
    inputs = table.without(targets)
    exclude = (*settings.exclude, *([settings.group] if settings.group else []))
    schema = fit_schema(
        inputs.take(split.training), types, kinds=settings.kinds, exclude=exclude, scaling=settings.scaling
    )
    training_values = {name: v[split.training] for name, v in values.items()}
    notices += [*dropped, *_left_out(schema), *_imbalance(task)]
    notices += _leaks(inputs.take(split.training), schema, task, training_values)
    return Rows(
        table=table,
        numbers=numbers,
        task=task,
        task_why=why,
        schema=schema,
        split=split,
        encoded=encode(schema, inputs),
        target=task.encode(values),
        notices=tuple(notices),
    )


def target_values(table: Table, targets: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The raw target values by column: float64, booleans or text."""
    return {name: table[name].to_numpy() for name in targets}


def _read(
    sources: Sources, settings: Settings
) -> tuple[Table, dict[str, CellType], dict[str, np.ndarray], list[Notice]]:
    """One table of all files, its cells read, and which rows came as validation or test rows."""
    main = read(sources.training, query=settings.query)
    types, notices = infer_types(main)
    types = forced_types(types, settings.kinds)
    table, unreadable = read_cells(main, types)
    notices = [*main.notices, *notices, *unreadable]
    given: dict[str, np.ndarray] = {}
    for role, source in (("validation", sources.validation), ("test", sources.test)):
        if source is None:
            continue
        other = read(source)
        absent = [name for name in table.columns if name not in other.columns]
        if absent:
            raise InputError(
                f"The {role} file lacks columns of the training file.",
                got=f"{other.name} without {', '.join(map(repr, absent[:10]))}",
                wanted="the same columns, the target too",
                fix=f"Add them to the file given as --{role}.",
            )
        more, odd = read_cells(other, types)
        given[role] = np.arange(table.rows, table.rows + more.rows)
        table = replace(table, frame=table.frame.vstack(more.frame.select(table.columns)))
        notices += odd
    return table, types, given, notices


def _targets(table: Table, settings: Settings) -> tuple[str, ...]:
    if not settings.target:
        raise InputError(
            "Which column is to be predicted?",
            got=f"{table.name} with the columns {', '.join(table.columns[:20])}",
            wanted="one of them, or several",
            fix=f"For example --target {table.columns[-1]}",
        )
    for name in settings.target:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "--target")
    return settings.target


def _with_targets(
    table: Table, targets: tuple[str, ...], given: dict[str, np.ndarray]
) -> tuple[Table, np.ndarray, dict[str, np.ndarray], list[Notice]]:
    """The rows whose targets are all there and finite, their numbers, and a notice of the others."""
    known = np.ones(table.rows, dtype=bool)
    for name in targets:
        values = table[name]
        known &= values.is_not_null().to_numpy()
        if values.dtype.is_numeric():
            known &= np.isfinite(values.to_numpy())
    kept = np.flatnonzero(known)
    place = np.cumsum(known) - 1
    given = {role: place[rows[known[rows]]] for role, rows in given.items()}
    if len(kept) < FEWEST_ROWS:
        raise InputError(
            f"Too few rows to learn from: n_samples={len(kept)}.",
            got=f"{len(kept)} sample{'s' * (len(kept) != 1)} (rows) with a target in {table.name}, of {table.rows}",
            wanted=f"{FEWEST_ROWS} or more; a hundred and more to say how good the network is",
            fix="Give more rows, or look at the target: its empty and infinite values can't be learned from.",
        )
    notices = []
    if len(kept) < table.rows:
        first = ", ".join(str(i + 1) for i in np.flatnonzero(~known)[:5])
        what = f"{table.rows - len(kept):,} row(s) have an empty or infinite target and are left out (row {first})"
        notices.append(Notice(what=what, fix="fill the target in to use them", column=targets[0]))
    return table.take(kept), kept + 1, given, notices


def _split(
    table: Table,
    values: Mapping[str, np.ndarray],
    kind: str,
    settings: Settings,
    family: Family,
    given: dict[str, np.ndarray],
) -> Split:
    share = 0.0 if "test" in given else settings.test_share
    rest = np.setdiff1d(np.arange(table.rows), np.concatenate([*given.values(), np.zeros(0, dtype=np.int64)]))
    folds = (1, 1e-9) if "validation" in given else family.folds(len(rest), settings.config)
    split = _split_rest(table.take(rest), {k: v[rest] for k, v in values.items()}, kind, settings, folds, share)
    training, parts = rest[split.training], tuple(rest[fold] for fold in split.folds)
    if "validation" in given:
        training, parts = np.sort(np.concatenate([training, *parts])), (given["validation"],)
    words = "".join(f"; the {role} rows are those given with --{role}" for role in given)
    test = given.get("test", rest[split.test])
    return Split(training=training, folds=parts, test=test, reason=split.reason + words)


def _split_rest(
    table: Table,
    values: Mapping[str, np.ndarray],
    kind: str,
    settings: Settings,
    folds: tuple[int, float],
    share: float,
) -> Split:
    column = settings.time or (None if settings.shuffle or settings.group else _ordering(table))
    if column is not None:
        if column not in table.columns or not table[column].dtype.is_temporal():
            raise unknown_column(column, [n for n in table.columns if table[n].dtype.is_temporal()], "--time")
        fold_share = max(VALIDATION_SHARE, folds[1]) if folds[0] > 1 else folds[1]
        return split_by_time(
            _seconds(table, column),
            column=column,
            asked=bool(settings.time),
            fold_share=fold_share,
            test_share=share,
        )
    rows = table.frame.hash_rows(seed=0).to_numpy()
    keys, words = rows, "exact duplicates on one side"
    if len(np.unique(rows)) < 50 <= len(rows):
        keys, words = np.arange(len(rows)), "equal rows told apart, for there are hardly any different ones"
    if settings.group:
        if settings.group not in table.columns:
            raise unknown_column(settings.group, table.columns, "--group")
        keys = together([table[settings.group].rank("dense").fill_null(0).to_numpy()])
        words = f"rows of one {settings.group!r} on one side, as --group asks"
    first = next(iter(values.values()))
    if kind == "multilabel" or settings.group:
        strata = np.zeros(len(first), dtype=np.int64)
    else:
        strata = strata_of(first, classes=kind == "classification")
    seed = derive(settings.seed, "split")
    return split_rows(
        strata=strata, keys=keys, keys_are=words, folds=folds[0], fold_share=folds[1], seed=seed, test_share=share
    )


def _ordering(table: Table) -> str | None:
    """The date-time column that orders the rows, if there is one."""
    times = [name for name in table.columns if table[name].dtype.is_temporal()]
    return next((name for name in times if ordered_by(_seconds(table, name))), None)


def _seconds(table: Table, column: str) -> np.ndarray:
    return table[column].dt.epoch("us").cast(float).to_numpy() / 1e6


def _check_sizes(table: Table, split: Split) -> None:
    if len(split.training) < 2 or not sum(map(len, split.folds)):
        raise InputError(
            "The split leaves too few rows to train or validate on.",
            got=f"{len(split.training)} training and {sum(map(len, split.folds))} validation rows of {table.rows}",
            wanted="several of each",
            fix="Give more rows, a smaller --test-share, or another --group or --time column.",
        )


def _fit_task(
    kind: str,
    values: Mapping[str, np.ndarray],
    cells: Mapping[str, CellType],
    training: np.ndarray,
    settings: Settings,
) -> Task:
    if kind == "regression":
        return Regression.fit(values, cells, training)
    if kind == "classification":
        return Classification.fit(values, cells, training, balanced=settings.balanced)
    separator = find_separator(next(iter(values.values()))) if len(values) == 1 else ""
    return MultiLabel.fit(values, cells, training, separator=separator)


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


def _imbalance(task: Task) -> list[Notice]:
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
    if isinstance(task, MultiLabel):
        return []
    columns = [c.name for c in schema.used]
    found: list[Notice] = []
    for name in task.targets:
        classes = isinstance(task, Classification)
        target = task.encode(values) if classes else values[name]
        found += find_leaks(inputs, columns, target, classes=classes)
    return found
