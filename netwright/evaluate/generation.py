"""How like real rows those are that a network made.

n rows, F features, C classes.
"""

import math
from dataclasses import dataclass

import numpy as np

from netwright.evaluate.evaluation import Evaluation
from netwright.metrics.generation import confident_share, frechet, label_kl, precision_recall

NEIGHBOURS = 2000
"""Rows that precision and recall are measured on at most: every one is held against every other."""


@dataclass(frozen=True)
class Seen:
    """Rows as a judge sees them: `features` (n, F) and, where it knows classes, `probabilities` (n, C)."""

    features: np.ndarray
    probabilities: np.ndarray | None


def evaluate_generation(
    *, real: Seen, made: Seen, training: Seen, simple: Seen | None, seed: int, unit: str
) -> Evaluation:
    """Judge made rows by their distance from real held-out ones, as many.

    `training` are real rows the network has seen, whose distance is what a perfect one would have; `simple` are rows of
    a normal distribution, None where there were too few to measure one on. No range is given: the distance is of all
    rows at once. A figure that so few rows can't have is NaN.
    """
    figures = _figures(real, made)
    figures["Fréchet distance of real rows"] = frechet(real.features, training.features)
    return Evaluation(
        main="Fréchet distance",
        rows=len(real.features),
        figures=figures,
        low=math.nan,
        high=math.nan,
        baselines={} if simple is None else {"normal distribution": _figures(real, simple)},
        unit=unit,
    )


def _figures(real: Seen, made: Seen) -> dict[str, float]:
    precision, recall = precision_recall(real.features[:NEIGHBOURS], made.features[:NEIGHBOURS])
    found = {
        "Fréchet distance": frechet(real.features, made.features),
        "precision": precision,
        "recall": recall,
    }
    if real.probabilities is None or made.probabilities is None:
        return found
    classes = made.probabilities.shape[1]
    said = np.bincount(made.probabilities.argmax(1), minlength=classes)
    true = np.bincount(real.probabilities.argmax(1), minlength=classes)
    return found | {
        "divergence of labels": label_kl(said, true),
        "confident share": confident_share(made.probabilities),
        "confident share of real rows": confident_share(real.probabilities),
    }
