"""Figures for rows that were drawn, not found. N real and M drawn rows, D features, C classes."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d

from netwright.core.arrays import at_once

BLOCK = 1024
"""Rows whose distances to all others are held at once."""


def frechet(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance of two sets of features (N, D) and (M, D), each taken for a Gaussian (Heusel et al. 2017).

    ‖μₐ − μᵦ‖² + tr(Σₐ + Σᵦ − 2(Σₐ^½ Σᵦ Σₐ^½)^½): the symmetric form of the product has real, non-negative eigenvalues
    however few rows there are. In squared units of the features; 0 for equal sets; NaN below two rows of each.
    """
    a, b = np.asarray(features_a, np.float64), np.asarray(features_b, np.float64)
    if min(len(a), len(b)) < 2:
        return math.nan
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    common = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    apart = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * common
    return float(max(0.0, apart))


def label_kl(counts: Sequence[float] | np.ndarray, reference: Sequence[float] | np.ndarray) -> float:
    """KL(p ‖ q) in nats of two histograms (C,), p of drawn rows and q of real ones; infinite where q lacks a class.

    NaN where one of them has counted nothing.
    """
    if not np.sum(counts) or not np.sum(reference):
        return math.nan
    p, q = (np.asarray(x, np.float64) / np.sum(x) for x in (counts, reference))
    there = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[there] * (np.log(p[there]) - np.log(q[there]))))


def confident_share(probabilities: np.ndarray, at: float = 0.9) -> float:
    """Share of rows whose most probable class of (N, C) has a probability of `at` or more; NaN of no rows."""
    return float(np.mean(np.max(probabilities, axis=1) >= at)) if len(probabilities) else math.nan


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Shares of drawn rows (M, D) among the real (N, D), and of real ones among the drawn (Kynkäänniemi et al. 2019).

    A row is among others where it lies within the distance of one of them to that one's k-th neighbour. NaN of no
    rows, or of fewer than two among which they would lie.
    """
    return _among(fake, real, k), _among(real, fake, k)


def nearest(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each drawn row (M, D) the index of the nearest real one (N, D) and its distance: 0 is a copy. Needs one."""
    found = [_distances(block, real).min(1) for block in _blocks(fake)]
    index = np.concatenate([f.indices.numpy() for f in found]) if found else np.zeros(0, np.int64)
    away = np.concatenate([f.values.numpy() for f in found]) if found else np.zeros(0)
    return index, away


def random_features(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """(N, D) float64 features of pictures (N, C, H, W) or rows (N, F) by a fixed random network of this seed.

    Two layers of random convolutions, or one of random directions, with ReLU. Without a trained network they tell sets
    of rows apart better than the raw numbers do. uint8 pictures are scaled to −1 … 1.
    """
    draw = torch.Generator().manual_seed(seed)
    x = torch.as_tensor(np.asarray(rows))
    picture = x.dim() == 4
    sizes = [x.shape[1], 32, 64] if picture else [x.shape[1], 128]
    shapes = [(b, a, 3, 3) if picture else (b, a) for a, b in pairwise(sizes)]
    weights = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]
    weights = [w * (2 / max(1, w[0].numel())) ** 0.5 for w in weights]
    return np.concatenate([_through(block, weights).numpy() for block in x.split(at_once((x,)))])


def _through(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """(B, …) → (B, D) of one block of rows."""
    x = x.double() / 127.5 - 1 if x.dtype == torch.uint8 else x.double()
    if x.dim() == 2:
        return torch.relu(x @ weights[0].T)
    for weight in weights:
        x = torch.relu(conv2d(x, weight, stride=2, padding=1))
    return adaptive_avg_pool2d(x, (min(3, x.shape[2]), min(3, x.shape[3]))).flatten(1)


def _among(rows: np.ndarray, others: np.ndarray, k: int) -> float:
    """Share of rows within the reach of one of the others."""
    if not len(rows) or len(others) < 2:
        return math.nan
    reach = torch.cat([_distances(b, others).kthvalue(min(k + 1, len(others)), 1).values for b in _blocks(others)])
    return float(np.mean(torch.cat([(_distances(b, others) <= reach).any(1) for b in _blocks(rows)]).numpy()))


def _blocks(rows: np.ndarray) -> Sequence[Tensor]:
    return torch.as_tensor(np.asarray(rows, np.float64)).split(BLOCK) if len(rows) else []


def _distances(block: Tensor, others: np.ndarray) -> Tensor:
    """(B, N) Euclidean, exactly 0 for equal rows: not by way of inner products."""
    return torch.cdist(
        block, torch.as_tensor(np.asarray(others, np.float64)), compute_mode="donot_use_mm_for_euclid_dist"
    )
