"""All that a report shows: plain values, gathered by `api`, drawn by `evaluate.report`."""

from dataclasses import dataclass

import numpy as np

from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.core.steps import EpochRecord
from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.panels import Panel
from netwright.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much the main figure worsens when a column's values are shuffled among the rows.

    `drop` is the mean over the shuffles, `spread` their standard deviation; both in the main figure's unit, positive
    where the column helps.
    """

    column: str
    drop: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a run found."""

    title: str
    """The run's name."""
    command: str
    """The command that made it, or "" where it was made from Python."""
    source: str
    rows: int
    task: Task
    task_why: str
    """The reason why it is this task, in words."""
    schema: Schema
    split: str
    """How many rows train, validate and are held out, and why so, in words."""
    notices: tuple[Notice, ...]
    family: str
    network: str
    """The network as text, with shapes and parameter counts."""
    settings: dict[str, object]
    history: tuple[EpochRecord, ...]
    best_epoch: int
    """From 0; −1 where the family has no epochs."""
    seconds: dict[str, float]
    """Wall-clock time of each station."""
    evaluation: Evaluation
    predictions: np.ndarray | None = None
    """Of the held-out rows: (N, C) probabilities, (N, L) probabilities of labels, or (N, T) numbers; None for tasks
    without a target."""
    truth: np.ndarray | None = None
    """Of the held-out rows: (N,) classes, (N, L) zeros and ones, or (N, T) numbers; None likewise."""
    importance: tuple[Importance, ...] = ()
    """Most important first."""
    panels: tuple[Panel, ...] = ()
    """Pictures and plots of this run's own, in the order they are to be seen."""
    worst: tuple[dict[str, object], ...]
    """The held-out rows it gets most wrong, worst first: "row" (its number in the source), the truth, the prediction,
    the error, then the row's own cells. In the search for anomalies the strangest rows."""
    next_steps: tuple[str, ...]
    """Commands to run next."""
