"""Rows that were made: how like real ones they are, measured in what a classifier, or a random network, sees in them.

N rows, n of them, D values of a flat row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from netwright.api.fitting import configure, fit
from netwright.api.judging.judged import Inputs, Judged, called, unit_of
from netwright.api.judging.pictures import made_pictures
from netwright.api.rows import FEWEST_ROWS, Rows
from netwright.api.session import nobody
from netwright.api.stopping import Stop
from netwright.artifact.making import known_classes, made
from netwright.artifact.predictor import forward
from netwright.core.arrays import MOST_ROWS, as_tensor, at_once, chunks
from netwright.core.schema import Schema
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.data.rows_back import parted
from netwright.evaluate.generation import Seen, evaluate_generation
from netwright.families.flat import MOST_PLACES, FlatTable
from netwright.families.registry import find
from netwright.metrics.generation import nearest, random_features
from netwright.tasks import Generation

MOST = 5000
"""Rows of each kind that are compared at most."""
POOL = 20_000
"""Training pictures at most among which the nearest is sought."""
VISITS = 20_000
"""Rows the classifier that judges is shown, more or less: the same whatever the time, so that figures compare."""
JUDGE_SECONDS = 60.0
"""What the classifier that judges may take; at most a tenth of the time limit."""
MEASURED = 2**26
"""Values at most that a normal distribution is measured on, 256 MB as floats."""

Look = Callable[[Inputs, np.ndarray | None], Seen]
"""(inputs (N, …), positions (n,) or None for all) → what a judge sees in these rows."""


@dataclass
class Within(Stop):
    """A stop of its own deadline within a run, which a signal to the run ends as well."""

    run: Stop | None = None

    @property
    def reason(self) -> str:
        """Why to stop now, or "" where there is no reason."""
        return self.run.reason if self.run is not None and self.run.signal else super().reason


def judge_generated(rows: Rows, module: nn.Module, settings: Settings, *, stop: Stop | None = None) -> Judged:
    """New rows beside held-out ones: a distance, and by label how evenly and how clearly they are of a class.

    No classifier is trained to judge them once `stop` has heard a signal.
    """
    task, inputs = rows.task, rows.encoded.inputs
    assert isinstance(task, Generation)
    random = np.random.default_rng(derive(settings.seed, "judging"))
    held = random.permutation(rows.split.test)[:MOST]
    labels = rows.target[held] if known_classes(module, task) else None
    new = made(module, len(held), labels, derive(settings.seed, "generate"))
    look = _look(rows, settings, stop)
    training = random.permutation(rows.split.training)[: len(held)]
    made_seen = look(new, None)
    evaluation = evaluate_generation(
        real=look(inputs, held),
        made=made_seen,
        training=look(inputs, training),
        simple=_simple(rows, training, len(held), look, random),
        seed=settings.seed,
        unit=unit_of(rows.schema.data),
    )
    pool = random.permutation(rows.split.training)[:POOL]
    if rows.encoded.images is None or not len(pool):
        return Judged(evaluation=evaluation)
    near, _ = nearest(look(inputs, pool).features, made_seen.features[:12])
    panels = made_pictures(rows, new[0], labels, rows.encoded.images[pool[near]])
    return Judged(evaluation=evaluation, panels=panels)


def _look(rows: Rows, settings: Settings, stop: Stop | None) -> Look:
    """What judges rows: a classifier trained for it on the same training rows, or without labels a random network."""
    judge = _classifier(rows, settings, stop)
    if judge is None:
        return lambda inputs, which: Seen(_random_features(rows.schema, inputs, which, settings.seed), None)

    def look(inputs: Inputs, which: np.ndarray | None) -> Seen:
        probabilities = forward(judge, tuple(map(as_tensor, inputs)), rows=which).softmax(1).numpy()
        if rows.schema.image is not None:
            return Seen(called(judge, "features", inputs, which), probabilities)
        return Seen(_flat_rows(rows.schema, inputs, which), probabilities)

    return look


def _classifier(rows: Rows, settings: Settings, stop: Stop | None) -> nn.Module | None:
    """A network that tells the classes apart; None where that can't be learned, or where the run is to stop."""
    assert isinstance(rows.task, Generation)
    label, split = rows.task.label, rows.split
    validated = len(split.folds) > 0 and all(len(fold) for fold in split.folds)
    several = len(split.training) >= FEWEST_ROWS and len(np.unique(rows.target[split.training])) > 1
    if label is None or not validated or not several or (stop is not None and stop.signal):
        return None
    family = find("mlp") if rows.schema.image is None else find("cnn", "image")
    seconds = min(JUDGE_SECONDS, settings.time_limit / 10) if settings.time_limit else JUDGE_SECONDS
    labelled = replace(rows, task=label)
    own = Within(run=stop)
    own.deadline = own.began + seconds
    config = configure(family, labelled, {})
    epochs = min(config.epochs, max(1, round(VISITS / len(split.training))))  # type: ignore[missing-attribute]
    config = config.model_copy(update={"epochs": epochs})
    module = fit(labelled, family, config, settings, stop=own, watch=nobody).module
    return None if stop is not None and stop.signal else module  # one that was cut off sees too little


