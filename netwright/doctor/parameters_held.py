"""Optimizers that hold other weights than the module's: made before it was built anew, or given a part of it."""

from collections.abc import Sequence

from torch import nn
from torch.optim import Optimizer

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.doctor.wording import listed


def held(optimizers: Sequence[Optimizer]) -> set[int]:
    """The ids of all tensors the optimizers hold."""
    return {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}


def check(module: nn.Module, optimizers: Sequence[Optimizer], reached: set[int] | None) -> list[Notice]:
    """Raises InputError where nothing would be trained; a notice for weights that no optimizer holds.

    `reached` are the ids of the leaves that the loss of a rehearsal depends on, None where there was none:
    weights beside the module, such as a loss's own, are something to train too.
    """
    if not optimizers:
        return []
    mine = held(optimizers)
    free = {name: p for name, p in module.named_parameters() if p.requires_grad}
    outside = {id(p) for o in optimizers for g in o.param_groups for p in g["params"] if p.requires_grad} - {
        id(p) for p in module.parameters()
    }
    if not free and not outside:
        raise frozen(module)
    forgotten = [name for name, p in free.items() if id(p) not in mine]
    if free and len(forgotten) == len(free) and not outside & (reached or set()):
        raise foreign(module, optimizers, list(free))
    if not forgotten or len(forgotten) == len(free):
        return []
    what = (
        f"No optimizer holds {len(forgotten)} of the module's weights, so they stay as they are: {listed(forgotten)}."
    )
    return [Notice(what=what, fix="Give it model.parameters(), or freeze them: p.requires_grad_(False).")]


def frozen(module: nn.Module) -> InputError:
    """The error for a module without a weight that may change."""
    return InputError(
        "Every weight of the module is frozen.",
        got=f"{len(list(module.parameters()))} parameters of {type(module).__name__}, none of which requires gradients",
        wanted="something to train",
        fix="for p in model.parameters(): p.requires_grad_(True)  # or of its last layer only",
    )


def foreign(module: nn.Module, optimizers: Sequence[Optimizer], free: list[str]) -> InputError:
    """The error for optimizers of another module's weights."""
    name = type(optimizers[0]).__name__
    return InputError(
        "The optimizer holds none of the module's weights: training would change nothing.",
        got=f"{name} with {len(held(optimizers))} tensors, none of them of {listed(free)}",
        wanted="an optimizer made from this very module, after it was built, moved and converted",
        fix=f"optimizer = torch.optim.{name}(model.parameters(), lr={optimizers[0].param_groups[0].get('lr', 0.001)})",
    )
