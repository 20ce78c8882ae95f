"""A layer whose output is written into, as many networks do to save memory."""

from torch import nn


def written(layer: nn.Module) -> nn.Module:
    """The layer, and an activation that writes into what it gives."""
    return nn.Sequential(layer, nn.ReLU(inplace=True))
