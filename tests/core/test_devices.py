"""Where tensors live."""

import pytest
import torch

from netwright.core import devices
from netwright.core.errors import InputError


def test_the_cpu_is_always_there():
    assert devices.choose("cpu") == torch.device("cpu")


@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert devices.choose().type == ("cuda" if there else "cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:x", "meta", "mps", "xpu"])
def test_a_device_that_is_not_here(device: str):
    with pytest.raises(InputError, match="can't be used") as error:
        devices.choose(device)
    assert repr(device) in error.value.what and error.value.got
