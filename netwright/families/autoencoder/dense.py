"""The autoencoder of the tutorials: linear layers down to a code, and up again.

B rows, I input size, Z code size.
"""

from collections.abc import Sequence
from types import ModuleType

from torch import Tensor, nn

from netwright.families.mlp import MLP


class Autoencoder(nn.Module):
    """Two perceptrons, the second the mirror of the first.

    `forward(x (B, input_size))` gives the reconstruction (B, input_size), raw numbers without an activation; `encode`
    gives codes (B, code_size), `decode` rows from codes. Raises InputError for a size below one or an unknown
    activation.

    >>> import torch
    >>> model = Autoencoder(784, [128, 64], 8)
    >>> x = torch.rand(5, 784)
    >>> model.encode(x).shape, model(x).shape
    (torch.Size([5, 8]), torch.Size([5, 784]))
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
        self.encoder = MLP(input_size, hidden_sizes, code_size, activation=activation, layers=layers)
        self.decoder = MLP(code_size, [*hidden_sizes][::-1], input_size, activation=activation, layers=layers)

    def encode(self, x: Tensor) -> Tensor:
        """(B, I) → (B, Z)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, I)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I) → (B, I)."""
        return self.decode(self.encode(x))


def silence(body: nn.Module) -> None:
    """Let the last layer with a weight give zero, so that what `body` is added to is unchanged before training."""
    last = [part for part in body.modules() if getattr(part, "weight", None) is not None][-1]
    for name in ("weight", "bias"):
        nn.init.zeros_(last.get_parameter(name))
