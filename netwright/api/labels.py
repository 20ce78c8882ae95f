"""Labels of any type to class numbers, and weights of classes. N rows, C classes, L labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError


def classes_of(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) labels to the sorted classes (C,) and the number of each row's class, (N,) int64.

    Raises InputError for numbers with decimals and for a single class, InputTypeError for labels that can't be sorted.
    """
    if target.dtype.kind == "f" and np.any(target != np.round(target)):
        raise InputError(
            "Unknown label type: continuous. The target holds numbers with decimals.",
            got=f"y such as {target[target != np.round(target)][0]}",
            wanted="classes: texts, whole numbers or booleans",
            fix="Use Regressor, or turn y into classes.",
        )
    try:
        classes, codes = np.unique(target, return_inverse=True)
    except TypeError as error:
        raise InputTypeError(
            "Unknown label type: the classes are of types that can't be compared.",
            got=error,
            wanted="labels of one type",
            fix="Turn y into texts: y.astype(str).",
        ) from None
    if len(classes) < 2:
        raise InputError(
            f"y has one class only: n_classes={len(classes)}.",
            got=f"{classes.tolist()} in all {len(target)} rows (samples)",
            wanted="two classes or more",
            fix="Give rows of the other classes too.",
        )
    return classes, codes.ravel()


def labels_of(target: np.ndarray) -> np.ndarray:
    """(N, L) zeros and ones as int64. Raises InputError for other values."""
    if not np.isin(target, [0, 1]).all():
        raise InputError(
            "Unknown label type: multiclass-multioutput. Only labels that are there or not can be several.",
            got=f"y of shape {target.shape} with values other than 0 and 1",
            wanted="(rows, labels) zeros and ones, or (rows,) classes",
            fix="Train one Classifier for each column.",
        )
    return target.astype(np.int64)


def weights_of(asked: Any, classes: np.ndarray, counts: Sequence[int]) -> tuple[float, ...]:
    """The weight of each class (C,), mean one over the `counts` rows; empty where none are asked for.

    `asked` is None, "balanced", or a weight by class, 1 for those it does not name.
    Raises InputError for anything else, for a class that does not exist, and for weights that are no weights.
    """
    if asked is None:
        return ()
    labels = classes.tolist()
    if isinstance(asked, Mapping):
        named = [label for label in labels if label in asked]
        strange = [label for label in asked if label not in labels] if len(named) < len(labels) else []
        weights = np.asarray([asked.get(label, 1.0) for label in labels])
    else:
        strange = [] if isinstance(asked, str) and asked == "balanced" else [asked]
        weights = 1 / np.maximum(counts, 1)
    if strange or weights.dtype.kind not in "iuf" or not (np.isfinite(weights).all() and np.min(weights) >= 0):
        raise InputError(
            "class_weight does not fit the classes.",
            got=f"class_weight={asked!r:.200}" + f", of which {strange!r:.100} is no class" * bool(strange),
            wanted=f'None, "balanced", or a number from 0 on for each of {labels[:20]}',
            fix='class_weight="balanced" gives each class the same weight.',
        )
    total = float(np.dot(weights, counts)) / sum(counts)
    return tuple(float(w) for w in weights / (total or 1.0))
