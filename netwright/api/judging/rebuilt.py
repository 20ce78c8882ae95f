"""Rows made again: from a few numbers, or from themselves with noise on them.

N rows, B of them in a chunk, D values of a flat row: as floats only a chunk of them is ever held.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from netwright.api.judging.judged import Inputs, Judged, device_of, each, unit_of
from netwright.api.judging.pictures import SHOWN, code_space, rebuilt_pictures
from netwright.api.rows import Rows
from netwright.core.arrays import chunks
from netwright.core.batch import Batch
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.evaluate.reconstruction import evaluate_denoising, evaluate_reduction
from netwright.tasks import Reduction

MOST = 10_000
"""Held-out rows that are made again at most; more tell no more."""


class Versions:
    """Rows in several versions, given chunk by chunk: how far each is from the truth, and the first of them to show."""

    def __init__(self) -> None:
        self.values = 0
        self.shown: dict[str, np.ndarray] = {}
        self._errors: dict[str, list[np.ndarray]] = defaultdict(list)

    def add(self, truth: np.ndarray, versions: dict[str, np.ndarray]) -> None:
        """A chunk of true rows (B, D), and of the versions of them, each (B, D)."""
        self.values = truth.shape[1]
        for name, rows in versions.items():
            self._errors[name].append(squared(truth, rows))
        if not self.shown:
            # copied: a view would keep the whole chunk
            self.shown = {n: rows[:SHOWN].copy() for n, rows in {"original": truth, **versions}.items()}

    def errors(self, name: str) -> np.ndarray:
        """(N,) float64 squared distances of all rows of this version from the true ones."""
        return np.concatenate(self._errors[name])


def judge_reduction(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """The variance that survives, beside principal components of the same number; the space of the codes."""
    task, unit = rows.task, unit_of(rows.schema.data)
    assert isinstance(task, Reduction)
    held, inputs = rows.split.test[:MOST], rows.encoded.inputs
    mean = _mean(module, inputs, held)
    versions, codes = Versions(), []
    for truth, code, again, linear in each(module, inputs, held, "flat", "encode", "reconstruct", "reconstruct_linear"):
        versions.add(truth, {"made again": again, "by PCA": linear, "mean": np.broadcast_to(mean, truth.shape)})
        codes.append(code)
    spread = versions.errors("mean")
    baselines = {
        "mean " + unit: spread,
        f"PCA to {task.size} dimension{'s' * (task.size > 1)}": versions.errors("by PCA"),
    }
    shown = {name: versions.shown[name] for name in ("original", "made again", "by PCA")}
    return Judged(
        evaluation=evaluate_reduction(
            versions.errors("made again"),
            spread,
            baselines,
            values=versions.values,
            seed=settings.seed,
            unit=unit,
        ),
        panels=(*rebuilt_pictures(rows, shown), *code_space(rows, held, np.concatenate(codes))),
    )


def judge_denoising(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """How far cleaned rows are from what they were before noise was put on them."""
    versions = Versions()
    held = rows.split.test[:MOST]
    for truth, noised, cleaned, linear in _cleaned(module, rows.encoded.inputs, held, derive(settings.seed, "noise")):
        versions.add(truth, {"with noise": noised, "cleaned": cleaned, "by PCA": linear})
    shown = {name: versions.shown[name] for name in ("original", "with noise", "cleaned")}
    return Judged(
        evaluation=evaluate_denoising(
            versions.errors("cleaned"),
            {"noise left in": versions.errors("with noise"), "PCA": versions.errors("by PCA")},
            values=versions.values,
            seed=settings.seed,
            unit=unit_of(rows.schema.data),
        ),
        panels=rebuilt_pictures(rows, shown),
    )


def _mean(module: nn.Module, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """(D,) float32 mean of these rows."""
    sums = [truth.sum(0, dtype=np.float64) for (truth,) in each(module, inputs, rows, "flat")]
    return (np.sum(sums, axis=0) / max(1, len(rows))).astype(np.float32)


def _cleaned(module: nn.Module, inputs: Inputs, rows: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Chunk by chunk, each (B, D): rows, with the noise the module was trained for, cleaned, cleaned by PCA alone."""
    module.eval()
    device = device_of(module)
    generator = torch.Generator(device).manual_seed(seed)
    for chunk in chunks(inputs, rows):
        fed = tuple(x.to(device) for x in chunk)
        with torch.inference_mode():
            found = tuple(x.cpu().numpy() for x in _versions(module, fed, generator))
        yield found


def _versions(module: nn.Module, inputs: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, ...]:
    batch = Batch(inputs=inputs, target=torch.zeros(0), fold=torch.zeros(0))
    truth, noised = module.flat(*inputs), module.noised(batch, module.noise, generator)  # type: ignore[operator]
    return truth, noised, module.cleaned(noised), module.cleaned_linear(noised)  # type: ignore[operator]


def squared(truth: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(B,) float64 squared distances of rows (B, D)."""
    return np.square(truth.astype(np.float64) - other).sum(1)
