"""Ridge regression whose penalty is chosen by what each row gets from all the others: leave-one-out, exactly.

n rows, p features, O outputs, r = min(n, p).
"""

import itertools
from collections.abc import Iterable
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


Part = tuple[Tensor, Tensor, Tensor | None]
"""Rows x (m, p), y (m, O), and their weights (m,)."""


def fit_ridge(x: Tensor, y: Tensor, weights: Tensor | None = None, more: Iterable[Part] | None = None) -> Ridge:
    """The ridge of the penalty with the least leave-one-out error; x (n, p), y (n, O), `weights` of the rows (n,).

    With X = U√S Vᵀ, centred, row i's own weight in its answer is hᵢ = wᵢ/Σw + Σⱼ Uᵢⱼ² Sⱼ/(Sⱼ + λ), and its error when
    left out is its residual over 1 − hᵢ (Allen 1974). Works on n × n or p × p products, whichever is smaller.

    Rows of `more` train as well, and are only ever summed up, so that all rows need not be in memory at once; what they
    get when left out is not asked.
    """
    if more is not None:
        return _streamed(x, y, weights, more)
    w = torch.ones(len(x), dtype=torch.float64) if weights is None else weights.double().cpu()
    w = w * len(x) / w.sum()
    root = w.sqrt()[:, None].to(x.device)
    x_mean = (x * root.square().to(x.dtype)).mean(0)
    y_mean = (y.double() * root.square()).mean(0)
    scaled = (x - x_mean) * root.to(x.dtype)
    wanted = (y.double() - y_mean) * root  # (n, O)
    values, left, primal = _spectrum(scaled)
    projected = left.T @ wanted
    best, least, answers = _chosen(values, left, wanted, projected, root, len(x), y)
    if primal is None:  # W = Xᵀ (XXᵀ + λ)⁻¹ y
        weight = scaled.T @ (left @ ((best / values)[:, None] * projected)).to(x.dtype)
        weight = weight.double()
    else:
        weight = primal @ ((best / values.sqrt())[:, None] * projected)
    return Ridge(weight=weight.T, bias=y_mean - weight.T @ x_mean.double(), left_out=answers, error=least)


def _streamed(x: Tensor, y: Tensor, weights: Tensor | None, more: Iterable[Part]) -> Ridge:
    """The same of rows that come in parts, by their sums: p × p, whatever their number."""
    size, outputs = x.shape[1], y.shape[1]
    products, sums = x.new_zeros(size + 1, size + 1, dtype=torch.float64), x.new_zeros(size + 1, outputs).double()
    for a, b, part in itertools.chain([(x, y, weights)], more):
        w = torch.ones(len(a), dtype=torch.float64) if part is None else part.double().cpu()
        wide = torch.cat([a.double(), a.new_ones(len(a), 1).double()], 1)  # with a column of ones: means are sums too
        heavy = wide.T * w.to(a.device)
        products += heavy @ wide
        sums += heavy @ b.double()
    total = products[-1, -1]
    x_mean, y_mean = products[-1, :-1] / total, sums[-1] / total
    values, right = torch.linalg.eigh(products[:-1, :-1] - total * x_mean[:, None] * x_mean)
    values = values.clamp(min=1e-9 * float(values.max()) + 1e-300)
    projected = right.T @ (sums[:-1] - total * x_mean[:, None] * y_mean) / values.sqrt()[:, None]
    w = torch.ones(len(x), dtype=torch.float64) if weights is None else weights.double().cpu()
    root = w.sqrt()[:, None].to(x.device)
    left = ((x.double() - x_mean) * root) @ right / values.sqrt()
    best, least, answers = _chosen(values, left, (y.double() - y_mean) * root, projected, root, float(total), y)
    weight = right @ ((best / values.sqrt())[:, None] * projected)
    return Ridge(weight=weight.T, bias=y_mean - weight.T @ x_mean, left_out=answers, error=least)


def _chosen(
    values: Tensor, left: Tensor, wanted: Tensor, projected: Tensor, root: Tensor, total: float, y: Tensor
) -> tuple[Tensor, float, Tensor]:
    """The shares (r,) that the best penalty leaves of each direction, its error, and what each row gets when left out.

    `total` is the sum of all rows' weights, `root` (n, 1) the roots of these rows'.
    """
    best, least, answers = values, float("inf"), y
    for penalty in PENALTIES.to(values):
        share = values / (values + penalty * values.sum() / len(values) + 1e-12)
        leverage = root.square().squeeze(1) / total + left.square() @ share
        residual = wanted - left @ (share[:, None] * projected)
        residual = residual / (1 - leverage[:, None]).clamp(min=1e-6)
        error = float(residual.square().mean())
        if error < least:
            best, least, answers = share, error, y - residual / root
    return best, least, answers


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
