"""What networks are built from: PyTorch's layers, or those written out by hand."""

from types import ModuleType

from torch import nn

from netwright.core.settings import LayersName


def namespace(name: LayersName) -> ModuleType:
    """torch.nn, or `netwright.layers`: the same names, the same weights, the same numbers."""
    if name == "torch.nn":
        return nn
    import netwright.layers

    return netwright.layers
