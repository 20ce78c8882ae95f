"""How good a saved network is on rows that have the target."""

from netwright.api.rows import target_values
from netwright.artifact.predictor import Predictor
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.conform import read_cells
from netwright.data.schema import unknown_column
from netwright.data.table import Table
from netwright.evaluate.evaluation import Evaluation, evaluate


def score(predictor: Predictor, table: Table) -> tuple[Evaluation, list[Notice]]:
    """The figures of the predictor on a table with its target, beside the best constant's, and what was odd.

    Raises InputError where the target is missing.
    """
    task = predictor.task
    for name in task.targets:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "the target")
    read, notices = read_cells(table, dict(zip(task.targets, task.cells, strict=True)))
    known = read.frame.select(task.targets).drop_nulls().height == read.rows
    if not known:
        raise InputError(
            f"{table.name} has rows without a target.",
            got="an empty cell in " + ", ".join(map(repr, task.targets)),
            wanted="the true answer in every row",
            fix="Leave those rows out, or use `netwright predict`.",
        )
    predictions, odd = predictor.predictions(table)
    truth = task.truth(target_values(read, task.targets))
    baselines = {task.constant_title: task.constant(table.rows)}
    return evaluate(task, predictions, truth, baselines), [*notices, *odd]
