"""Labels that no output stands for: class 10 of ten, −1 for "unknown", {−1, 1} for yes and no."""

import torch.nn.functional as F
from torch import Tensor

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.doctor.calls import BINARY, BY_CLASS, LossCall


def check(call: LossCall) -> list[Notice]:
    """Raises InputError for class numbers outside 0 … C − 1 and for yes-or-no labels outside [0, 1].

    Yes-or-no labels are not judged where the loss weighs its entries or gives them one by one: then some are masked.
    """
    if call.function in BY_CLASS and call.wants_numbers and not call.target.is_floating_point():
        check_classes(call.target, call.classes, int(call.options.get("ignore_index", -100)), call.name)
    masked = call.options.get("weight") is not None or call.options.get("reduction") == "none"
    if call.function in BINARY and not masked:
        check_binary(call.target, call.name)
    return []


def check_all(calls: list[LossCall], targets: Tensor | None) -> None:
    """The same for the targets of every row, (N, ...), if there is one call and its target (B, ...) is of that form."""
    if targets is None or len(calls) != 1:
        return
    call = calls[0]
    if targets.dtype == call.target.dtype and targets.shape[1:] == call.target.shape[1:] and call.target.dim():
        check(LossCall(function=call.function, input=call.input, target=targets, options=call.options))


def check_classes(labels: Tensor, classes: int, ignored: int, name: str) -> None:
    """Raises InputError for a label that is neither `ignored` nor one of 0 … classes − 1."""
    wrong = ((labels < 0) | (labels >= classes)) & (labels != ignored)
    if not labels.numel() or not wrong.any():
        return
    low, high = (int(v) for v in labels[labels != ignored].aminmax())
    place = wrong.nonzero()[0].tolist()
    raise InputError(
        f"A label is out of range for {name}.",
        got=f"{labels[wrong][0].item()} at {place}; labels from {low} to {high}, and {classes} outputs",
        wanted=f"class numbers from 0 to {classes - 1}",
        fix=mend(low, high, classes, name),
    )


def mend(low: int, high: int, classes: int, name: str) -> str:
    """The line to change, from the range the labels have."""
    if low < 0:
        return f"{name}(ignore_index={low}) if {low} marks rows without a label; otherwise number the classes from 0."
    if low >= 1 and high - 1 < classes:
        return "y = y - 1  # classes are counted from 0"
    return f"Give the last layer {high + 1} outputs, or number the classes from 0 without gaps."


def check_binary(labels: Tensor, name: str) -> None:
    """Raises InputError for a label below 0 or above 1."""
    wrong = (labels < 0) | (labels > 1) if labels.numel() else labels.bool()
    if labels.is_complex() or not wrong.any():
        return
    low, high = (float(v) for v in labels.aminmax())
    shift = "y = (y + 1) / 2" if (low, high) == (-1.0, 1.0) else "y = y - 1" if (low, high) == (1.0, 2.0) else ""
    raise InputError(
        f"A label is out of range for {name}.",
        got=f"{labels[wrong][0].item():g} at {wrong.nonzero()[0].tolist()}; labels from {low:g} to {high:g}",
        wanted="labels from 0 to 1",
        fix=shift or "nn.CrossEntropyLoss() for more than two classes, or nn.MSELoss() for values.",
    )


def check_probabilities(call: LossCall) -> list[Notice]:
    """Raises InputError where nn.BCELoss is given something else than probabilities: outputs without their sigmoid."""
    if call.function is not F.binary_cross_entropy or not ((call.input < 0) | (call.input > 1)).any():
        return []
    low, high = (float(v) for v in call.input.aminmax())
    raise InputError(
        "nn.BCELoss takes probabilities, and the network gives raw outputs.",
        got=f"outputs from {low:.3g} to {high:.3g}",
        wanted="outputs from 0 to 1",
        fix="loss=nn.BCEWithLogitsLoss()  # it applies the sigmoid itself",
    )
