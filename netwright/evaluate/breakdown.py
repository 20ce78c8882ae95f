"""The figures of each class and of each label. N rows, C classes, L labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.metrics.classification import roc_auc


@dataclass(frozen=True, kw_only=True)
class Part:
    """One class or label. A figure that is not defined, such as the recall of a class without rows, is NaN."""

    name: str
    precision: float
    """Of the rows said to be of it, the share that are."""
    recall: float
    """Of its rows, the share found."""
    f1: float
    auc: float
    support: int
    """Held-out rows of it."""
    share: float
    """Those as a share of all."""


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> list[Part]:
    """Figures of each class from the (C, C) confusion matrix, row the true class; `auc` stays NaN."""
    hits, true, said = matrix.diagonal().tolist(), matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    rows = int(matrix.sum())
    return [_part(*of, rows) for of in zip(classes, hits, true, said, strict=True)]


def per_label(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> list[Part]:
    """Figures of each label from (N, L) probabilities and truth."""
    said, true = probabilities > 0.5, truth > 0.5
    hits = (said & true).sum(axis=0), true.sum(axis=0), said.sum(axis=0)
    areas = [roc_auc(probabilities[:, i], true[:, i]) for i in range(len(labels))]
    rows = zip(labels, *(h.tolist() for h in hits), areas, strict=True)
    return [_part(name, hit, real, told, len(truth), auc=area) for name, hit, real, told, area in rows]


def confused(matrix: np.ndarray, classes: Sequence[str], most: int) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: true class, class it was taken for, rows."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(classes[i], classes[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def _part(name: str, hit: int, true: int, said: int, rows: int, *, auc: float = float("nan")) -> Part:
    return Part(
        name=name,
        precision=_over(hit, said),
        recall=_over(hit, true),
        f1=_over(2 * hit, true + said),
        auc=auc,
        support=true,
        share=_over(true, rows),
    )


def _over(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
