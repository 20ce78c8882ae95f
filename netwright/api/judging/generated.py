"""Rows that were made: how like real ones they are, measured in what a classifier, or a random network, sees in them.

n real rows, m made rows, F features.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from netwright.api.fitting import configure, fit
from netwright.api.judging.judged import Judged, called, tensor, unit_of
from netwright.api.judging.pictures import made_pictures
from netwright.api.rows import Rows
from netwright.api.session import nobody
from netwright.api.stopping import Stop
from netwright.artifact.predictor import forward
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.evaluate.generation import Seen, evaluate_generation
from netwright.families.registry import FAMILIES
from netwright.metrics.generation import nearest, random_features
from netwright.tasks import Generation

MOST = 5000
"""Rows of each kind that are compared at most."""
JUDGE_SECONDS = 60.0
"""What the classifier that judges may take; at most a tenth of the time limit."""

Inputs = tuple[np.ndarray, ...]


def judge_generated(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """New rows beside held-out ones: a distance, and by label how evenly and how clearly they are of a class."""
    task = rows.task
    assert isinstance(task, Generation)
    random = np.random.default_rng(derive(settings.seed, "judging"))
    held = random.permutation(rows.split.test)[:MOST]
    real = tuple(x[held] for x in rows.encoded.inputs)
    labels = rows.target[held]
    made = generated(module, labels, derive(settings.seed, "generate"))
    look = _look(rows, settings)
    training = random.permutation(rows.split.training)[: len(held)]
    known = tuple(x[training] for x in rows.encoded.inputs)
    seen, made_seen, known_seen = look(real), look(made), look(known)
    simple = _gaussian(flat(known), len(held), random)
    evaluation = evaluate_generation(
        real=seen,
        made=made_seen,
        training=known_seen,
        simple=look(unflat(simple, known)),
        seed=settings.seed,
        unit=unit_of(rows.schema.image is not None),
    )
    if rows.encoded.images is None:
        return Judged(evaluation=evaluation)
    pool = random.permutation(rows.split.training)[:20_000]
    near, _ = nearest(look((rows.encoded.images[pool],)).features, made_seen.features[:12])
    panels = made_pictures(rows, made[0], labels, rows.encoded.images[pool[near]])
    return Judged(evaluation=evaluation, panels=panels)


def generated(module: nn.Module, labels: np.ndarray, seed: int) -> Inputs:
    """One new row for each class number in `labels` (m,), in the form of the network's inputs."""
    module.eval()
    with torch.inference_mode():
        made = module.generate(len(labels), tensor(labels), torch.Generator().manual_seed(seed))  # type: ignore[operator]
    return tuple(part.cpu().numpy() for part in made)


def _look(rows: Rows, settings: Settings) -> Callable[[Inputs], Seen]:
    """What judges rows: a classifier trained for it on the same training rows, or without labels a random network."""
    assert isinstance(rows.task, Generation)
    if not rows.task.classes:
        return lambda inputs: Seen(
            random_features(inputs[0] if len(inputs) == 1 else flat(inputs), settings.seed), None
        )
    judge = _classifier(rows, settings)

    def look(inputs: Inputs) -> Seen:
        outputs = forward(judge, tuple(tensor(x) for x in inputs))
        pictures = len(inputs) == 1
        return Seen(called(judge, "features", inputs) if pictures else flat(inputs), outputs.softmax(1).numpy())

    return look


def _classifier(rows: Rows, settings: Settings) -> nn.Module:
    task = rows.task
    assert isinstance(task, Generation) and task.label is not None
    family = FAMILIES["cnn" if rows.schema.image is not None else "mlp"]
    seconds = min(JUDGE_SECONDS, settings.time_limit / 10) if settings.time_limit else JUDGE_SECONDS
    labelled = replace(rows, task=task.label)
    stop = Stop()
    stop.deadline = stop.began + seconds
    config = configure(family, labelled, {})
    return fit(labelled, family, config, settings, stop=stop, watch=nobody).module


def flat(inputs: Inputs) -> np.ndarray:
    """(n, D) float32: pixels, or numbers and one-hot categories as plain columns."""
    if len(inputs) == 1:
        return inputs[0].reshape(len(inputs[0]), -1).astype(np.float32)
    return np.concatenate([x.astype(np.float32) for x in inputs], axis=1)


def unflat(values: np.ndarray, like: Inputs) -> Inputs:
    """The other way round, each value as near as the form allows."""
    parts, at = [], 0
    for part in like:
        width = int(np.prod(part.shape[1:]))
        cut = values[:, at : at + width].reshape(len(values), *part.shape[1:])
        at += width
        if part.dtype.kind in "iu":
            cut = np.clip(np.round(cut), part.min(initial=0), part.max(initial=0))
        parts.append(cut.astype(part.dtype))
    return tuple(parts)


def _gaussian(values: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """(count, D) rows of a normal distribution with the mean and covariance of (n, D) values: the simplest to draw."""
    mean = values.mean(0)
    _, spread, directions = np.linalg.svd(values[:2000] - mean, full_matrices=False)
    scaled = random.standard_normal((count, len(spread))) * (spread / np.sqrt(max(1, len(values[:2000]) - 1)))
    return (scaled @ directions + mean).astype(np.float32)
