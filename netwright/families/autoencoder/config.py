"""The dials of the family."""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from netwright.core.schema import Schema
from netwright.families.family import Count, Penalty, Training
from netwright.families.mlp import Activation
from netwright.tasks import Task

BUDGET = 2.5e13
"""Multiplications a run may take: about seven minutes of two slow cores."""
MOST_EPOCHS, LEAST_EPOCHS = 400, 4
MOST_UPDATES = 25_000
ANOMALY_STEPS = 800
"""Updates that measured best for the search for anomalies, where the rows are few enough."""


class AutoencoderConfig(Training):
    """Settings of the autoencoder family."""

    code_size: Count = 32
    """Numbers a row is said in; for a reduction the size of the task counts instead."""
    hidden_sizes: tuple[Count, ...] = (512, 512)
    """Width of each hidden layer of the encoder; the decoder mirrors them. Channels where it is convolutional."""
    activation: Activation = "silu"
    convolutional: bool = False
    """For pictures: convolutions instead of dense layers."""
    noise: Penalty = 0.0
    """Spread of the noise added to inputs while training, as a share of the inputs' own spread."""
    weight_decay: Penalty = 1e-4
    """Decoupled weight decay of weights, not of biases."""
    kl_warmup: int = Field(default=200, ge=0)
    """Generation: updates over which the weight of the code's divergence rises to one."""
    free_bits: Penalty = 0.0
    """Generation: nats of divergence a number of the code may have for nothing."""
    likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto"
    """Generation: what a pixel is; auto takes nearly binary pictures for coins, others for numbers."""


def default_size(schema: Schema) -> int:
    """Dimensions of a reduction nobody asked for: an eighth of the pixels, at most 32; half the columns, at most 8."""
    if schema.image is not None:
        pixels = schema.image.channels * schema.image.height * schema.image.width
        return max(2, min(32, pixels // 8))
    columns = len(schema.number_features) + len(schema.cardinalities)
    return max(1, min(8, columns // 2))


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> AutoencoderConfig:
    """Settings for a size; training never stops early, since its rate falls to zero at its end."""
    match task.kind:
        case "anomaly":
            return for_anomalies(rows, schema)
        case "denoising":
            return for_denoising(rows, schema)
        case "generation":
            return for_generation(rows, schema)
        case _:
            return for_reduction(rows, schema)


def for_reduction(rows: int, schema: Schema) -> AutoencoderConfig:
    """Dense corrections of the principal components."""
    hidden = (512, 256) if schema.image is not None else (128, 128)
    batch = batch_for(rows)
    epochs = epochs_for(rows, batch, dense_work(schema, hidden))
    return AutoencoderConfig(
        hidden_sizes=hidden, batch_size=batch, epochs=epochs, patience=epochs, learning_rate=2e-3, weight_decay=1e-3
    )


def for_anomalies(rows: int, schema: Schema) -> AutoencoderConfig:
    """Much noise and a wide code: on three sets that was better than little and a narrow one, which PCA beat."""
    dimensions = max(1, vector_length(schema))
    batch = batch_for(rows, most=1024)
    epochs = max(1, min(MOST_EPOCHS, round(ANOMALY_STEPS * batch / max(rows, batch))))
    return AutoencoderConfig(
        code_size=min(128, 2 * dimensions),
        hidden_sizes=(128,),
        noise=0.5,
        batch_size=batch,
        epochs=epochs,
        patience=epochs,
        learning_rate=2e-3,
        weight_decay=0.0,
    )


def for_denoising(rows: int, schema: Schema) -> AutoencoderConfig:
    """A small U for pictures, a dense residual network for tables."""
    image = schema.image
    hidden = (32, 64) if image is not None else (256, 256)
    work = dense_work(schema, hidden)
    if image is not None:
        work = image.height * image.width * hidden[0] * hidden[0] * 9 * 6 / 4
    batch = batch_for(rows, most=128 if image is not None else 512)
    epochs = epochs_for(rows, batch, work)
    return AutoencoderConfig(
        hidden_sizes=hidden,
        convolutional=image is not None,
        noise=0.5,
        batch_size=batch,
        epochs=epochs,
        patience=epochs,
        learning_rate=2e-3,
    )


def for_generation(rows: int, schema: Schema) -> AutoencoderConfig:
    """The variational autoencoder."""
    hidden = (512, 512) if schema.image is not None else (128, 128)
    batch = batch_for(rows)
    epochs = epochs_for(rows, batch, dense_work(schema, hidden))
    return AutoencoderConfig(
        code_size=32 if schema.image is not None else max(2, min(16, vector_length(schema) // 2)),
        kl_warmup=min(200, epochs * max(1, rows // batch) // 20),
        hidden_sizes=hidden,
        batch_size=batch,
        epochs=epochs,
        patience=epochs,
        learning_rate=2e-3,
    )


def vector_length(schema: Schema) -> int:
    """Numbers a row has for the network, one for a category."""
    image = schema.image
    if image is not None:
        return image.channels * image.height * image.width
    return len(schema.number_features) + len(schema.cardinalities)


def dense_work(schema: Schema, hidden: tuple[int, ...]) -> float:
    """Multiplications of one row, there and back: three times two mirrored halves."""
    sizes = (vector_length(schema), *hidden)
    return 6 * sum(a * b for a, b in pairwise(sizes))


def batch_for(rows: int, most: int = 256) -> int:
    """A power of two: about an eighth of the rows, from 16 to `most`."""
    return max(16, min(most, 2 ** max(0, (rows // 8).bit_length() - 1)))


def epochs_for(rows: int, batch: int, work: float) -> int:
    """As many passes as the budget has room for, and for `MOST_UPDATES`."""
    steps = max(1, rows // batch)
    affordable = min(BUDGET / (max(rows, batch) * work), MOST_UPDATES / steps)
    return int(max(LEAST_EPOCHS, min(MOST_EPOCHS, affordable)))
