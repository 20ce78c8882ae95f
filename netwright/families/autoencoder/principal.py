"""Principal components, measured on rows that may not fit into memory as floats all at once.

N rows, D dimensions, Z components.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

EXACT = 1024
"""Up to so many dimensions, or rows, the whole matrix of products is decomposed."""
EXTRA, ROUNDS = 12, 6
"""Directions beyond those wanted, and rounds, of the randomised search beyond that."""
CHUNK = 1024
"""Rows made floats at once."""


class Principal(nn.Module):
    """The best linear code: rows less their mean, on their `size` directions of largest variance.

    `encode(x (B, D))` gives codes (B, size) in the unit of x, `decode` rows from codes. Where the rows have fewer than
    `size` directions, the codes beyond are zero.
    """

    def __init__(self, dimensions: int, size: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.components: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("components", torch.zeros(size, dimensions))
        self.register_buffer("spread", torch.ones(size))

    @torch.no_grad()
    def fit(self, chunks: "Chunks") -> None:
        """Measure mean, components and the spread of the codes; each component's largest weight is positive."""
        mean = chunks.mean()
        size = len(self.components)
        directions, variances = components(chunks, mean, min(size, len(mean), chunks.rows))
        flip = directions.gather(1, directions.abs().argmax(1, keepdim=True)).sign()
        self.mean.copy_(mean)
        self.components.zero_()[: len(directions)] = (directions * flip).to(self.components.dtype)
        spread = variances.clamp(min=0).sqrt()
        useful = spread > 1e-4 * spread.amax().clamp(min=1e-8)
        self.spread.fill_(1.0)[: len(spread)] = torch.where(useful, spread, 1.0).to(self.spread.dtype)

    def encode(self, x: Tensor) -> Tensor:
        """(B, D) → (B, size)."""
        return (x - self.mean) @ self.components.T

    def decode(self, code: Tensor) -> Tensor:
        """(B, size) → (B, D)."""
        return self.mean + code @ self.components


class Chunks:
    """N rows, made flat some at a time by `flat(*inputs)`."""

    def __init__(self, flat: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
        self.flat, self.inputs, self.rows = flat, inputs, len(inputs[0])

    def pieces(self) -> Iterator[tuple[Tensor, ...]]:
        """The inputs of at most CHUNK rows at a time."""
        for first in range(0, self.rows, CHUNK):
            yield tuple(x[first : first + CHUNK] for x in self.inputs)

    def __iter__(self) -> Iterator[Tensor]:
        """(≤ CHUNK, D) at a time."""
        for inputs in self.pieces():
            yield self.flat(*inputs)

    def mean(self) -> Tensor:
        """(D,) float64."""
        return torch.stack([x.double().sum(0) for x in self]).sum(0) / self.rows

    def variance(self, mean: Tensor) -> Tensor:
        """(D,) float64, about a mean (D,)."""
        return torch.stack([(x.double() - mean).square().sum(0) for x in self]).sum(0) / self.rows

    def whole(self, mean: Tensor) -> Tensor:
        """(N, D) float64, less the mean."""
        return torch.cat([x.double() - mean for x in self])


def components(chunks: Chunks, mean: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The first `size` directions (size, D) and the variances along them, float64.

    The smaller of the two matrices of products is decomposed where one is small; else a randomised search with power
    rounds (Halko, Martinsson and Tropp 2011) finds the directions.
    """
    if len(mean) <= EXACT:
        values, vectors = torch.linalg.eigh(products(chunks, mean) / chunks.rows)
        return vectors.T.flip(0)[:size], values.flip(0)[:size]
    if chunks.rows <= EXACT:
        rows = chunks.whole(mean)
        values, vectors = torch.linalg.eigh(rows @ rows.T / chunks.rows)
        across = torch.linalg.qr(rows.T @ vectors.flip(1)[:, :size]).Q
        return across.T, values.flip(0)[:size]
    return searched(chunks, mean, size)


def products(chunks: Chunks, mean: Tensor) -> Tensor:
    """Σ (x − mean)(x − mean)ᵀ over the rows, (D, D) float64."""
    total = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=mean.device)
    for x in chunks:
        centred = x.double() - mean
        total.addmm_(centred.T, centred)
    return total


def searched(chunks: Chunks, mean: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """As `components`, by rounds of subspace iteration in float32, which is exact enough for directions that matter."""
    centre = mean.float()
    width = min(size + EXTRA, len(mean))
    start = torch.randn(len(mean), width, generator=torch.Generator().manual_seed(0)).to(mean.device)
    basis = torch.linalg.qr(start).Q
    for _ in range(ROUNDS):
        total = torch.zeros_like(basis)
        for x in chunks:
            centred = x.float() - centre
            total.addmm_(centred.T, centred @ basis)
        basis = torch.linalg.qr(total).Q
    inside = torch.zeros(width, width, dtype=torch.float64, device=mean.device)
    for x in chunks:
        code = ((x.float() - centre) @ basis).double()
        inside.addmm_(code.T, code)
    values, vectors = torch.linalg.eigh(inside / chunks.rows)
    return (basis.double() @ vectors).T.flip(0)[:size], values.flip(0)[:size]