def _random_features(schema: Schema, inputs: Inputs, which: np.ndarray | None, seed: int) -> np.ndarray:
    if schema.image is None:
        return random_features(_flat_rows(schema, inputs, which), seed)
    return np.concatenate([random_features(pictures.numpy(), seed) for (pictures,) in chunks(inputs, which)])


def _flat_rows(schema: Schema, inputs: Inputs, which: np.ndarray | None = None) -> np.ndarray:
    return flat(inputs if which is None else tuple(x[which] for x in inputs), schema)


def flat(inputs: Inputs, schema: Schema) -> np.ndarray:
    """(n, D) float32: pixels, or numbers and one-hot categories."""
    if schema.image is not None:
        return inputs[0].reshape(len(inputs[0]), -1).astype(np.float32)
    table = FlatTable(len(schema.number_features), schema.cardinalities, nn.Identity())
    return table.flat(*map(as_tensor, inputs)).float().numpy()


def unflat(values: np.ndarray, schema: Schema) -> Inputs:
    """The other way round, each value as near as the form allows: whole pixels, the likeliest category."""
    image = schema.image
    if image is None:
        return parted(values, schema, MOST_PLACES)
    pixels = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return (pixels.reshape(-1, image.channels, image.height, image.width),)


def _simple(rows: Rows, training: np.ndarray, count: int, look: Look, random: np.random.Generator) -> Seen | None:
    """`count` rows of the simplest distribution there is to draw from; None where it can't be measured."""
    inputs = rows.encoded.inputs
    width = sum(int(np.prod(x.shape[1:])) for x in inputs)
    measured = training[: max(2, min(2000, MEASURED // max(1, width)))]
    if len(measured) < 2:
        return None
    values, step = _flat_rows(rows.schema, inputs, measured), min(MOST_ROWS, at_once(inputs))
    seen = [look(unflat(drawn, rows.schema), None) for drawn in _gaussian(values, count, step, random)]
    known = [part.probabilities for part in seen if part.probabilities is not None]
    return Seen(np.concatenate([part.features for part in seen]), np.concatenate(known) if known else None)


def _gaussian(values: np.ndarray, count: int, step: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """`count` rows of a normal distribution with the mean and covariance of `values` (n, D), `step` at a time.

    Random sums of the rows less their mean have that covariance: the matrix itself (D, D) is never made.
    """
    mean = values.mean(0)
    away = (values - mean) / np.sqrt(len(values) - 1)
    for start in range(0, count, step):
        weights = random.standard_normal((min(step, count - start), len(values)), dtype=np.float32)
        yield weights @ away + mean
