"""The proof of a layer whose backward is written by hand: every check, on copies, without a trace."""

from collections.abc import Callable
from typing import Any

from torch import nn

from netwright.core import trees
from netwright.doctor.layer import (
    by_autograd,
    compiled,
    cost,
    dtypes,
    empty,
    first,
    in_place,
    on_demand,
    repeatable,
    saved,
    second,
    shapes,
    single_rows,
    sizes,
    strides,
    traced,
    twice,
    vmapped,
)
from netwright.doctor.layer.accepted import copied, prepared, subject_of
from netwright.doctor.layer.finding import Finding, LayerReport, settled
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Subject, module_of
from netwright.doctor.layer.world import World, kept_world
from netwright.doctor.traceless import traceless

__all__ = ["Finding", "LayerReport", "check_layer"]

Check = Callable[[Subject], Finding]
CHECKS: dict[str, Check] = {
    first.NAME: first.check,
    by_autograd.NAME: by_autograd.check,
    second.NAME: second.check,
    shapes.NAME: shapes.check,
    sizes.NAME: sizes.check,
    strides.NAME: strides.check,
    empty.NAME: empty.check,
    dtypes.NAME: dtypes.check,
    single_rows.NAME: single_rows.check,
    in_place.NAME: in_place.check,
    saved.NAME: saved.check,
    twice.NAME: twice.check,
    on_demand.NAME: on_demand.check,
    repeatable.NAME: repeatable.check,
    vmapped.NAME: vmapped.check,
    compiled.NAME: compiled.check,
    traced.NAME: traced.check,
}
SLOW: dict[str, Check] = {compiled.INDUCTOR: compiled.check_inductor, cost.NAME: cost.check}


def check_layer(layer: Any, *inputs: Any, name: str = "", seed: int = 0, slow: bool = True) -> LayerReport:
    """Hold a layer's own backward against mathematics, and the layer against what autograd asks of it.

    `layer` is a torch.autograd.Function, an nn.Module, or a pair of functions: forward(*inputs) → (output, cache) and
    backward(grad_output, cache) → a gradient for each input. `inputs` are examples of what it is called with; floats
    among them are differentiated, or, where any has requires_grad, those alone. `slow=False` leaves out compiling
    with Inductor, and timing.

    Raises InputError and InputTypeError for what is no layer, or can't be run on these inputs. What a layer raises in
    a check is a finding.

    >>> print(check_layer(torch.nn.Tanh(), torch.randn(2, 3), slow=False).passed)
    True
    """
    return checked(layer, inputs, name=name, seed=seed, slow=slow)


def checked(
    layer: Any, inputs: tuple, *, name: str, seed: int, slow: bool, doing: Callable[[str, int, int], None] | None = None
) -> LayerReport:
    """The same; `doing` is called before each check with its title, its number, and how many there are."""
    own = copied(layer)
    kept = tuple(trees.mapped(lambda t: t.detach().clone(), list(inputs)))
    module = own if isinstance(own, nn.Module) else nn.Module()
    with traceless(module, kept), kept_world(module) as world:
        subject = prepared(subject_of(own, layer, kept, inputs, name, seed))
        checks, findings = CHECKS | (SLOW if slow else {}), []
        for number, (title, check) in enumerate(checks.items(), 1):
            if doing is not None:
                doing(title, number, len(checks))
            findings.append(_tried(title, check, subject, world))
    return LayerReport(subject.name, settled(findings))


def _tried(title: str, check: Check, subject: Subject, world: World) -> Finding:
    """The check's finding; where a check itself could not be done, that."""
    if subject.broken:
        return Finding(title, "not tried", "backward raises")
    world.restore(module_of(subject))
    try:
        return check(subject)
    except Exception as error:  # a stranger's layer can raise anything anywhere
        return Finding(title, "not tried", first_line(error))
