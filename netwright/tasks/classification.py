"""Predict one of several classes; two classes are the binary case of the same."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.record import Record
from netwright.metrics import classification as figures
from netwright.metrics.interval import Metric


class Classification(Record):
    """One class a row, told as a probability for each."""

    kind: Literal["classification"] = "classification"
    targets: tuple[str]
    cells: tuple[CellType]
    classes: tuple[str, ...]
    """The classes as text, sorted (numbers by size)."""
    counts: tuple[int, ...]
    """Training rows of each class."""
    weights: tuple[float, ...] = ()
    """Weight of each class' rows in the training loss, mean one over the rows; empty when every row counts the same."""

    @classmethod
    def fit(
        cls,
        values: Mapping[str, np.ndarray],
        cells: Mapping[str, CellType],
        training: np.ndarray,
        *,
        balanced: bool = False,
        fewest: int = 2,
    ) -> "Classification":
        """The classes of all rows, counted on the `training` rows. Raises InputError where they are fewer."""
        ((name, column),) = values.items()
        text = as_text(column, cells[name])
        found = sorted(np.unique(text).tolist(), key=_by_size)
        seen = text[training]
        counts = [int(np.sum(seen == c)) for c in found]
        if np.count_nonzero(counts) < fewest:
            raise InputError(
                f"The target {name!r} has one class in the training rows: n_classes=1.",
                got=f"the same value in all {len(training)} rows",
                wanted="two classes or more",
                fix="Choose another --target, or give rows of the other classes too; "
                "without classes, --family autoencoder.",
            )
        weights = [sum(counts) / (np.count_nonzero(counts) * max(1, n)) for n in counts] if balanced else []
        return cls(
            targets=(name,), cells=(cells[name],), classes=tuple(found), counts=tuple(counts), weights=tuple(weights)
        )

    @property
    def title(self) -> str:
        """The task in words."""
        return "binary classification" if len(self.classes) == 2 else f"classification into {len(self.classes)} classes"

    @property
    def output_size(self) -> int:
        """One logit a class."""
        return len(self.classes)

    def encode(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N,) int64 class numbers. Raises InputError for a class training did not have."""
        text = as_text(values[self.targets[0]], self.cells[0])
        classes = np.asarray(self.classes)
        order = np.argsort(classes)
        place = np.clip(np.searchsorted(classes, text, sorter=order), 0, len(classes) - 1)
        number = order[place]
        wrong = classes[number] != text
        if wrong.any():
            raise InputError(
                f"The target {self.targets[0]!r} has a class that training did not have.",
                got=f"{str(text[wrong][0])!r} in row {int(wrong.argmax()) + 1} ({int(wrong.sum())} such rows)",
                wanted="one of " + ", ".join(map(repr, self.classes[:20])),
                fix="Train again with rows of that class, or leave those rows out.",
            )
        return number.astype(np.int64)

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of each row, in nats; (N, C) → (N,), (N, K, C) → (N, K)."""
        if outputs.dim() == 3:
            target = target.unsqueeze(1).expand(outputs.shape[:2])
        losses = cross_entropy(outputs.flatten(0, -2), target.reshape(-1), reduction="none").view(target.shape)
        return losses * outputs.new_tensor(self.weights)[target] if self.weights else losses

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, C) float64 probabilities; those of members are averaged."""
        probabilities = outputs.double().softmax(-1)
        return (probabilities.mean(1) if probabilities.dim() == 3 else probabilities).cpu().numpy()

    def truth(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N,) int64 class numbers."""
        return self.encode(values)

    def decode(self, target: Tensor) -> np.ndarray:
        """(N,) training targets → what metrics compare with: class numbers."""
        return target.cpu().numpy()

    @property
    def metrics(self) -> dict[str, Metric]:
        """Accuracy first; where classes are weighted to count the same, the accuracy that weighs them so."""
        first = {"accuracy": figures.accuracy, "balanced accuracy": figures.balanced_accuracy}
        return {
            **(dict(reversed(first.items())) if self.weights else first),
            "ROC AUC": figures.macro_auc,
            "log loss": figures.log_loss,
            "Brier score": figures.brier,
        }

    def constant(self, rows: int) -> np.ndarray:
        """(N, C): the share of each class in training."""
        return np.tile(np.asarray(self.counts) / sum(self.counts), (rows, 1))

    @property
    def constant_title(self) -> str:
        """The best constant in words."""
        return f"always {self.classes[int(np.argmax(self.counts))]!r}"

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """`prediction` and `probability_<class>` for each class."""
        chosen = np.asarray(self.labels)[predictions.argmax(1)]
        shares = {f"probability_{name}": predictions[:, i] for i, name in enumerate(self.classes)}
        return {"prediction": chosen, **shares}

    @property
    def labels(self) -> list:
        """The classes as the source had them: numbers, booleans or text."""
        match self.cells[0].kind:
            case "number":
                return [int(float(c)) if float(c).is_integer() else float(c) for c in self.classes]
            case "boolean" if self.cells[0].true is None:
                return [c == "True" for c in self.classes]
            case _:
                return list(self.classes)


def as_text(column: np.ndarray, cell: CellType | None = None) -> np.ndarray:
    """(N,) labels as text: 3.0 and 3 are both "3", and booleans are the words the source has for them."""
    if column.dtype.kind == "b" and cell is not None and cell.true is not None:
        return np.where(column, cell.true, str(cell.false))
    if column.dtype.kind != "f":
        return column.astype(str)
    different, place = np.unique(column, return_inverse=True)
    whole = [v.is_integer() and abs(v) < 2**53 for v in different.tolist()]
    names = [str(int(v)) if w else repr(v) for v, w in zip(different.tolist(), whole, strict=True)]
    return np.asarray(names, dtype=str)[place.ravel()]


def _by_size(label: str) -> tuple:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
