"""The rocket family: many fixed convolutions, and a ridge that takes what tells something.

n training sequences, T steps, C channels, F features, O outputs.
"""

from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from netwright.core.batch import Batch
from netwright.core.forms import MOST, SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.rocket.kernels import KERNELS, MOST_CHANNELS, MOST_DILATIONS, TAPS, dilations_for
from netwright.families.rocket.network import RocketNetwork
from netwright.families.rocket.ridge import Part, Ridge, fit_ridge
from netwright.families.sequence.sharpness import sharpness
from netwright.tasks import Answering, Classification, Regression, Supervised, Task

FEATURES, FEWER, FEWEST = 10_000, 4_000, 2 * KERNELS
"""Where there are few sequences, and at most and at least where there are many."""
MANY = 4_000
PRODUCTS = 3e11
"""Rows × features² at most where there are many rows: what the ridge sums up, a minute or so of a slow core."""
SECONDS, MOST_SECONDS, SOME = 30.0, 240.0, 1_000
"""What the features of `SOME` sequences may take on a slow core, and of many more, …"""
STEP_COST, CHANNEL_COST, FEATURE_COST = 6e-9, 0.7e-9, 2e-9
"""… measured seconds that one kernel takes over one step in one dilation, for each channel more, and each feature."""
POOLS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024)
SPANS = 12
"""Dilations that are worth more than a finer look at the steps."""
MEASURED, VARIED, MEASURED_STEPS = 256, 16, 50_000
"""Sequences that thresholds are quantiles of, at most and at least, and steps of them that are enough."""
TRIED = 200
"""Sequences on which it is found out whether each is to be normalised on its own."""
KEPT, PART = 4_096, 1_024
"""Sequences whose features are kept in memory; of more, these are asked what they get when left out, and the others
are summed up so many at a time."""


class RocketConfig(Record):
    """Settings of the rocket family."""

    features: int = Field(default=FEATURES, ge=1, le=50_000)
    """Shares of steps above a threshold, more or less; the more there are, the surer and the slower."""
    dilations: int = Field(default=MOST_DILATIONS, ge=1, le=64)
    """Distances between the weights of a kernel that are tried, at most."""
    pool: int = Field(default=1, ge=1, le=MOST)
    """Steps that become one, their mean, before they are looked at: long sequences are as long as this is short."""
    normalise: str = Field(default="auto", pattern="^(auto|yes|no)$")
    """Whether each sequence gets a mean of 0 and a spread of 1 of its own; auto finds out by leave-one-out."""
    seed: int = 0
    """Of the channels that a kernel adds up."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The network for these channels, lengths and outputs."""
    form = schema.form
    assert isinstance(config, RocketConfig) and isinstance(form, SequenceForm)
    dilations = dilations_for(-(-form.length // config.pool), config.dilations)
    thresholds = max(1, round(config.features / (2 * KERNELS * len(dilations))))
    return RocketNetwork(len(form.channels), dilations, thresholds, task.output_size, config.pool, layers)


@torch.no_grad()
def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure thresholds and features, and fit the ridge: on validation rows too, for leave-one-out needs none."""
    assert isinstance(module, RocketNetwork) and isinstance(config, RocketConfig) and isinstance(task, Answering)
    x, lengths, target = all_rows(training, validation)
    wanted, weights = targets(task, target)
    own = config.normalise == "yes"
    if config.normalise == "auto":
        some = spread(len(x), TRIED, x.device)
        part = None if weights is None else weights[some]
        tried = [_fitted(module, config, x[some], lengths[some], wanted[some], part, own=o)[0] for o in (False, True)]
        own = tried[1].error < tried[0].error
    ridge, kept = _fitted(module, config, x, lengths, wanted, weights, own=own)
    scale = torch.ones(()) if isinstance(task, Regression) else sharpness(task, ridge.left_out, target[kept])
    module.head.weight.copy_(ridge.weight * scale.to(ridge.weight))
    module.head.bias.copy_(ridge.bias * scale.to(ridge.bias))


def all_rows(training: Batch, validation: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Values (n, T, C), lengths (n,) and targets (n, …) of both."""
    parts = [training] if bool((training.fold >= 0).any()) else [training, validation]
    longest = max(1, *(part.inputs[0].shape[1] for part in parts))
    x = torch.cat([_longer(part.inputs[0], longest) for part in parts])
    return x, torch.cat([p.inputs[1] for p in parts]), torch.cat([p.target for p in parts])


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
) -> tuple[Ridge, Tensor]:
    """Measure the kernels and features, fit the ridge on all sequences; and those (k,) it has left-out answers of."""
    module.own.fill_(own)
    some = spread(len(x), max(VARIED, min(MEASURED, MEASURED_STEPS * config.pool // x.shape[1])), x.device)
    *seen, count = module.seen(x[some], lengths[some])
    for kernels, values in zip((module.values, module.changes), seen, strict=True):
        kernels.measure(values, count, torch.Generator().manual_seed(config.seed))
    kept = spread(len(x), max(KEPT, len(module.center)), x.device)
    features = module.features(x[kept], lengths[kept])
    module.center.copy_(features.mean(0))
    deviation = features.std(0, correction=0)
    module.spread.copy_(torch.where(deviation > 1e-6, deviation, 1.0))
    features -= module.center
    features /= module.spread
    if len(kept) == len(x):
        return fit_ridge(features, wanted, weights), kept
    others = torch.ones(len(x), dtype=torch.bool, device=x.device).index_fill(0, kept, False).nonzero().flatten()

    def part(rows: Tensor) -> Part:
        found = (module.features(x[rows], lengths[rows]) - module.center) / module.spread
        return found, wanted[rows], None if weights is None else weights[rows]

    more = map(part, others.split(PART))
    return fit_ridge(features, wanted[kept], None if weights is None else weights[kept], more), kept


def spread(count: int, most: int, device: torch.device) -> Tensor:
    """Positions of `most` of so many rows, spread evenly; of all where they are no more."""
    if count <= most:
        return torch.arange(count, device=device)
    return torch.linspace(0, count - 1, most, dtype=torch.float64, device=device).long()


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> RocketConfig:
    """Settings by the number, length and channels of the sequences, by an estimate of the work."""
    form = schema.form
    assert isinstance(form, SequenceForm)
    asked = rows + 2 * min(rows, TRIED)
    seconds = min(MOST_SECONDS, SECONDS * max(1.0, (rows / SOME) ** 0.5))
    one = 2 * KERNELS * (STEP_COST + CHANNEL_COST * min(len(form.channels), MOST_CHANNELS))  # of a dilation
    features = FEATURES if rows <= MANY else max(FEWEST, min(FEWER, round((PRODUCTS / rows) ** 0.5)))
    most = MOST_DILATIONS if rows <= MANY else min(MOST_DILATIONS, features // (2 * KERNELS))
    pool, dilations = 1, 1
    for pool in POOLS:
        steps = -(-form.length // pool)
        left = seconds / (asked * steps) - features * FEATURE_COST
        dilations = max(1, min(most, int(left / one)))
        if (left > 0 and dilations >= min(SPANS, most)) or steps <= TAPS:
            break
    return RocketConfig(features=features, dilations=dilations, pool=pool)


FAMILY = Family(
    name="rocket",
    phrase="many fixed convolutions of a sequence, and a ridge on how often each is high",
    config=RocketConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    fits={"sequence": ("classification", "regression", "multilabel")},
)
