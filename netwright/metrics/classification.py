"""Figures for classes. N rows, C classes; `probabilities` (N, C) sum to one by row, `target` (N,) class numbers."""

import numpy as np


def accuracy(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Share of rows whose most probable class is the true one."""
    return float(np.mean(probabilities.argmax(1) == target))


def balanced_accuracy(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean over the classes present of the share of their rows that are found."""
    hit = probabilities.argmax(1) == target
    return float(np.mean([hit[target == c].mean() for c in np.unique(target)]))


def log_loss(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean negative logarithm of the true class' probability, in nats."""
    chosen = probabilities[np.arange(len(target)), target].astype(np.float64)
    return float(-np.mean(np.log(np.clip(chosen, 1e-15, 1))))


def brier(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean squared distance of the probabilities from the one-hot truth (Brier 1950), from 0 to 2."""
    truth = np.eye(probabilities.shape[1])[target]
    return float(np.mean(np.sum((probabilities - truth) ** 2, axis=1)))


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one, ties counting half; NaN where one kind is absent.

    `scores` (N,), `positive` (N,) booleans. Computed from ranks (Mann and Whitney 1947).
    """
    positive = positive.astype(bool)
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place.ravel()]
    return float((ranks[positive].sum() - above * (above + 1) / 2) / (above * below))


def macro_auc(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean over the classes of `roc_auc` of that class against the rest; for two classes, that of the second."""
    if probabilities.shape[1] == 2:
        return roc_auc(probabilities[:, 1], target == 1)
    areas = [roc_auc(probabilities[:, c], target == c) for c in np.unique(target)]
    return float(np.mean(areas))


def confusion(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(C, C) counts: row the true class, column the predicted one."""
    classes = probabilities.shape[1]
    flat = np.bincount(target * classes + probabilities.argmax(1), minlength=classes * classes)
    return flat.reshape(classes, classes)


def label_accuracy(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Multi-label: share of the (N, L) yes-or-no answers that are right at one half."""
    return float(np.mean((probabilities > 0.5) == (target > 0.5)))


def exact_match(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Multi-label: share of rows with every label right."""
    return float(np.mean(np.all((probabilities > 0.5) == (target > 0.5), axis=1)))


def label_auc(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Multi-label: mean over the labels of `roc_auc`; labels with one kind of answer alone are passed over."""
    areas = [roc_auc(probabilities[:, i], target[:, i] > 0.5) for i in range(target.shape[1])]
    known = [a for a in areas if not np.isnan(a)]
    return float(np.mean(known)) if known else float("nan")
