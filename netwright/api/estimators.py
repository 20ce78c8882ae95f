"""`nw.Classifier` and `nw.Regressor`: the network and the stations of `nw.train` with scikit-learn's manners.

scikit-learn itself is not needed: only `__sklearn_tags__`, which nothing but scikit-learn calls, imports it.
N rows, F features, C classes, L labels, T targets.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from netwright.api.arraylike import read_features, read_target, read_weights
from netwright.api.labels import classes_of, labels_of, weights_of
from netwright.api.learner import Learner
from netwright.core.cells import CellKind, CellType
from netwright.core.errors import InputError
from netwright.tasks import Classification, Task
from netwright.tasks.classification import as_text


class Classifier(Learner):
    """A network that tells classes, or several yes-or-no labels, with scikit-learn's manners.

    `family`, `epochs`, `patience` (epochs), `batch_size` (rows), `learning_rate`, `hidden_sizes`, `dropout`,
    `weight_decay`, `members` as in `netwright train`; None lets the family choose for the size of the data.
    `class_weight` is None, "balanced", or a weight by class. `kinds` says of columns what they are, whatever they look
    like: {"zip": "category"}; columns of arrays are called x0, x1, … `time_limit` is in seconds. `random_state` is an
    int, None or a RandomState. `device` is "auto" or as torch names it.

    Attributes after `fit`: `classes_` (C,), `n_features_in_`, `feature_names_in_` where X has names, `n_iter_` epochs
    run, `history_` of them, `notices_` of what was seen in the data, and `predictor_`, the `Predictor` for raw rows.

    >>> Classifier(epochs=2).fit([[0.0], [1.0]] * 20, ["no", "yes"] * 20).predict([[1.0]]).shape
    (1,)
    """

    estimator_type = "classifier"
    classes_: np.ndarray

    def __init__(
        self,
        *,
        family: str = "tabular",
        epochs: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        hidden_sizes: Sequence[int] | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        members: int | None = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        kinds: Mapping[str, str] | None = None,
        time_limit: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
    ) -> None:
        super().__init__(
            family=family,
            epochs=epochs,
            patience=patience,
            batch_size=batch_size,
            learning_rate=learning_rate,
            hidden_sizes=hidden_sizes,
            dropout=dropout,
            weight_decay=weight_decay,
            members=members,
            kinds=kinds,
            time_limit=time_limit,
            random_state=random_state,
            device=device,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Train on X (N, F) and y: (N,) labels of any type, or (N, L) zeros and ones.

        Raises InputError or InputTypeError for what can't be learned from.
        """
        features = read_features(X)
        target = read_target(y, type(self).__name__, features.table.rows)
        if target.ndim == 2:
            self._train(features, labels_of(target), "multilabel")
            self.classes_ = np.arange(target.shape[1])
            return self
        classes, codes = classes_of(target)
        self._train(features, codes, "classification", lambda task: self._named(task, classes))
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(N,) the most probable class, or (N, L) int64 zeros and ones. Raises NotFittedError, InputError."""
        probabilities = self._predictions(X)
        if self.predictor_.task.kind == "multilabel":
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, C) the probability of each class in the order of `classes_`, or (N, L) of each label."""
        return self._predictions(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose class, or whose every label, is right."""
        predicted = self.predict(X)
        right = predicted == read_target(y, type(self).__name__, len(predicted))
        right = right.all(axis=1) if right.ndim == 2 else right
        return float(np.average(right, weights=read_weights(sample_weight, len(predicted))))

    def _named(self, task: Task, classes: np.ndarray) -> Task:
        """The task with the classes' own names in place of their numbers, and the weights a person gave them."""
        assert isinstance(task, Classification)
        plain = np.asarray(classes.tolist())
        kinds: dict[str, CellKind] = {"i": "number", "u": "number", "f": "number", "b": "boolean"}
        cell = CellType(kind=kinds.get(plain.dtype.kind, "string"))
        weights = weights_of(self.class_weight, classes, task.counts)
        return task.model_copy(update={"classes": tuple(as_text(plain)), "cells": (cell,), "weights": weights})


class Regressor(Learner):
    """A network that tells a number, or several at once, with scikit-learn's manners.

    The parameters are those of `Classifier` but for `class_weight`, the attributes those but for `classes_`.

    >>> Regressor(epochs=2).fit([[0.0], [1.0], [2.0], [3.0]] * 10, [0.0, 1.0, 2.0, 3.0] * 10).predict([[1.0]]).shape
    (1,)
    """

    estimator_type = "regressor"

    def fit(self, X: Any, y: Any) -> Self:
        """Train on X (N, F) and y: (N,) numbers, or (N, T) for several targets.

        Raises InputError or InputTypeError for what can't be learned from.
        """
        features = read_features(X)
        target = _numbers(read_target(y, type(self).__name__, features.table.rows))
        self._train(features, target, "regression")
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(N,) or (N, T) float64, in the targets' own units. Raises NotFittedError, InputError."""
        predictions = self._predictions(X)
        return predictions[:, 0] if predictions.shape[1] == 1 else predictions

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the mean over the targets: 1 is perfect, 0 no better than the mean."""
        predicted = self.predict(X)
        truth = _numbers(read_target(y, type(self).__name__, len(predicted)))
        weights = read_weights(sample_weight, len(predicted))
        error = np.average((truth - predicted) ** 2, axis=0, weights=weights)
        spread = np.average((truth - np.average(truth, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
        unexplained = np.where(spread > 0, error / np.where(spread > 0, spread, 1), error > 0)
        return float(np.mean(1 - unexplained))


def _numbers(target: np.ndarray) -> np.ndarray:
    try:
        return target.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "y does not hold numbers.",
            got=str(error)[:200],
            wanted="a number for each row, or a row of numbers",
            fix="Use Classifier for classes.",
        ) from None
