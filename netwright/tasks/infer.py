"""Find the task from the target's values, or take the one a person names in words."""

from collections.abc import Mapping

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import Anomaly, Classification, Denoising, Generation, MultiLabel, Reduction, Regression, Task
from netwright.tasks.classification import as_text

WORDS = {
    "regression": "regression",
    "classification": "classification",
    "binary": "classification",
    "binary classification": "classification",
    "multiclass": "classification",
    "multi class": "classification",
    "multi class classification": "classification",
    "multilabel": "multilabel",
    "multi label": "multilabel",
    "multi label classification": "multilabel",
    "forecasting": "forecasting",
    "forecast": "forecasting",
    "time series": "forecasting",
    "language": "language",
    "language model": "language",
    "language modeling": "language",
    "language modelling": "language",
    "writing": "language",
    "reduction": "reduction",
    "reduce": "reduction",
    "dimension reduction": "reduction",
    "reconstruction": "reduction",
    "anomaly": "anomaly",
    "anomalies": "anomaly",
    "anomaly detection": "anomaly",
    "outliers": "anomaly",
    "denoising": "denoising",
    "denoise": "denoising",
    "generation": "generation",
    "generate": "generation",
}
"""What a person may call a task, hyphens and underscores as spaces, and the kind meant."""
MOST_WHOLE = 20
"""Whole numbers with at most this many different values, ten rows each or more, are taken for classes."""
SEPARATORS = ("|", ";", ",")


def infer_kind(values: Mapping[str, np.ndarray], cells: Mapping[str, CellType], asked: str | None) -> tuple[str, str]:
    """The kind of task ("regression", "classification", "multilabel") and the reason in words.

    `values` are the target columns without missing values. Raises InputError where the target does not fit.
    """
    kinds = {cells[name].kind for name in values}
    if asked is not None:
        kind = asked_kind(asked)
        if kind == "regression" and kinds != {"number"}:
            raise _not_numbers(values, cells)
        if kind == "classification" and len(values) > 1:
            raise InputError(
                "Several targets can't be classes of one classification.",
                got=f"--target {','.join(values)}",
                wanted="one target, or --task multilabel for columns of yes and no",
                fix="Give one --target, and train once for each.",
            )
        return kind, "as --task asks"
    if len(values) > 1:
        return _several(values, cells)
    ((name, column),) = values.items()
    different = len(np.unique(as_text(column)))
    if kinds == {"number"}:
        return _number(column, different)
    if kinds == {"datetime"}:
        raise _not_numbers(values, cells)
    if find_separator(column):
        return "multilabel", f"{name!r} holds lists of labels joined by {find_separator(column)!r}"
    if different > max(20, len(column) / 4):
        raise InputError(
            f"The target {name!r} looks like text or names, not like classes.",
            got=f"{different} different values in {len(column)} rows, such as {str(column[0])!r}",
            wanted="a number, or a class that several rows share",
            fix="Choose another --target, or --task classification if these are classes all the same.",
        )
    return "classification", f"{name!r} has {different} different values"


def fit_task(
    kind: str,
    values: Mapping[str, np.ndarray],
    cells: Mapping[str, CellType],
    training: np.ndarray,
    *,
    balanced: bool = False,
) -> Task:
    """The task of this kind, measured on the `training` rows. Raises InputError where it can't be learned."""
    if kind == "regression":
        return Regression.fit(values, cells, training)
    if kind == "classification":
        return Classification.fit(values, cells, training, balanced=balanced)
    separator = find_separator(next(iter(values.values()))) if len(values) == 1 else ""
    return MultiLabel.fit(values, cells, training, separator=separator)


