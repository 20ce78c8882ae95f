"""How good a saved network is on rows that have the target, or, where nothing is predicted, on any."""

from collections.abc import Sequence

import numpy as np

from netwright.api.judging.judge import judged
from netwright.api.judging.judged import unit_of
from netwright.api.rows import Rows, target_values
from netwright.artifact.predictor import Predictor
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.settings import Settings
from netwright.data.conform import conform, read_cells
from netwright.data.encode import Encoded, encode, pictures_encoded
from netwright.data.pictures.album import Album
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.unreadable import unreadable
from netwright.data.schema import unknown_column
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.evaluate.evaluation import Evaluation, evaluate
from netwright.tasks.labelled import Labelled


def score(predictor: Predictor, source: object, *, query: str | None = None) -> tuple[Evaluation, list[Notice]]:
    """The figures of the predictor on a source, beside simpler things', and what was odd.

    Raises InputError where a target is to be predicted and is missing.
    """
    task, rows = predictor.task, predictor.read(source, query=query)
    pictures = isinstance(rows, Album)
    table = rows.table if isinstance(rows, Album) else rows
    if isinstance(task, Labelled):
        return _unsupervised(predictor, rows, table)
    values, notices = _values(task.targets, task.cells, table)
    predictions, odd = predictor.predictions(rows)
    truth = task.truth(values)
    baselines = {task.constant_title: task.constant(table.rows)}
    return evaluate(task, predictions, truth, baselines, unit=unit_of(pictures)), [*notices, *odd]


def _unsupervised(predictor: Predictor, rows: Table | Album, table: Table) -> tuple[Evaluation, list[Notice]]:
    """Judged as in training, every row held out; labels are used where they are all there."""
    task = predictor.task
    assert isinstance(task, Labelled)
    encoded, good, notices = _encoded(predictor, rows)
    labelled = task.targets and all(name in table.columns for name in task.targets)
    values = _values(task.targets, task.cells, table)[0] if labelled else {}
    if not labelled:
        task = task.model_copy(update={"label": None, **({"normal": None} if task.kind == "anomaly" else {})})
    whole = Rows(
        table=table,
        numbers=np.arange(1, table.rows + 1),
        task=task,
        task_why="",
        schema=predictor.schema,
        split=Split(training=good, folds=(), test=good, reason=""),
        encoded=encoded,
        target=task.encode(values) if values else np.zeros(table.rows, dtype=np.int64),
        notices=(),
    )
    return judged(whole, predictor.module, {}, Settings(source="table")).evaluation, notices


def _encoded(predictor: Predictor, rows: Table | Album) -> tuple[Encoded, np.ndarray, list[Notice]]:
    """What the network is fed, the positions of rows that can be read, and what was odd."""
    if isinstance(rows, Album):
        assert predictor.schema.image is not None
        decoded = decode(rows, predictor.schema.image)
        notices = [*rows.notices, *unreadable(rows, decoded)]
        return pictures_encoded(decoded.pixels), np.flatnonzero(decoded.good), notices
    read, notices = conform(predictor.schema, rows)
    return encode(predictor.schema, read), np.arange(read.rows), notices


def _values(
    targets: Sequence[str], cells: Sequence[CellType], table: Table
) -> tuple[dict[str, np.ndarray], list[Notice]]:
    """The true values by column. Raises InputError where one is missing."""
    for name in targets:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "the target")
    read, notices = read_cells(table, dict(zip(targets, cells, strict=True)))
    known = read.frame.select(list(targets)).drop_nulls().height == read.rows
    if not known:
        raise InputError(
            f"{table.name} has rows without a target.",
            got="an empty cell in " + ", ".join(map(repr, targets)),
            wanted="the true answer in every row",
            fix="Leave those rows out, or use `netwright predict`.",
        )
    return target_values(read, tuple(targets)), notices
