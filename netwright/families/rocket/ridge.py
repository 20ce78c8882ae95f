"""Ridge regression whose penalty is chosen by what each row gets from all the others: leave-one-out, exactly.

n rows, p features, O outputs, r = min(n, p).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

PENALTIES = torch.logspace(-4, 4, 17, dtype=torch.float64)
"""Tried, in units of the mean of the eigenvalues of XᵀX."""


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """y ≈ x Wᵀ + b: `weight` (O, p), `bias` (O,); `left_out` (n, O) what each row gets from the others alone."""

    weight: Tensor
    bias: Tensor
    left_out: Tensor
    error: float
    """Mean squared error of `left_out`."""


def fit_ridge(x: Tensor, y: Tensor, weights: Tensor | None = None) -> Ridge:
    """The ridge of the penalty with the least leave-one-out error; x (n, p), y (n, O), `weights` of the rows (n,).

    With X = U√S Vᵀ, centred, row i's own weight in its answer is hᵢ = wᵢ/Σw + Σⱼ Uᵢⱼ² Sⱼ/(Sⱼ + λ), and its error when
    left out is its residual over 1 − hᵢ (Allen 1974). Works on n × n or p × p products, whichever is smaller.
    """
    w = torch.ones(len(x), dtype=torch.float64) if weights is None else weights.double().cpu()
    w = w * len(x) / w.sum()
    root = w.sqrt()[:, None].to(x.device)
    x_mean = (x * root.square().to(x.dtype)).mean(0)
    y_mean = (y.double() * root.square()).mean(0)
    scaled = (x - x_mean) * root.to(x.dtype)
    wanted = (y.double() - y_mean) * root  # (n, O)
    values, left, primal = _spectrum(scaled)
    shrunk = [values / (values + penalty * values.sum() / len(values) + 1e-12) for penalty in PENALTIES.to(values)]
    projected = left.T @ wanted
    best, least, answers = shrunk[0], float("inf"), y
    for share in shrunk:
        leverage = root.square().squeeze(1) / len(x) + left.square() @ share
        residual = wanted - left @ (share[:, None] * projected)
        residual = residual / (1 - leverage[:, None]).clamp(min=1e-6)
        error = float(residual.square().mean())
        if error < least:
            best, least, answers = share, error, y - residual / root
    if primal is None:  # W = Xᵀ (XXᵀ + λ)⁻¹ y
        weight = scaled.T @ (left @ ((best / values)[:, None] * projected)).to(x.dtype)
        weight = weight.double()
    else:
        weight = primal @ ((best / values.sqrt())[:, None] * projected)
    return Ridge(weight=weight.T, bias=y_mean - weight.T @ x_mean.double(), left_out=answers, error=least)


def _spectrum(x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Eigenvalues (r,) of XᵀX, left singular vectors (n, r), and, where p < n, the right ones (p, r)."""
    if len(x) <= x.shape[1]:
        values, left = torch.linalg.eigh(_product(x.T))
        return values.clamp(min=1e-9 * float(values.max()) + 1e-300), left, None
    values, right = torch.linalg.eigh(_product(x))
    values = values.clamp(min=1e-9 * float(values.max()) + 1e-300)
    return values, (x.double() @ right) / values.sqrt(), right


def _product(x: Tensor, step: int = 4096) -> Tensor:
    """XᵀX in float64, summed over rows some at a time: no copy of X in float64 is made."""
    total = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=x.device)
    for part in x.split(step):
        total += part.double().T @ part.double()
    return total
