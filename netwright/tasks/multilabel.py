"""Predict several yes-or-no answers at once: any number of labels may be true of a row."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.record import Record
from netwright.metrics import classification as figures
from netwright.metrics.interval import Metric

TRUE = {"1", "1.0", "true", "yes", "y", "t"}
FALSE = {"0", "0.0", "false", "no", "n", "f"}


class MultiLabel(Record):
    """L labels a row, each with a probability of its own.

    They stand in L columns of two values, or, with a `separator`, as lists in one column ("red|round").
    """

    kind: Literal["multilabel"] = "multilabel"
    targets: tuple[str, ...]
    cells: tuple[CellType, ...]
    labels: tuple[str, ...]
    separator: str = ""
    shares: tuple[float, ...]
    """Share of training rows each label is true of."""

    @classmethod
    def fit(
        cls,
        values: Mapping[str, np.ndarray],
        cells: Mapping[str, CellType],
        training: np.ndarray,
        *,
        separator: str = "",
    ) -> "MultiLabel":
        """The labels of all rows, counted on the `training` rows. Raises InputError for other than two values."""
        labels = tuple(values)
        if separator:
            (column,) = values.values()
            labels = tuple(sorted({part for cell in column for part in _parts(cell, separator)}))
        common = {"targets": tuple(values), "cells": tuple(cells[n] for n in values), "labels": labels}
        blank = cls(**common, separator=separator, shares=(0.0,) * len(labels))
        return blank.model_copy(update={"shares": tuple(map(float, blank.truth(values)[training].mean(axis=0)))})

    @property
    def title(self) -> str:
        """The task in words."""
        return f"multi-label classification with {len(self.labels)} labels"

    @property
    def output_size(self) -> int:
        """One logit a label."""
        return len(self.labels)

    def encode(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N, L) float32, 1 where the label is true."""
        if not self.separator:
            return np.stack([_yes_or_no(name, values[name]) for name in self.targets], axis=1)
        place = {label: i for i, label in enumerate(self.labels)}
        encoded = np.zeros((len(values[self.targets[0]]), len(self.labels)), dtype=np.float32)
        for row, cell in enumerate(values[self.targets[0]]):
            for part in _parts(cell, self.separator):
                if part in place:
                    encoded[row, place[part]] = 1
        return encoded

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy, mean over the labels, in nats; (N, L) → (N,), (N, K, L) → (N, K)."""
        target = target if outputs.dim() == target.dim() else target.unsqueeze(1).expand_as(outputs)
        return binary_cross_entropy_with_logits(outputs, target.to(outputs.dtype), reduction="none").mean(-1)

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, L) float64 probabilities; those of members are averaged."""
        probabilities = outputs.double().sigmoid()
        return (probabilities.mean(1) if probabilities.dim() == 3 else probabilities).cpu().numpy()

    def truth(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N, L), 1 where the label is true."""
        return self.encode(values)

    def decode(self, target: Tensor) -> np.ndarray:
        """(N, L) training targets → what metrics compare with: zeros and ones."""
        return target.cpu().numpy()

    @property
    def metrics(self) -> dict[str, Metric]:
        """The share of right answers first."""
        return {
            "label accuracy": figures.label_accuracy,
            "exact match": figures.exact_match,
            "ROC AUC": figures.label_auc,
        }

    def constant(self, rows: int) -> np.ndarray:
        """(N, L): the share of each label in training."""
        return np.tile(np.asarray(self.shares), (rows, 1))

    @property
    def constant_title(self) -> str:
        """The best constant in words."""
        return "always the more frequent answer"

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """`prediction` (the labels at one half or more, joined) and `probability_<label>` for each."""
        joint = self.separator or "|"
        chosen = [joint.join(n for n, p in zip(self.labels, row, strict=True) if p > 0.5) for row in predictions]
        shares = {f"probability_{name}": predictions[:, i] for i, name in enumerate(self.labels)}
        return {"prediction": np.asarray(chosen, dtype=object), **shares}


def _parts(cell: object, separator: str) -> list[str]:
    return [part.strip() for part in str(cell).split(separator) if part.strip()]


def _yes_or_no(name: str, column: np.ndarray) -> np.ndarray:
    words = [str(v).strip().lower() for v in column]
    wrong = [row for row, word in enumerate(words) if word not in TRUE and word not in FALSE]
    if wrong:
        raise InputError(
            f"The target {name!r} is no yes-or-no column, as every one of several labels must be.",
            got=f"{str(column[wrong[0]])!r} in row {wrong[0] + 1}",
            wanted="0 and 1, true and false, or yes and no",
            fix="Give that column alone as --target, or --task regression where all are numbers.",
        )
    return np.asarray([word in TRUE for word in words], dtype=np.float32)
