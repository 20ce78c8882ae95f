"""Series made for the tests of forecasts, cut into windows."""

import numpy as np
import torch

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.forms import SeriesForm, SeriesStatistics
from netwright.core.schema import Schema, TimeColumn
from netwright.tasks import Forecasting

QUANTILES = (0.1, 0.5, 0.9)


def schema_of(
    *,
    window: int = 12,
    horizon: int = 4,
    targets: int = 1,
    past: int = 0,
    known: int = 0,
    parts: int = 0,
    season: int = 1,
) -> Schema:
    names = tuple(f"y{i}" for i in range(targets))
    zeros = (0.0,) * (targets + past + known)
    form = SeriesForm(
        time="day",
        targets=names,
        past=tuple(f"p{i}" for i in range(past)),
        known=tuple(f"k{i}" for i in range(known)),
        step="1d",
        season=season,
        window=window,
        horizon=horizon,
        series=(SeriesStatistics(id="", steps=100, center=zeros, scale=tuple(x + 1 for x in zeros)),),
    )
    span = {"center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0, "why": ""}
    day = TimeColumn(name="day", cell=CellType(kind="datetime"), parts=("weekday", "month")[:parts], **span)
    return Schema(columns=(day,), form=form)


def task_of(schema: Schema) -> Forecasting:
    form = schema.form
    assert isinstance(form, SeriesForm)
    count = len(form.targets)
    return Forecasting(
        targets=form.targets,
        cells=(CellType(kind="number"),) * count,
        center=(0.0,) * count,
        scale=(1.0,) * count,
        horizon=form.horizon,
        quantiles=QUANTILES,
        step="1d",
    )


def cut(values: np.ndarray, schema: Schema, ahead: np.ndarray | None = None) -> Batch:
    """Every window of values (M, V), with what is known of each step (M, K)."""
    form = schema.form
    assert isinstance(form, SeriesForm)
    whole, targets = form.window + form.horizon, len(form.targets)
    ahead = np.zeros((len(values), 0)) if ahead is None else ahead
    starts = range(len(values) - whole + 1)
    past, known, target = (
        torch.tensor(np.stack([x[i + a : i + b] for i in starts]), dtype=torch.float32)
        for x, a, b in (
            (np.nan_to_num(values), 0, form.window),
            (ahead, 0, whole),
            (values[:, :targets], form.window, whole),
        )
    )
    return Batch(inputs=(past, known), target=target, fold=torch.full((len(past),), -1))


def rows_of(batch: Batch, rows: slice) -> Batch:
    return Batch(inputs=tuple(x[rows] for x in batch.inputs), target=batch.target[rows], fold=batch.fold[rows])


def wave(steps: int = 260, season: int = 7, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """(M, 1) a season on a rising line."""
    at = np.arange(steps)
    draws = np.random.default_rng(seed).normal(size=steps)
    return (np.sin(2 * np.pi * at / season) + 0.01 * at + noise * draws)[:, None]


def walk(steps: int = 600, seed: int = 0) -> np.ndarray:
    """(M, 1) a series of which nothing but its last value can be told."""
    return np.random.default_rng(seed).normal(size=(steps, 1)).cumsum(0) / 10
