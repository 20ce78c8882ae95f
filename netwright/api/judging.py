"""The last part of a run: how good the network is on rows it has not seen, against what, and where it fails."""

import numpy as np
import torch
from torch import nn

from netwright.api.fitting import Fitted
from netwright.api.rows import Rows
from netwright.artifact.predictor import forward
from netwright.core.settings import Settings
from netwright.data.encode import Encoded
from netwright.evaluate.describe import describe
from netwright.evaluate.evaluation import evaluate
from netwright.evaluate.findings import Findings
from netwright.evaluate.importance import permutation_importance
from netwright.tasks import Task

WORST_ROWS = 10
WORST_COLUMNS = 30
"""Cells of a worst row that are shown at most."""


def predict_rows(module: nn.Module, task: Task, rows: Rows, which: np.ndarray) -> np.ndarray:
    """The task's predictions of these rows."""
    return _predict(module, task, rows.encoded.numbers[which], rows.encoded.categories[which])


def judge(
    rows: Rows,
    fitted: Fitted,
    baselines: dict[str, np.ndarray],
    settings: Settings,
    *,
    title: str,
    command: str,
    seconds: dict[str, float],
    next_steps: tuple[str, ...],
) -> Findings:
    """Everything a report shows, measured on the held-out rows."""
    held, task = rows.split.test, rows.task
    encoded = Encoded(
        numbers=rows.encoded.numbers[held],
        categories=rows.encoded.categories[held],
        unseen=rows.encoded.unseen,
        gaps=rows.encoded.gaps,
    )
    predictions, truth = predict_rows(fitted.module, task, rows, held), rows.truth(held)
    first = slice(0, 1)
    sample = (torch.from_numpy(encoded.numbers[first]), torch.from_numpy(encoded.categories[first]))
    return Findings(
        title=title,
        command=command,
        source=settings.source,
        rows=rows.table.rows,
        task=task,
        task_why=rows.task_why,
        schema=rows.schema,
        split=rows.split_words,
        notices=rows.notices,
        family=fitted.family.name,
        network=describe(fitted.module.cpu(), sample),
        settings=settings.model_dump(exclude={"config"}) | fitted.config.model_dump(),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        seconds=seconds,
        evaluation=evaluate(task, predictions, truth, baselines, seed=settings.seed),
        predictions=predictions,
        truth=truth,
        importance=permutation_importance(
            lambda n, c: _predict(fitted.module, task, n, c), task, rows.schema, encoded, truth, seed=settings.seed
        ),
        worst=_worst(rows, held, predictions, truth),
        next_steps=next_steps,
    )


def _predict(module: nn.Module, task: Task, numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
    return task.predictions(forward(module, (torch.from_numpy(numbers), torch.from_numpy(categories))))


def _worst(rows: Rows, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray) -> tuple[dict[str, object], ...]:
    """The held-out rows with the greatest error, with their own cells."""
    task = rows.task
    match task.kind:
        case "classification":
            error = 1 - predictions[np.arange(len(truth)), truth]
        case "multilabel":
            error = np.abs(predictions - truth).mean(1)
        case _:
            error = (np.abs(predictions - truth) / np.asarray(task.scale)).mean(1)
    order = np.argsort(-error, kind="stable")[:WORST_ROWS]
    shown = rows.table.take(held[order])
    inputs = [c.name for c in rows.schema.columns][:WORST_COLUMNS]
    answers = {k: v for k, v in task.columns(predictions[order]).items() if not k.startswith("probability_")}
    label = {"classification": "1 − probability of the truth", "multilabel": "mean error"}
    return tuple(
        {
            "row": int(rows.numbers[held[place]]),
            **{f"true {name}": shown[name][i] for name in task.targets},
            **{name: values[i] for name, values in answers.items()},
            label.get(task.kind, "error in standard deviations"): float(error[place]),
            **{name: shown[name][i] for name in inputs},
        }
        for i, place in enumerate(order)
    )
