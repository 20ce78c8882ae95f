"""Layers and weights that PyTorch does not know of, being in a plain list, tuple, dict or tensor."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.doctor.twins import kind
from netwright.doctor.wording import named

OWN = set(vars(nn.Module()))
"""What nn.Module itself keeps in an instance."""
MOST = 256
"""A container longer than this is a store of data; only its beginning is read."""


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What one attribute of one submodule hides."""

    owner: str
    module: nn.Module
    attribute: str
    value: Any
    modules: list[nn.Module]
    tensors: list[Tensor]
    """Leaves that require gradients."""


def check(module: nn.Module, copy: nn.Module | None, held: set[int], reached: set[int] | None) -> list[Notice]:
    """Raises InputError for hidden weights that the loss depends on and no optimizer holds.

    `reached` are the ids of the leaves of `copy` that the loss of a rehearsal depends on; where there was none that
    came to its end, what is hidden counts as used. A notice for hidden layers that `eval()` does not reach.
    """
    notices = []
    twins = hidden(copy) if copy is not None else hidden(module)
    for found, other in zip(hidden(module), twins, strict=False):
        pairs = zip(found.tensors, other.tensors, strict=False)
        lost = [t for t, o in pairs if id(t) not in held and (reached is None or id(o) in reached)]
        if lost:
            raise refusal(found, lost)
        if any(issubclass(kind(m), nn.modules.dropout._DropoutNd) for layer in found.modules for m in layer.modules()):
            what = f"A Dropout in {place(found)} is not registered, so that model.eval() does not turn it off."
            notices.append(Notice(what=what, fix=mend(found), serious=True))
    return notices


def hidden(module: nn.Module) -> list[Hidden]:
    """All that is hidden in a module and its submodules, in a fixed order."""
    known = {id(m) for m in module.modules()} | {id(p) for p in module.parameters()} | {id(b) for b in module.buffers()}
    found = []
    for owner, submodule in module.named_modules():
        if type(submodule).__module__.split(".")[0] == "torch":
            continue
        for attribute, value in vars(submodule).items():
            things = [t for t in contents(value) if id(t) not in known] if attribute not in OWN else []
            modules = [t for t in things if isinstance(t, nn.Module)]
            weights = {id(p): p for m in modules for p in m.parameters()} | {
                id(t): t for t in things if isinstance(t, Tensor)
            }
            tensors = [t for t in weights.values() if t.is_leaf and t.requires_grad and id(t) not in known]
            if modules or tensors:
                found.append(
                    Hidden(
                        owner=owner,
                        module=submodule,
                        attribute=attribute,
                        value=value,
                        modules=modules,
                        tensors=tensors,
                    )
                )
    return found


def contents(value: Any, depth: int = 3) -> Iterator[nn.Module | Tensor]:
    """The modules and tensors in a value: itself, or what nested plain containers hold.

    A module as an attribute of its own is registered, unless somebody took pains to hide it.
    """
    if isinstance(value, Tensor) or (isinstance(value, nn.Module) and depth < 3):
        yield value
    elif isinstance(value, (list, tuple, dict, set)) and depth:
        for item in islice(value.values() if isinstance(value, dict) else value, MOST):
            yield from contents(item, depth - 1)


def refusal(found: Hidden, lost: list[Tensor]) -> InputError:
    """The error for weights that would never be trained."""
    count = f"{len(found.modules)} layer{'s' * (len(found.modules) > 1)}" if found.modules else "Weights"
    return InputError(
        f"{count} in {place(found)} would never be trained: PyTorch doesn't know of them.",
        got=f"{sum(t.numel() for t in lost):,} weights outside {type(found.module).__name__}.parameters()",
        wanted="layers and weights that are registered, so that model.parameters() gives them",
        fix=f"{mend(found)}  # or .requires_grad_(False) on what is not to be trained",
    )


def place(found: Hidden) -> str:
    """Such as: the plain list self.layers of 'body' (Net)."""
    form = "plain tensor" if isinstance(found.value, Tensor) else f"plain {type(found.value).__name__}"
    return f"the {form} self.{found.attribute} of {named(found.owner, found.module)}"


def mend(found: Hidden) -> str:
    """The line of __init__ as it must be."""
    if isinstance(found.value, Tensor):
        return f"self.{found.attribute} = nn.Parameter(…)"
    thing = "Module" if found.modules else "Parameter"
    if isinstance(found.value, dict):
        return f"self.{found.attribute} = nn.{thing}Dict({{…}})"
    return f"self.{found.attribute} = nn.{thing}List([…])"
