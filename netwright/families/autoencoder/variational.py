"""The variational autoencoder: codes are normal distributions, so that new rows can be drawn.

B rows, I input size, Z code size. Source: Auto-Encoding Variational Bayes (Kingma and Welling 2014).
"""

from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.families.mlp import MLP

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of a code's log-variance: beyond them its exponential is of no use and may overflow."""


class VariationalAutoencoder(nn.Module):
    """An encoder to a mean and a log-variance for each number of the code, and a decoder.

    `forward(x (B, input_size))` gives the reconstruction (B, input_size), raw numbers or logits, and the mean and the
    log-variance of the code, (B, code_size) each. While training the reconstruction is made from a code drawn with
    them, in eval mode from the mean. A loss is that of the reconstruction plus `kl_divergence(mean, log_variance)`.
    Raises InputError for a size below one or an unknown activation.

    >>> model = VariationalAutoencoder(784, [256], 16)
    >>> reconstruction, mean, log_variance = model(torch.rand(5, 784))
    >>> reconstruction.shape, mean.shape, log_variance.shape
    (torch.Size([5, 784]), torch.Size([5, 16]), torch.Size([5, 16]))
    >>> model.sample(3, torch.Generator().manual_seed(0)).shape
    torch.Size([3, 784])
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        code_size: int,
        *,
        activation: str | nn.Module = "relu",
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.encoder = MLP(input_size, hidden_sizes, 2 * code_size, activation=activation, layers=layers)
        self.decoder = MLP(code_size, [*hidden_sizes][::-1], input_size, activation=activation, layers=layers)
        self.code_size = code_size

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, I) → mean and log-variance of the code, (B, Z) each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)

    def decode(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, I)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, I) → (B, I), (B, Z), (B, Z)."""
        mean, log_variance = self.encode(x)
        return self.decode(drawn(mean, log_variance) if self.training else mean), mean, log_variance

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """New rows (count, I), decoded from codes drawn from the prior with `generator`."""
        some = next(self.parameters())
        device = generator.device if generator is not None else some.device
        code = torch.randn(count, self.code_size, generator=generator, dtype=some.dtype, device=device)
        return self.decode(code.to(some.device))


def drawn(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A code of each row: mean + ε · exp(log-variance / 2), ε from a standard normal."""
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return mean + noise * torch.exp(log_variance / 2)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of each number of the code, in nats, from the standard normal: ½(μ² + σ² − 1 − ln σ²). (B, Z) → (B, Z)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
