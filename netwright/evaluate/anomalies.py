"""How well strange rows are told from ordinary ones; without labels, how often ordinary rows raise an alarm."""

from collections.abc import Mapping

import numpy as np

from netwright.evaluate.evaluation import Evaluation
from netwright.metrics.classification import roc_auc
from netwright.metrics.interval import bootstrap, wilson


def evaluate_anomalies(
    predictions: np.ndarray, strange: np.ndarray | None, baselines: Mapping[str, np.ndarray], *, seed: int, unit: str
) -> Evaluation:
    """Judge scores: `predictions` (N, 4) as `tasks.Anomaly` has them, `strange` (N,) booleans, None where unknown.

    `baselines` are scores (N,) of simpler ways.
    """
    alarm = predictions[:, 3] > 0.5
    if strange is None or strange.all() or not strange.any():
        low, high = wilson(int(alarm.sum()), len(alarm))
        figures = {"alarms": float(alarm.mean())}
        return Evaluation(main="alarms", rows=len(alarm), figures=figures, low=low, high=high, baselines={}, unit=unit)
    low, high = bootstrap(roc_auc, predictions[:, 2], strange, seed=seed)
    return Evaluation(
        main="ROC AUC",
        rows=len(alarm),
        figures={
            "ROC AUC": roc_auc(predictions[:, 2], strange),
            "found": float(alarm[strange].mean()),
            "false alarms": float(alarm[~strange].mean()),
        },
        low=low,
        high=high,
        baselines={name: {"ROC AUC": roc_auc(score, strange)} for name, score in baselines.items()},
        unit=unit,
    )
