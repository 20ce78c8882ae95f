"""Strange rows: how well they are told from ordinary ones, and which are the strangest."""

import numpy as np
from torch import nn

from netwright.api.judging.judged import Judged, called, unit_of
from netwright.api.judging.pictures import score_plot, strangest_pictures
from netwright.api.rows import Rows
from netwright.core.settings import Settings
from netwright.evaluate.anomalies import evaluate_anomalies
from netwright.tasks import Anomaly

STRANGEST = 10
COLUMNS = 30
"""Cells of a strange row that are shown at most."""


def judge_anomalies(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """By the labels, where rows have them: the combined score beside its two parts and the residual of PCA."""
    task, held = rows.task, rows.split.test
    assert isinstance(task, Anomaly)
    inputs = tuple(x[held] for x in rows.encoded.inputs)
    predictions = called(module, "forward", inputs).astype(np.float64)
    truth, linear = called(module, "flat", inputs), called(module, "reconstruct_linear", inputs)
    residual = np.square(truth.astype(np.float64) - linear).mean(1)
    strange = None
    if task.normal is not None:
        strange = rows.target[held] != task.classes.index(task.normal)
    baselines = {
        "reconstruction alone": predictions[:, 0],
        "nearest neighbours alone": predictions[:, 1],
        "residual of PCA": residual,
    }
    unit = unit_of(rows.schema.image is not None)
    order = np.argsort(-predictions[:, 2], kind="stable")[:STRANGEST]
    return Judged(
        evaluation=evaluate_anomalies(predictions, strange, baselines, seed=settings.seed, unit=unit),
        worst=_strangest(rows, task, held, predictions, order),
        panels=(*score_plot(predictions, strange), *strangest_pictures(rows, held[order], predictions[order, 2])),
    )


def _strangest(
    rows: Rows, task: Anomaly, held: np.ndarray, predictions: np.ndarray, order: np.ndarray
) -> tuple[dict[str, object], ...]:
    """The held-out rows with the highest scores, in this order, with their own cells."""
    shown = rows.table.take(held[order])
    inputs = [c.name for c in rows.schema.columns][:COLUMNS]
    scores = task.columns(predictions[order])
    return tuple(
        {
            "row": int(rows.numbers[held[place]]),
            **{name: values[i] for name, values in scores.items()},
            **{name: shown[name][i] for name in (*task.targets, *inputs)},
        }
        for i, place in enumerate(order)
    )
