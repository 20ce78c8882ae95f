"""The proof of a layer whose backward is written by hand: every check, on copies, without a trace."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.parameter import is_lazy

from netwright.core import trees
from netwright.core.errors import InputError, InputTypeError
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
from netwright.doctor.layer.finding import Finding, LayerReport
from netwright.doctor.layer.pair import paired
from netwright.doctor.layer.subject import Subject, first_line, module_of
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
    copied = _copied(layer)
    kept = tuple(trees.mapped(lambda t: t.detach().clone(), list(inputs)))
    module = copied if isinstance(copied, nn.Module) else nn.Module()
    with traceless(module, kept), kept_world(module) as world:
        subject = _prepared(_subject(copied, layer, kept, inputs, name, seed))
        checks = CHECKS | (SLOW if slow else {})
        findings = [_tried(title, check, subject, world) for title, check in checks.items()]
    return LayerReport(subject.name, tuple(findings))


def _tried(title: str, check: Check, subject: Subject, world: World) -> Finding:
    """The check's finding; where a check itself could not be done, that."""
    if subject.broken and title != shapes.NAME:
        return Finding(title, "not tried", "backward raises: see the first derivative")
    world.restore(module_of(subject))
    try:
        return check(subject)
    except Exception as error:  # a stranger's layer can raise anything anywhere
        return Finding(title, "not tried", first_line(error))


def _copied(layer: Any) -> Any:
    """The layer, a module's own copy of it. Raises InputTypeError for what is no layer."""
    if isinstance(layer, nn.Module):
        try:
            return copy.deepcopy(getattr(layer, "_orig_mod", layer))
        except Exception as error:
            raise InputError(
                "The layer can't be copied, and its own tensors are not to be touched.",
                got=first_line(error),
                wanted="a module that copy.deepcopy takes",
                fix="Give check_layer a module built anew; let it keep no tensors of a forward in its attributes.",
            ) from error
    if isinstance(layer, type) and issubclass(layer, nn.Module):
        raise InputTypeError(
            "A class of modules can't be checked, only a module.",
            got=f"layer={layer.__name__}",
            wanted="an instance",
            fix=f"Build it: check_layer({layer.__name__}(…), *inputs).",
        )
    pair = isinstance(layer, (tuple, list)) and len(layer) == 2 and all(callable(part) for part in layer)
    if pair or (isinstance(layer, type) and issubclass(layer, Function)):
        return layer
    raise InputTypeError(
        "This is no layer that can be checked.",
        got=f"layer={layer!r} ({type(layer).__name__})",
        wanted="a torch.autograd.Function (the class), an nn.Module, or a pair (forward, backward)",
        fix="Give the class itself for a Function, not its .apply: check_layer(MyFunction, *inputs).",
    )


def _subject(copied: Any, layer: Any, kept: tuple, inputs: tuple, name: str, seed: int) -> Subject:
    """The layer as the checks want it, still in float64."""
    if isinstance(copied, nn.Module):
        made = Subject(name or type(copied).__name__, "module", copied, kept, seed)
    elif isinstance(copied, type):
        made = Subject(name or copied.__name__, "function", copied, kept, seed)
    else:
        pair = (layer[0], layer[1])
        title = getattr(layer[0], "__qualname__", "pair")
        made = Subject(name or f"({title}, backward)", "pair", paired(pair), kept, seed, pair=pair)
    flagged = dict(zip(made.labels, trees.leaves(list(inputs)), strict=True))
    chosen = {label for label, t in flagged.items() if t.requires_grad}
    if chosen:
        made.constants = frozenset(k for k, t in flagged.items() if t.is_floating_point() and k not in chosen)
    return made


def _prepared(subject: Subject) -> Subject:
    """In numbers the layer takes. Raises InputError where it takes none, or nothing can be differentiated."""
    try:
        with torch.no_grad():
            given = trees.mapped(Tensor.clone, subject.inputs)
            if any(is_lazy(t) for t in (*module_of(subject).parameters(), *module_of(subject).buffers())):
                subject.layer(*given)  # then its weights have sizes
            outputs = list(trees.leaves(subject.called(subject.layer, given, {})))
    except Exception as error:
        raise InputError(
            f"{subject.name} can't be run on these inputs.",
            got=f"{first_line(error)}, for {_described(subject.inputs)}",
            wanted="inputs its forward takes",
            fix="Give check_layer the arguments of forward after the layer, in order: check_layer(layer, x, weight).",
        ) from error
    if not outputs:
        raise InputTypeError(
            f"{subject.name} gives no tensor.",
            got="an output without tensors",
            wanted="a tensor, or a tuple of tensors",
            fix="Let forward return the layer's output.",
        )
    if not subject.sources():
        raise InputError(
            f"Nothing of {subject.name} can be differentiated.",
            got=f"{_described(subject.inputs)}, and no parameter that requires gradients",
            wanted="an input of floats, or a parameter with requires_grad",
            fix="Give an example input of floats: x.float().",
        )
    plain = subject.of(_dtype(subject))
    for trial in (subject.of(torch.float64), plain):
        for written_into in (False, True):
            trial.written_into = written_into
            try:
                sources = trial.sources()
                before = {name: t.detach().clone() for name, t in sources.items()}
                trial.run(sources)
                trial.written_into |= any(not torch.equal(t, before[name]) for name, t in sources.items())
            except Exception as error:
                if "in-place operation" not in str(error):
                    break
            else:
                return trial
    return plain


def _dtype(subject: Subject) -> torch.dtype:
    """The numbers the layer was given in."""
    floats = [t.dtype for t in trees.leaves(subject.inputs) if t.is_floating_point()]
    floats += [p.dtype for p in module_of(subject).parameters()]
    return torch.float32 if not floats or floats[0] in (torch.float16, torch.bfloat16) else floats[0]


def _described(inputs: tuple) -> str:
    """Such as inputs (32, 8) float32, 3."""
    words = [
        f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" if isinstance(x, Tensor) else type(x).__name__
        for x in inputs
    ]
    return ", ".join(words) or "no inputs"
