"""The sequences a network errs on, beside what is usual for what they are and for what they were taken for.

N sequences, n of them held out, T steps, C channels.
"""

import numpy as np
from torch import nn

from netwright.api.rows import Rows
from netwright.core.forms import SequenceForm
from netwright.evaluate.format import number, percent, shorten
from netwright.evaluate.panels import Panel
from netwright.evaluate.plots.sequences import Shown, sequence_cards
from netwright.tasks import Classification, Regression

SHOWN = 12
AVERAGED = 1_000
"""Training sequences of a class that its mean is taken over at most."""
CHANNELS = 100
"""Channels among which the one to show is sought."""


def sequence_panels(
    rows: Rows, module: nn.Module, held: np.ndarray, predictions: np.ndarray, truth: np.ndarray, error: np.ndarray
) -> tuple[Panel, ...]:
    """The held-out sequences with the greatest error, each with the channel that tells most of it.

    `held` (n,) are their positions, `predictions` and `truth` the task's, `error` (n,) how wrong each answer is.
    """
    task, form = rows.task, rows.schema.form
    if not len(held) or not isinstance(form, SequenceForm):
        return ()
    order = np.argsort(-error, kind="stable")
    title = "Sequences it gets most wrong"
    if isinstance(task, Classification):
        wrong = order[predictions[order].argmax(1) != truth[order]]
        title = title if len(wrong) else "It got no held-out sequence wrong; these it was least sure of"
        order = wrong if len(wrong) else order[: SHOWN // 2]
    means = _means(rows)
    shown = [_shown(rows, form, int(i), held, predictions, truth, means) for i in order[:SHOWN]]
    caption = "Each in the channel that differs most, beside the mean of training sequences."
    if len(form.channels) == 1:
        caption = "Each beside the mean of training sequences."
    return (Panel(section="Sequences", title=title, html=sequence_cards(shown), caption=caption),)


def _shown(
    rows: Rows,
    form: SequenceForm,
    i: int,
    held: np.ndarray,
    predictions: np.ndarray,
    truth: np.ndarray,
    means: dict[int, np.ndarray],
) -> Shown:
    """The card of one sequence, in the unit of the source."""
    task = rows.task
    values, length = rows.encoded.parts[0][held[i]], int(rows.encoded.parts[1][held[i]])
    name = f"sequence {rows.numbers[held[i]]}"
    lines = {"sequence": values[:length]}
    if isinstance(task, Classification):
        true, said = int(truth[i]), int(predictions[i].argmax())
        what = [shorten(task.classes[c], 24) for c in (true, said)]
        words = f"{name} is {what[0]}, taken for {what[1]} ({percent(float(predictions[i, said]))})"
        if true == said:
            words = f"{name} is {what[0]}, and said so ({percent(float(predictions[i, said]))})"
        for c, label in zip((true, said), what, strict=True):
            if c in means and (c != true or len(lines) == 1):
                lines[f"class {label}" if label in lines else label] = means[c]  # it may be called "sequence"
    else:
        words = name
        if isinstance(task, Regression):
            words += f": {number(float(predictions[i, 0]))} foretold, {number(float(truth[i, 0]))} is true"
        lines["mean"] = means[-1]
    channel = _telling(list(lines.values()))
    mean, scale = form.mean[channel], form.scale[channel]
    drawn = {key: line[:, channel].astype(float) * scale + mean for key, line in lines.items()}
    return Shown(caption=words, channel=form.channels[channel], lines=drawn)


def _telling(lines: list[np.ndarray]) -> int:
    """The channel in which the last two of these lines, (T, C) each of its own length, differ most."""
    if len(lines) < 2:
        return 0
    steps = min(len(lines[-1]), len(lines[-2]))
    apart = np.nan_to_num(np.square(lines[-1][:steps, :CHANNELS] - lines[-2][:steps, :CHANNELS]))
    return int(apart.mean(0).argmax()) if steps else 0


def _means(rows: Rows) -> dict[int, np.ndarray]:
    """By class, or −1 for all: the mean (T, C) of training sequences at each step, NaN where none goes so far."""
    values, lengths = rows.encoded.parts[:2]
    training = rows.split.training
    if not isinstance(rows.task, Classification):
        return {-1: _mean(values, lengths, training)}
    target = rows.target[training]
    return {int(c): _mean(values, lengths, training[target == c]) for c in np.unique(target)}


def _mean(values: np.ndarray, lengths: np.ndarray, which: np.ndarray) -> np.ndarray:
    which = which[np.linspace(0, len(which) - 1, min(AVERAGED, len(which))).astype(int)]
    total, count = np.zeros(values.shape[1:]), np.zeros((values.shape[1], 1))
    for row in which:
        total[: lengths[row]] += values[row, : lengths[row]]
        count[: lengths[row]] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)