def fit_label(
    values: Mapping[str, np.ndarray], cells: Mapping[str, CellType], training: np.ndarray, *, sure: bool = False
) -> tuple[Classification | None, str]:
    """What rows are labelled with where nothing is to be predicted; and why a column given as target is no label.

    `sure` says that it is one, however many different values it has.
    """
    if not values:
        return None, ""
    try:
        kind, _ = infer_kind(values, cells, "classification" if sure else None)
    except InputError as error:
        return None, error.what
    if kind != "classification":
        return None, f"it looks like {kind}, not like classes"
    label = Classification.fit(values, cells, training, fewest=1)
    return label, ""


def unsupervised(
    kind: str, label: Classification | None, *, size: int, false_alarms: float, normal: str | None = None
) -> Task:
    """The task of this kind, where nothing is to be predicted. `size` is that of a reduction's codes.

    Raises InputError where no row has the label `normal`.
    """
    match kind:
        case "reduction":
            return Reduction(label=label, size=size)
        case "anomaly":
            return Anomaly(label=label, false_alarms=false_alarms, normal=_ordinary(label, normal))
        case "denoising":
            return Denoising(label=label)
    return Generation(label=label)


def _ordinary(label: Classification | None, asked: str | None) -> str | None:
    """The label of ordinary rows: the one asked for, or of two the one most training rows have."""
    known = dict(zip(label.classes, label.counts, strict=True)) if label is not None else {}
    if asked is not None and not known.get(asked):
        raise InputError(
            "No training row has the label of ordinary rows.",
            got=f"--normal {asked}",
            wanted=", ".join(map(repr, known)) or "a column of labels, given with --target",
            fix="Correct --normal, or leave it out.",
        )
    if asked is not None:
        return asked
    if label is None or len(label.classes) != 2:
        return None
    return label.classes[int(np.argmax(label.counts))]


def find_separator(column: np.ndarray) -> str:
    """The mark that joins labels in one column, or "" where there is none: its pieces must recur."""
    text = [str(v) for v in column]
    for mark in SEPARATORS:
        joined = sum(mark in cell for cell in text)
        if joined < max(2, 0.1 * len(text)):
            continue
        pieces = [piece.strip() for cell in text for piece in cell.split(mark)]
        if len(set(pieces)) < min(len(set(text)), 200) and len(pieces) >= 5 * len(set(pieces)):
            return mark
    return ""


def _number(column: np.ndarray, different: int) -> tuple[str, str]:
    whole = bool(np.all(column == np.round(column)))
    if different == 2:
        return "classification", "it has two different values"
    if whole and different <= MOST_WHOLE and len(column) >= 10 * different:
        return "classification", f"it has {different} different whole numbers; --task regression takes them as amounts"
    return "regression", f"it has {different} different numbers"


def _several(values: Mapping[str, np.ndarray], cells: Mapping[str, CellType]) -> tuple[str, str]:
    if all(len(np.unique(as_text(column))) <= 2 for column in values.values()):
        return "multilabel", f"{len(values)} columns of two values each"
    if {cells[name].kind for name in values} == {"number"}:
        return "regression", f"{len(values)} columns of numbers"
    raise _not_numbers(values, cells)


def asked_kind(asked: str) -> str:
    """The kind a person means by these words. Raises InputError for words that are no task."""
    word = asked.strip().lower().replace("_", " ").replace("-", " ")
    if word not in WORDS:
        raise InputError(
            f"There is no task called {asked!r}.",
            got=f"--task {asked}",
            wanted=", ".join(dict.fromkeys(WORDS.values())),
            fix="Leave --task out, and the target column or the family tells.",
        )
    return WORDS[word]


def _not_numbers(values: Mapping[str, np.ndarray], cells: Mapping[str, CellType]) -> InputError:
    wrong = next((name for name in values if cells[name].kind != "number"), next(iter(values)))
    return InputError(
        f"The target {wrong!r} does not hold numbers.",
        got=f"{cells[wrong].kind} values, such as {str(values[wrong][0])!r}",
        wanted="numbers for regression; two values in each of several columns for multi-label classification",
        fix="Give one --target, or columns of one kind.",
    )
