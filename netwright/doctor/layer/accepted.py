"""What may be given to be checked, and how it is brought to one form: a module copied, a pair made a Function."""

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.parameter import is_lazy

from netwright.core import trees
from netwright.core.errors import InputError, InputTypeError
from netwright.doctor.layer.pair import paired
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Subject, module_of

PARTS = (
    "Complex numbers are not differentiated here. Check a module that takes their two parts, and calls the layer with "
    "torch.view_as_complex(x) of an x whose last axis is 2, and torch.view_as_real of what it gives."
)


def copied(layer: Any) -> Any:
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
        fix="Give forward and backward together: check_layer((forward, backward), *inputs)."
        if inspect.isfunction(layer)
        else "Give the class itself for a Function, not its .apply: check_layer(MyFunction, *inputs).",
    )


def subject_of(copy_of: Any, layer: Any, kept: tuple, inputs: tuple, name: str, seed: int) -> Subject:
    """The layer as the checks want it, still in float64."""
    if isinstance(copy_of, nn.Module):
        made = Subject(name or type(copy_of).__name__, "module", copy_of, kept, seed)
    elif isinstance(copy_of, type):
        made = Subject(name or copy_of.__name__, "function", copy_of, kept, seed)
    else:
        pair = (layer[0], layer[1])
        title = f"({', '.join(getattr(part, '__name__', 'pair') for part in pair)})"
        made = Subject(name or title, "pair", paired(pair), kept, seed, pair=pair)
    flagged = dict(zip(made.labels, trees.leaves(list(inputs)), strict=True))
    chosen = {label for label, t in flagged.items() if t.requires_grad}
    if chosen:
        made.constants = frozenset(k for k, t in flagged.items() if t.is_floating_point() and k not in chosen)
    return made


def prepared(subject: Subject) -> Subject:
    """In numbers the layer takes. Raises InputError where it takes none, or nothing can be differentiated."""
    try:
        with torch.no_grad():
            given = trees.mapped(Tensor.clone, subject.inputs)
            if any(is_lazy(t) for t in (*module_of(subject).parameters(), *module_of(subject).buffers())):
                subject.layer(*given)  # then its weights have sizes
            outputs = list(trees.leaves(subject.called(subject.layer, given, {})))
    except (InputError, InputTypeError):
        raise
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
    tensors = [*trees.leaves(subject.inputs), *module_of(subject).parameters()]
    if not subject.sources():
        raise InputError(
            f"Nothing of {subject.name} can be differentiated.",
            got=f"{_described(subject.inputs)}, and no parameter that requires gradients",
            wanted="an input of floats, or a parameter with requires_grad",
            fix=PARTS if any(t.is_complex() for t in tensors) else "Give an example input of floats: x.float().",
        )
    if not any(s.numel() for s in subject.sources().values()) or not any(o.numel() for o in outputs):
        raise InputError(
            f"There is nothing to check {subject.name} on.",
            got=f"{_described(subject.inputs)}: an example without elements",
            wanted="inputs with elements, two rows or more",
            fix="Give a small example, such as torch.randn(4, 3); that an empty batch is taken is checked by itself.",
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
    floats += [p.dtype for p in module_of(subject).parameters() if p.is_floating_point()]
    return torch.float32 if not floats or floats[0] in (torch.float16, torch.bfloat16) else floats[0]


def _described(inputs: tuple) -> str:
    """Such as inputs (32, 8) float32, 3."""
    words = [
        f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" if isinstance(x, Tensor) else type(x).__name__
        for x in inputs
    ]
    return ", ".join(words) or "no inputs"
