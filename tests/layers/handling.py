"""What else is done with a layer: compiled, mapped over rows, put on no device, copied, stored."""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from tests.layers.proof import close, derivatives


def prove_handling(make: Callable[..., nn.Module], *inputs: Any, rows: bool = True) -> None:
    """Under torch.compile, in one graph, copied, stored, and, with `rows`, under vmap: the same numbers."""
    torch.manual_seed(0)
    layer = make(dtype=torch.float64)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        alike(layer, again, inputs)
    torch._dynamo.reset()
    with torch_compiles():
        alike(layer, torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager"), inputs)
    assert all(t.is_meta for t in make(device="meta").state_dict().values())
    if rows:
        mapped = torch.func.vmap(lambda *row: layer(*(t.unsqueeze(0) for t in row)).squeeze(0))(*inputs)
        close(mapped.detach(), layer(*inputs).detach(), 1e-10, "vmap")


@contextmanager
def torch_compiles() -> Iterator[None]:
    """torch.compile makes an autograd Function and warns that one should not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*should not be instantiated", DeprecationWarning)
        yield


def alike(layer: nn.Module, other: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Outputs and gradients of two modules, from the same state, and what they remember then."""
    layer = copy.deepcopy(layer)
    mine, theirs = derivatives(layer, inputs, False), derivatives(other, inputs, False)
    for name, tensor in theirs.items():
        close(mine[name.replace("_orig_mod.", "")], tensor, 1e-10, name)
    for one, two in zip(layer.buffers(), other.buffers(), strict=True):
        close(one, two, 1e-10, "a buffer")


def scattered(tensor: Tensor) -> Tensor:
    """The same numbers, not one after the other in memory."""
    return torch.stack([tensor, -tensor], dim=-1)[..., 0]


def seeded(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64, the same at every call."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
