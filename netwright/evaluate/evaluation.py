"""The figures of a network on rows it has not seen, beside those of simple things it must beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netwright.metrics.interval import bootstrap, wilson
from netwright.tasks import Task

LOWER_IS_BETTER = {"RMSE", "mean absolute error", "median absolute error", "log loss", "Brier score"}
"""Figures where less is better; of all others more is."""
SHARES = {"accuracy", "exact match"}
"""Figures that are a share of rows, whose range follows from the count of rows that are right."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """N rows judged. `main` names the first of `figures`; `low` and `high` are its 95 % range.

    `baselines` maps the name of each simpler thing ("always 'Adelie'", "linear model") to its own figures.
    """

    main: str
    rows: int
    figures: dict[str, float]
    low: float
    high: float
    baselines: dict[str, dict[str, float]]

    @property
    def beaten_by(self) -> list[str]:
        """The baselines whose main figure is as good or better."""
        sign = -1 if self.main in LOWER_IS_BETTER else 1
        own = self.figures[self.main]
        return [name for name, figures in self.baselines.items() if sign * figures[self.main] >= sign * own]


def evaluate(
    task: Task, predictions: np.ndarray, truth: np.ndarray, baselines: Mapping[str, np.ndarray], *, seed: int = 0
) -> Evaluation:
    """Judge predictions against the truth. `baselines` are predictions of simpler things for the same rows."""
    metrics = task.metrics
    main = next(iter(metrics))
    figures = {name: metric(predictions, truth) for name, metric in metrics.items()}
    if main in SHARES:
        low, high = wilson(round(figures[main] * len(truth)), len(truth))
    else:
        low, high = bootstrap(metrics[main], predictions, truth, seed=seed)
    return Evaluation(
        main=main,
        rows=len(truth),
        figures=figures,
        low=low,
        high=high,
        baselines={
            name: {figure: metric(other, truth) for figure, metric in metrics.items()}
            for name, other in baselines.items()
        },
    )
