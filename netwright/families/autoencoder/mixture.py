"""A mixture of normal distributions over codes, one set of parts for each class, from which new codes are drawn.

N codes, Z their size, M parts of a class, L classes.
"""

import math

import torch
from torch import Tensor, nn

ROUNDS = 30
"""Rounds of expectation and maximisation."""
PRIOR_ROWS = 10.0
"""Rows of the standard normal that each part is taken to have seen beside its own."""


class Mixture(nn.Module):
    """L·M normal distributions with full covariances; before `fit`, each is the standard normal.

    Codes of a variational autoencoder don't fill the prior evenly; drawing where they are gives better rows than
    drawing from the prior (Ghosh et al. 2020).
    """

    def __init__(self, size: int, classes: int, parts: int) -> None:
        super().__init__()
        self.classes, self.parts = classes, parts
        self.weights: Tensor
        self.means: Tensor
        self.factors: Tensor
        self.register_buffer("weights", torch.full((classes, parts), 1 / (classes * parts)))
        self.register_buffer("means", torch.zeros(classes, parts, size))
        self.register_buffer("factors", torch.eye(size).repeat(classes, parts, 1, 1))

    def fit(self, codes: Tensor, labels: Tensor) -> None:
        """To codes (N, Z) of classes (N,). A class without rows keeps the standard normal, drawn only when asked."""
        for label in range(self.classes):
            own = codes[labels == label].double()
            self.weights[label] = 0.0
            if not len(own):
                self.weights[label, 0] = 1e-12
                continue
            share, means, factors = fitted(own, min(self.parts, max(1, len(own) // (2 * own.shape[1]))))
            at = len(share)
            self.weights[label, :at] = (share * len(own) / len(codes)).to(self.weights.dtype)
            self.means[label, :at] = means.to(self.means.dtype)
            self.factors[label, :at] = factors.to(self.factors.dtype)

    def draw(self, count: int, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """(count, Z), of these classes (count,) or of all by their share of the rows."""
        device = generator.device
        weights = self.weights.to(device)
        if labels is None:
            part = torch.multinomial(weights.flatten(), count, replacement=True, generator=generator)
        else:
            own = labels.to(device)
            part = torch.multinomial(weights[own], 1, replacement=True, generator=generator)[:, 0] + own * self.parts
        noise = torch.randn(count, self.means.shape[-1], generator=generator, dtype=self.means.dtype, device=device)
        part, noise = part.to(self.means.device), noise.to(self.means.device)
        factors = self.factors.flatten(0, 1)[part]
        return self.means.flatten(0, 1)[part] + (factors @ noise[:, :, None])[:, :, 0]


def fitted(codes: Tensor, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Shares (M,), means (M, Z) and Cholesky factors (M, Z, Z), by expectation and maximisation."""
    size = codes.shape[1]
    means = codes[torch.arange(parts, device=codes.device) * len(codes) // parts]
    eye = torch.eye(size, dtype=codes.dtype, device=codes.device)
    factors, shares = eye.repeat(parts, 1, 1), torch.full((parts,), 1 / parts, dtype=codes.dtype, device=codes.device)
    for _ in range(ROUNDS):
        belongs = torch.softmax(log_densities(codes, means, factors) + shares.log(), dim=1)  # (N, M)
        rows = belongs.sum(0)
        shares = ((rows + 1e-6) / (rows + 1e-6).sum()).clamp(min=1e-12)
        means = (belongs.T @ codes) / (rows[:, None] + 1e-6)
        for part in range(parts):
            away = codes - means[part]
            scatter = (away * belongs[:, part, None]).T @ away
            factors[part] = torch.linalg.cholesky((scatter + PRIOR_ROWS * 0.1 * eye) / (rows[part] + PRIOR_ROWS))
    return shares, means, factors


def log_densities(codes: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """Of each code under each part, (N, M)."""
    found = []
    for mean, factor in zip(means, factors, strict=True):
        whitened = torch.linalg.solve_triangular(factor, (codes - mean).T, upper=False)
        log_volume = factor.diagonal().log().sum()
        found.append(-0.5 * whitened.square().sum(0) - log_volume - 0.5 * len(mean) * math.log(2 * math.pi))
    return torch.stack(found, dim=1)
