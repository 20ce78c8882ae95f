"""Strange rows: how well they are told from ordinary ones, and which are the strangest."""

import numpy as np
from torch import nn

from netwright.api.judging.judged import Judged, called, each, unit_of
from netwright.api.judging.pictures import score_plot, strangest_pictures
from netwright.api.rows import Rows
from netwright.core.settings import Settings
from netwright.evaluate.anomalies import evaluate_anomalies
from netwright.tasks import Anomaly
from netwright.tasks.classification import as_text

STRANGEST = 10
COLUMNS = 30
"""Cells of a strange row that are shown at most."""


def judge_anomalies(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """By the labels, where rows have them: the combined score beside its two parts and the residual of PCA."""
    task, held, inputs = rows.task, rows.split.test, rows.encoded.inputs
    assert isinstance(task, Anomaly)
    predictions = called(module, "forward", inputs, held).astype(np.float64)
    strange = strange_rows(rows, task, held)
    baselines = {
        "reconstruction alone": predictions[:, 0],
        "nearest neighbours alone": predictions[:, 1],
        "residual of PCA": _residuals(module, inputs, held),
    }
    unit = unit_of(rows.schema.data)
    order = np.argsort(-predictions[:, 2], kind="stable")[:STRANGEST]
    return Judged(
        evaluation=evaluate_anomalies(predictions, strange, baselines, seed=settings.seed, unit=unit),
        worst=_strangest(rows, task, held, predictions, order),
        panels=(*score_plot(predictions, strange), *strangest_pictures(rows, held[order], predictions[order, 2])),
    )


def strange_rows(rows: Rows, task: Anomaly, held: np.ndarray) -> np.ndarray | None:
    """(n,) where the label of these rows (n,) is not the ordinary one; None where it is not known which that is.

    A label that training never had is strange as well: new kinds are what is looked for.
    """
    if task.normal is None:
        return None
    values = rows.table.take(held)[task.targets[0]].to_numpy()
    return as_text(values, task.cells[0]) != task.normal


def _residuals(module: nn.Module, inputs: tuple[np.ndarray, ...], held: np.ndarray) -> np.ndarray:
    """(n,) mean squared distance of these rows (n,) from what principal components make of them."""
    found = each(module, inputs, held, "flat", "reconstruct_linear")
    return np.concatenate([np.square(truth.astype(np.float64) - linear).mean(1) for truth, linear in found])


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
