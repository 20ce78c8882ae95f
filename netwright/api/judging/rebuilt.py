"""Rows made again: from a few numbers, or from themselves with noise on them."""

import numpy as np
import torch
from torch import nn

from netwright.api.judging.judged import Judged, called, tensor, unit_of
from netwright.api.judging.pictures import code_space, rebuilt_pictures
from netwright.api.rows import Rows
from netwright.core.batch import Batch
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.evaluate.reconstruction import evaluate_denoising, evaluate_reduction
from netwright.tasks import Reduction

MOST = 10_000
"""Held-out rows that are made again at most; more tell no more."""


def judge_reduction(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """The variance that survives, beside principal components of the same number; the space of the codes."""
    task, unit = rows.task, unit_of(rows.schema.image is not None)
    assert isinstance(task, Reduction)
    held = rows.split.test[:MOST]
    inputs = rows.encoded.take(held).inputs
    truth, codes = called(module, "flat", inputs), called(module, "encode", inputs)
    again, linear = called(module, "reconstruct", inputs), called(module, "reconstruct_linear", inputs)
    mean = truth.mean(0)
    baselines = {
        "mean " + unit: squared(truth, mean[None]),
        f"PCA to {task.size} dimension{'s' * (task.size > 1)}": squared(truth, linear),
    }
    return Judged(
        evaluation=evaluate_reduction(
            squared(truth, again),
            squared(truth, mean[None]),
            baselines,
            values=truth.shape[1],
            seed=settings.seed,
            unit=unit,
        ),
        panels=(
            *rebuilt_pictures(rows, {"original": truth, "made again": again, "by PCA": linear}),
            *code_space(rows, held, codes),
        ),
    )


def judge_denoising(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """How far cleaned rows are from what they were before noise was put on them."""
    unit = unit_of(rows.schema.image is not None)
    inputs = rows.encoded.take(rows.split.test[:MOST]).inputs
    truth = called(module, "flat", inputs)
    noised = _noised(module, inputs, derive(settings.seed, "noise"))
    cleaned, linear = called(module, "cleaned", (noised,)), called(module, "cleaned_linear", (noised,))
    return Judged(
        evaluation=evaluate_denoising(
            squared(truth, cleaned),
            {"noise left in": squared(truth, noised), "PCA": squared(truth, linear)},
            values=truth.shape[1],
            seed=settings.seed,
            unit=unit,
        ),
        panels=rebuilt_pictures(rows, {"original": truth, "with noise": noised, "cleaned": cleaned}),
    )


def _noised(module: nn.Module, inputs: tuple[np.ndarray, ...], seed: int) -> np.ndarray:
    """(N, D) rows as flat vectors with the noise the module was trained for."""
    batch = Batch(inputs=tuple(map(tensor, inputs)), target=torch.zeros(0), fold=torch.zeros(0))
    with torch.inference_mode():
        return module.cpu().noised(batch, module.noise, torch.Generator().manual_seed(seed)).numpy()  # type: ignore[operator]


def squared(truth: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) float64 squared distances of rows (N, D)."""
    return np.square(truth.astype(np.float64) - other).sum(1)
