"""Answers against the truth: figures, columns that matter, the rows it gets most wrong."""

import numpy as np
from torch import nn

from netwright.api.judging.judged import Inputs, Judged, unit_of
from netwright.api.judging.pictures import wrong_pictures
from netwright.api.judging.sequences import sequence_panels
from netwright.api.judging.words import word_panels
from netwright.api.rows import Rows
from netwright.artifact.predictor import forward
from netwright.core.arrays import as_tensor
from netwright.core.settings import Settings
from netwright.data.table import Table
from netwright.evaluate.evaluation import evaluate
from netwright.evaluate.findings import Importance
from netwright.evaluate.importance import permutation_importance
from netwright.evaluate.panels import Panel
from netwright.tasks import Answering, Classification, Supervised

WORST_ROWS = 10
WORST_COLUMNS = 30
"""Cells of a worst row that are shown at most."""


def predict_rows(module: nn.Module, task: Supervised, rows: Rows, which: np.ndarray) -> np.ndarray:
    """The task's predictions of these rows."""
    return _predict(module, task, rows.encoded.inputs, which)


def judge_answers(rows: Rows, module: nn.Module, baselines: dict[str, np.ndarray], settings: Settings) -> Judged:
    """Answers against the truth, beside what is simpler; which columns matter; the rows it gets most wrong."""
    task, held = rows.task, rows.split.test
    assert isinstance(task, Answering)
    predictions, truth = predict_rows(module, task, rows, held), rows.truth(held)
    error = _errors(task, predictions, truth)
    worst = np.argsort(-error, kind="stable")[:WORST_ROWS]
    table = rows.schema.data == "table"
    importance = _importance(module, task, rows, truth, seed=settings.seed) if table else ()
    return Judged(
        evaluation=evaluate(task, predictions, truth, baselines, seed=settings.seed, unit=unit_of(rows.schema.data)),
        predictions=predictions,
        truth=truth,
        importance=importance,
        worst=_worst(rows, held, predictions, error, worst),
        panels=_panels(rows, module, held, predictions, truth, error),
    )


def _panels(
    rows: Rows, module: nn.Module, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray, error: np.ndarray
) -> tuple[Panel, ...]:
    """Where it fails, as this kind of data is best shown."""
    match rows.schema.data:
        case "image":
            return wrong_pictures(rows, module, held, predictions, truth, error)
        case "text":
            return word_panels(rows, module, held, predictions, truth, error)
        case "sequence":
            return sequence_panels(rows, module, held, predictions, truth, error)
    return ()


def _importance(
    module: nn.Module, task: Supervised, rows: Rows, truth: np.ndarray, *, seed: int
) -> tuple[Importance, ...]:
    encoded = rows.encoded.take(rows.split.test)
    return permutation_importance(
        lambda n, c: _predict(module, task, (n, c)), task, rows.schema, encoded, truth, seed=seed
    )


def _predict(module: nn.Module, task: Supervised, inputs: Inputs, which: np.ndarray | None = None) -> np.ndarray:
    return task.predictions(forward(module, tuple(map(as_tensor, inputs)), rows=which))


def _errors(task: Supervised, predictions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) how wrong each answer is, in what `ERROR` says."""
    match task.kind:
        case "classification":
            return 1 - predictions[np.arange(len(truth)), truth]
        case "multilabel":
            return np.abs(predictions - truth).mean(1)
    return (np.abs(predictions - truth) / np.asarray(task.scale)).mean(1)


ERROR = {
    "classification": "1 − probability of the truth",
    "multilabel": "mean error",
    "regression": "error in standard deviations",
}


def _worst(
    rows: Rows, held: np.ndarray, predictions: np.ndarray, error: np.ndarray, order: np.ndarray
) -> tuple[dict[str, object], ...]:
    """The held-out rows with the greatest error, in this order, with their own cells."""
    task = rows.task
    assert isinstance(task, Answering)
    shown = rows.table.take(held[order])
    inputs = [c.name for c in rows.schema.columns][:WORST_COLUMNS]
    answers = {k: v for k, v in task.columns(predictions[order]).items() if not k.startswith("probability_")}
    return tuple(
        {
            "row": int(rows.numbers[held[place]]),
            **_truth(rows, int(held[place]), shown, i),
            **{name: values[i] for name, values in answers.items()},
            ERROR[task.kind]: float(error[place]),
            **{name: shown[name][i] for name in inputs},
        }
        for i, place in enumerate(order)
    )


def _truth(rows: Rows, row: int, shown: Table, place: int) -> dict[str, object]:
    """What is true of a row: its own cells, or of a picture the class it is of."""
    task = rows.task
    if rows.schema.image is not None and isinstance(task, Classification):
        return {f"true {task.targets[0]}": task.classes[int(rows.target[row])]}
    return {f"true {name}": shown[name][place] for name in task.targets}
