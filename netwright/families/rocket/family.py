"""The rocket family: many fixed convolutions, and a ridge that takes what tells something.

n training sequences, T steps, C channels, F features, O outputs.
"""

from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from netwright.core.batch import Batch
from netwright.core.forms import SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Count, Family
from netwright.families.rocket.kernels import KERNELS, MOST_CHANNELS, MOST_DILATIONS, dilations_for
from netwright.families.rocket.network import RocketNetwork
from netwright.families.rocket.ridge import Ridge, fit_ridge
from netwright.families.sequence.sharpness import sharpness
from netwright.tasks import Answering, Classification, Regression, Supervised, Task

FEATURES, FEWER = 10_000, 4_000
"""Where there are few sequences, and where there are many: the ridge takes the square of the smaller of both."""
MANY = 4_000
SECONDS = 120.0
"""What the features of the training sequences may take on a slow core, …"""
STEP_COST, CHANNEL_COST = 6e-9, 0.7e-9
"""… measured seconds that one kernel takes over one step in one dilation, and for each channel more."""
MEASURED = 256
"""Sequences that thresholds are quantiles of."""
LEAST = 200
"""Sequences that train at least, if there are as many."""
TRIED = 300
"""Sequences on which it is found out whether each is to be normalised on its own."""


class RocketConfig(Record):
    """Settings of the rocket family."""

    features: Count = FEATURES
    """Shares of steps above a threshold, more or less; the more there are, the surer and the slower."""
    dilations: int = Field(default=MOST_DILATIONS, ge=1, le=64)
    """Distances between the weights of a kernel that are tried, at most."""
    rows: Count = 10_000
    """Sequences that train at most; of more, these are spread evenly."""
    normalise: str = Field(default="auto", pattern="^(auto|yes|no)$")
    """Whether each sequence gets a mean of 0 and a spread of 1 of its own; auto finds out by leave-one-out."""
    seed: int = 0
    """Of the channels that a kernel adds up."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The network for these channels, lengths and outputs."""
    form = schema.form
    assert isinstance(config, RocketConfig) and isinstance(form, SequenceForm)
    dilations = dilations_for(form.length, config.dilations)
    thresholds = max(1, round(config.features / (2 * KERNELS * len(dilations))))
    return RocketNetwork(len(form.channels), dilations, thresholds, task.output_size)


@torch.no_grad()
def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure thresholds and features, and fit the ridge: on validation rows too, for leave-one-out needs none."""
    assert isinstance(module, RocketNetwork) and isinstance(config, RocketConfig) and isinstance(task, Answering)
    x, lengths, target = all_rows(training, validation, config.rows)
    wanted, weights = targets(task, target)
    own = config.normalise == "yes"
    if config.normalise == "auto":
        some = torch.linspace(0, len(x) - 1, min(TRIED, len(x)), device=x.device).long()
        part = None if weights is None else weights[some]
        errors = [
            _fitted(module, config, x[some], lengths[some], wanted[some], part, own=o).error for o in (False, True)
        ]
        own = errors[1] < errors[0]
    ridge = _fitted(module, config, x, lengths, wanted, weights, own=own)
    scale = torch.ones(()) if isinstance(task, Regression) else sharpness(task, ridge.left_out, target)
    module.head.weight.copy_(ridge.weight * scale.to(ridge.weight))
    module.head.bias.copy_(ridge.bias * scale.to(ridge.bias))


def all_rows(training: Batch, validation: Batch, most: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Values (n, T, C), lengths (n,) and targets (n, …) of both, or `most` of them, spread evenly."""
    parts = [training] if bool((training.fold >= 0).any()) else [training, validation]
    longest = max(part.inputs[0].shape[1] for part in parts)
    x = torch.cat([_longer(part.inputs[0], longest) for part in parts])
    lengths, target = torch.cat([p.inputs[1] for p in parts]), torch.cat([p.target for p in parts])
    if most is None or len(x) <= most:
        return x, lengths, target
    some = torch.linspace(0, len(x) - 1, most, device=x.device).long()
    return x[some], lengths[some], target[some]


def _longer(x: Tensor, length: int) -> Tensor:
    return nn.functional.pad(x, (0, 0, 0, length - x.shape[1]))


def targets(task: Supervised, target: Tensor) -> tuple[Tensor, Tensor | None]:
    """(n, O) what the ridge aims at: 1 and −1 for classes and labels, else the numbers; and the weights of the rows."""
    if isinstance(task, Regression):
        return target, None
    if isinstance(task, Classification):
        weights = target.new_tensor(task.weights, dtype=torch.float64)[target] if task.weights else None
        return one_hot(target, task.output_size) * 2.0 - 1, weights
    return target.float() * 2 - 1, None


def _fitted(
    module: RocketNetwork,
    config: RocketConfig,
    x: Tensor,
    lengths: Tensor,
    wanted: Tensor,
    weights: Tensor | None,
    *,
    own: bool,
) -> Ridge:
    """Measure the kernels and features of these sequences, and fit the ridge."""
    module.own.fill_(own)
    some = torch.linspace(0, len(x) - 1, min(MEASURED, len(x)), device=x.device).long()
    for kernels, seen in zip((module.values, module.changes), module.seen(x[some], lengths[some]), strict=True):
        kernels.measure(seen, lengths[some], torch.Generator().manual_seed(config.seed))
    features = module.features(x, lengths)
    module.center.copy_(features.mean(0))
    spread = features.std(0, correction=0)
    module.spread.copy_(torch.where(spread > 1e-6, spread, 1.0))
    features -= module.center
    features /= module.spread
    return fit_ridge(features, wanted, weights)


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> RocketConfig:
    """Settings by the number, length and channels of the sequences."""
    form = schema.form
    assert isinstance(form, SequenceForm)
    cost = STEP_COST + CHANNEL_COST * min(len(form.channels), MOST_CHANNELS)
    one = 2 * KERNELS * form.length * cost  # seconds a sequence and dilation
    most = max(1, min(MOST_DILATIONS, round(SECONDS / (one * (min(rows, TRIED) * 2 + min(rows, LEAST))))))
    fits = max(LEAST, round(SECONDS / (one * len(dilations_for(form.length, most)))))
    features = FEATURES if min(rows, fits) <= MANY else FEWER
    return RocketConfig(features=features, dilations=most, rows=min(10_000, fits))


FAMILY = Family(
    name="rocket",
    phrase="many fixed convolutions of a sequence, and a ridge on how often each is high",
    config=RocketConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    fits={"sequence": ("classification", "regression", "multilabel")},
)
