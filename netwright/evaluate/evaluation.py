"""The figures of a network on rows it has not seen, beside those of simple things it must beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netwright.metrics.interval import bootstrap, wilson
from netwright.tasks import Supervised

LOWER_IS_BETTER = {
    "Brier score",
    "Fréchet distance",
    "MASE",
    "RMSE",
    "bits per character",
    "divergence of labels",
    "false alarms",
    "log loss",
    "mean absolute error",
    "median absolute error",
    "nats per character",
    "perplexity",
    "pinball loss",
    "scaled error",
    "−ELBO",
}
"""Figures where less is better; of all others but the next more is."""
ONLY_TOLD = {"Fréchet distance of real rows", "alarms", "confident share of real rows", "interval coverage"}
"""Figures that are neither better nor worse: they are there to hold others against."""
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
    unit: str = "row"
    """What one of the N is called: "row", or "picture"."""

    @property
    def beaten_by(self) -> list[str]:
        """The baselines whose main figure is as good or better."""
        if self.main in ONLY_TOLD:
            return []
        sign = -1 if self.main in LOWER_IS_BETTER else 1
        own = self.figures[self.main]
        return [name for name, figures in self.baselines.items() if sign * figures[self.main] >= sign * own]


def evaluate(
    task: Supervised,
    predictions: np.ndarray,
    truth: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
    unit: str = "row",
) -> Evaluation:
    """Judge predictions against the truth. `baselines` are predictions of simpler things for the same rows.

    `unit` is what a row is called.
    """
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
        unit=unit,
    )
