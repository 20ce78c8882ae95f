"""How good a saved network is on rows that have the target, or, where nothing is predicted, on any."""

from collections.abc import Iterable

import numpy as np

from netwright.api.corpus import corpus_rows
from netwright.api.judging.judge import judged
from netwright.api.judging.judged import unit_of
from netwright.api.rows import Rows, target_values
from netwright.api.series import series_rows
from netwright.artifact.predictor import Predictor, none_readable
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.data.conform import conform, read_cells
from netwright.data.corpus.corpus import Corpus
from netwright.data.encode import Encoded, encode, pictures_encoded
from netwright.data.pictures.album import Album
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.unreadable import unreadable
from netwright.data.schema import unknown_column
from netwright.data.sequences.collection import Sequences
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.evaluate.evaluation import Evaluation, evaluate
from netwright.tasks import Answering, Forecasting, Task
from netwright.tasks.labelled import Labelled

SEED = 0
"""Of all random choices: the same rows are judged the same."""
HELD, VALIDATING = 0.25, 0.15
"""Shares of rows that new ones are compared with, and that the classifier which judges them validates on."""


def score(predictor: Predictor, source: object, *, query: str | None = None) -> tuple[Evaluation, list[Notice]]:
    """The figures of the predictor on a source, beside simpler things', and what was odd.

    Pictures that can't be read are left out. Raises InputError where a target is to be predicted and is missing, and
    where no picture can be read.
    """
    task, rows = predictor.task, predictor.read(source, query=query)
    if isinstance(rows, Corpus):
        return _ahead(predictor, corpus_rows(predictor, rows))
    if isinstance(task, Forecasting):
        return _ahead(predictor, series_rows(predictor, rows))
    table = rows if isinstance(rows, Table) else rows.table
    if not isinstance(task, Answering):
        assert not isinstance(rows, Sequences), "of a sequence there is always an answer"
        return _unsupervised(predictor, rows)
    read, notices = _read_targets(task.targets, task.cells, rows)
    if _gaps(read, task.targets):
        raise InputError(
            f"{table.name} has rows without a target.",
            got="an empty cell in " + ", ".join(map(repr, task.targets)),
            wanted="the true answer in every row",
            fix="Leave those rows out, or use `netwright predict`.",
        )
    truth = task.truth(target_values(read, task.targets))
    predictions, which, odd = predictor.readable(rows)
    baselines = {task.constant_title: task.constant(len(which))}
    return evaluate(task, predictions, truth[which], baselines, unit=unit_of(predictor.schema.data)), [*notices, *odd]


def _ahead(predictor: Predictor, rows: Rows) -> tuple[Evaluation, list[Notice]]:
    """What comes next, foretold from every place in the new data and compared with what came."""
    found = judged(rows, predictor.module, {}, Settings(source="table", seed=SEED))
    return found.evaluation, list(rows.notices)


def _unsupervised(predictor: Predictor, rows: Table | Album) -> tuple[Evaluation, list[Notice]]:
    """Judged as in training; labels are used where they are all there."""
    encoded, good, notices = _encoded(predictor, rows)
    task, table, target, odd = _labels(predictor.task, rows)
    whole = Rows(
        table=table,
        numbers=np.arange(1, table.rows + 1),
        task=task,
        task_why="",
        schema=predictor.schema,
        split=_divided(good, SEED) if task.kind == "generation" else _all_held(good),
        encoded=encoded,
        target=target,
        notices=(),
    )
    found = judged(whole, predictor.module, {}, Settings(source="table", seed=SEED))
    return found.evaluation, [*notices, *odd]


def _all_held(good: np.ndarray) -> Split:
    """Every row (n,) is judged."""
    return Split(training=good[:0], folds=(), test=good, reason="")


def _divided(good: np.ndarray, seed: int) -> Split:
    """The rows (n,) divided at random: those that are judged, and those that teach a classifier how to judge."""
    mixed = np.random.default_rng(derive(seed, "scoring")).permutation(good)
    held = max(1, round(HELD * len(mixed)))
    validating = held + round(VALIDATING * len(mixed))
    return Split(
        training=np.sort(mixed[validating:]),
        folds=(np.sort(mixed[held:validating]),),
        test=np.sort(mixed[:held]),
        reason="at random",
    )


def _labels(task: Task, rows: Table | Album) -> tuple[Task, Table, np.ndarray, list[Notice]]:
    """The task, without labels where they do not count or some are missing; the table, its labels read; class numbers
    (N,); and what was odd.

    In a search for anomalies labels that training never had are the point: class numbers stay zeros there.
    """
    assert isinstance(task, Labelled)
    table = rows.table if isinstance(rows, Album) else rows
    zeros = np.zeros(table.rows, dtype=np.int64)
    without = task.model_copy(update={"label": None, **({"normal": None} if task.kind == "anomaly" else {})})
    unneeded = task.kind in ("reduction", "denoising")
    if unneeded or not task.targets or any(name not in table.columns for name in task.targets):
        return without, table, zeros, []
    read, notices = _read_targets(task.targets, task.cells, rows)
    name = task.targets[0]
    if _gaps(read, task.targets):
        unused = Notice(what=f"{name!r} has empty cells, so the labels are not used", fix="fill them in", column=name)
        return without, table, zeros, [*notices, unused]
    if task.kind == "anomaly":
        return task, read, zeros, notices
    try:
        return task, read, task.encode(target_values(read, task.targets)), notices
    except InputError as error:
        unused = Notice(what=f"the labels are not used: {error.what} {error.got}", fix=error.fix, column=name)
        return without, table, zeros, [*notices, unused]


def _encoded(predictor: Predictor, rows: Table | Album) -> tuple[Encoded, np.ndarray, list[Notice]]:
    """What the network is fed, the positions of rows that can be read, and what was odd."""
    if isinstance(rows, Album):
        assert predictor.schema.image is not None
        decoded = decode(rows, predictor.schema.image)
        odd, good = unreadable(rows, decoded), np.flatnonzero(decoded.good)
        if odd and not len(good):
            raise none_readable(odd)
        return pictures_encoded(decoded.pixels), good, [*rows.notices, *odd]
    read, notices = conform(predictor.schema, rows)
    return encode(predictor.schema, read), np.arange(read.rows), notices


def _read_targets(
    targets: Iterable[str], cells: Iterable[CellType], rows: Table | Album | Sequences
) -> tuple[Table, list[Notice]]:
    """The rows with the cells of these columns read; names of folders stay as they are. Raises InputError for none."""
    table = rows if isinstance(rows, Table) else rows.table
    for name in targets:
        if name in table.columns:
            continue
        if isinstance(rows, Album):
            raise InputError(
                f"It is not said which {name!r} the pictures of {table.name} are of.",
                got=f"{table.rows:,} pictures without it",
                wanted=f"a folder for each {name!r}, or a column of that name",
                fix="Sort them into folders of their classes, or use `netwright predict`.",
            )
        raise unknown_column(name, table.columns, "the target")
    if isinstance(rows, Album) and rows.named:
        return table, []
    return read_cells(table, dict(zip(targets, cells, strict=True)))


def _gaps(table: Table, targets: Iterable[str]) -> bool:
    """Whether a cell of these columns is empty."""
    return table.frame.select(list(targets)).drop_nulls().height < table.rows
