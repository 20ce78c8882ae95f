"""The simple things a network must beat, fitted on the same rows: the best constant and a linear model."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np

from netwright.api.fitting import affordable, configure, fit
from netwright.api.judging.answers import predict_rows
from netwright.api.rows import Rows
from netwright.api.session import nobody
from netwright.api.stopping import Stop
from netwright.core.cells import CellType
from netwright.core.schema import NumberColumn, Schema
from netwright.core.settings import Settings
from netwright.data.encode import Encoded
from netwright.families.flat import FlatTable
from netwright.families.registry import find
from netwright.tasks import Classification, MultiLabel, Regression

SHARE, SECONDS = 0.15, 60.0
"""Of a time limit, and seconds without one, that a linear model of texts may take."""
WORK = 3e7
"""Rows times flat features times outputs of the linear model at most, so that it takes seconds."""
COARSE = 12
"""Pixels a picture is wide and high, at most, where a linear model sees it."""
ROWS_A_SECOND = 40
"""Pictures a linear model is fitted on for each second of the time limit, so that it takes a small share of it."""


def baselines_of(rows: Rows, settings: Settings) -> dict[str, np.ndarray]:
    """By name: predictions of the held-out rows. None where nothing is to be predicted."""
    held, task = rows.split.test, rows.task
    if not len(held) or not isinstance(task, Classification | MultiLabel | Regression):
        return {}
    found = {task.constant_title: task.constant(len(held))}
    if settings.family != "linear":
        seen = rows if rows.schema.image is None else coarse(rows)
        linear = find("linear", seen.schema.data)
        quiet = settings.model_copy(update={"device": "cpu"})
        config = configure(linear, seen, {})
        most = _most_rows(seen) if seen.schema.data == "table" else None
        if seen.schema.data == "text":
            most = affordable(seen, SHARE * settings.time_limit if settings.time_limit else SECONDS)
        if most is not None and rows.schema.image is not None and settings.time_limit:
            most = min(most, round(ROWS_A_SECOND * settings.time_limit))
        fitted = fit(seen, linear, config, quiet, stop=Stop(), watch=nobody, most_rows=most)
        found["linear model"] = predict_rows(fitted.module, task, seen, held)
    return found


def coarse(rows: Rows) -> Rows:
    """Pictures as tables of numbers: the means over at most 12 × 12 fields of each channel, scaled by their spread."""
    column, pixels = rows.schema.image, rows.encoded.images
    assert column is not None and pixels is not None
    numbers = _shrunk(pixels)
    training = numbers[rows.split.training]
    spread = np.where(training.std(0) > 0, training.std(0), 1.0)
    scaled = ((numbers - training.mean(0)) / spread).astype(np.float32)
    cell = CellType(kind="number")
    features = tuple(
        NumberColumn(name=f"field {i}", cell=cell, why="", center=0.0, scale=1.0, lowest=0.0, highest=1.0)
        for i in range(scaled.shape[1])
    )
    categories = np.zeros((len(scaled), 0), dtype=np.int64)
    encoded = Encoded(numbers=scaled, categories=categories, unseen=Counter(), gaps=Counter())
    return replace(rows, schema=Schema(columns=features), encoded=encoded)


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """(N, C, H, W) → (N, C · h · w) float32, the means over fields; edges that make no whole one are left out."""
    count, channels, height, width = pixels.shape
    tall, wide = math.ceil(height / COARSE), math.ceil(width / COARSE)
    rows, columns = height // tall, width // wide
    shrunk = np.empty((count, channels * rows * columns), dtype=np.float32)
    for start in range(0, count, 1024):
        part = pixels[start : start + 1024, :, : rows * tall, : columns * wide]
        fields = part.reshape(len(part), channels, rows, tall, columns, wide).mean((3, 5), dtype=np.float32)
        shrunk[start : start + 1024] = fields.reshape(len(part), -1)
    return shrunk


def _most_rows(rows: Rows) -> int:
    """How many rows the linear model is fitted on at most: 100,000, fewer for wide tables and many classes."""
    features = FlatTable.size(len(rows.schema.number_features), rows.schema.cardinalities)
    work = features * max(rows.task.output_size, features / 30, 10)
    return int(max(1000, min(100_000, WORK / work, 2e6 / rows.task.output_size)))
