import importlib
import pkgutil

import pytest
from torch import nn as torchs

from netwright import layers as nn


def test_one_import_carries_a_program():
    for name in ("Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList", "Sequential"):
        assert getattr(nn, name) is getattr(torchs, name)
    assert nn.Unflatten is torchs.Unflatten and nn.utils is torchs.utils


def test_every_module_is_listed():
    files = (importlib.import_module(f.name) for f in pkgutil.walk_packages(nn.__path__, "netwright.layers."))
    written = {
        name
        for file in files
        for name, value in vars(file).items()
        if isinstance(value, type) and issubclass(value, torchs.Module) and value.__module__ == file.__name__
    }
    assert written - {"FeedForward"} <= set(nn.__all__)
    assert all(hasattr(nn, name) for name in nn.__all__) and len(set(nn.__all__)) == len(nn.__all__)


def test_what_torch_has_and_is_not_here():
    with pytest.raises(AttributeError, match=r"no ConvTranspose1d; .* from torch import nn, nn\.ConvTranspose1d"):
        _ = nn.ConvTranspose1d
    with pytest.raises(AttributeError, match=r"no NoSuchLayer$"):
        _ = nn.NoSuchLayer
    assert not hasattr(nn, "__wrapped__") and not hasattr(nn, "Transformer")
