"""From what a name stands for to a layer: a class is built, a function called, pairs and Functions stay as they are."""

import ast
import copy
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.autograd import Function

from netwright.cli.layer_file import KINDS, is_pair, told
from netwright.core import trees
from netwright.core.errors import InputError

Layer = nn.Module | type[Function] | tuple[Callable, Callable]
USUAL = {"heads": 2, "kernel": 3, "stride": 1, "padding": 1, "dilation": 1, "groups": 2, "layers": 2, "axis": -1}
"""Small numbers for arguments a constructor needs, by a part of their name. Others are 4, which 2 divides."""

LETTERS = 60
FORWARD = " If it is a forward, write pair = (forward, backward) in the file and check :pair."


def made(name: str, thing: Any, arguments: list[str] | None, path: Any) -> tuple[Any, str]:
    """The layer, and what was guessed to build it, "" where nothing was."""
    owner = getattr(thing, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, Function):
        thing = owner  # relu = ReLU.apply
    if is_pair(thing):
        return unbuilt(name, tuple(thing), arguments), ""
    if isinstance(thing, nn.Module) or (isinstance(thing, type) and issubclass(thing, Function)):
        return unbuilt(name, thing, arguments), ""
    if inspect.isfunction(thing) or (isinstance(thing, type) and issubclass(thing, nn.Module)):
        layer, note = built(name, thing, arguments, path)
        if isinstance(layer, nn.Module) or is_pair(layer) or (isinstance(layer, type) and issubclass(layer, Function)):
            return layer, note
        raise InputError(
            f"{name} gives no layer.",
            got=f"{name}(…) returned {short(layer)}, of type {type(layer).__name__}",
            wanted=KINDS,
            fix=f"Let {name} return the layer.{FORWARD if inspect.isfunction(thing) else ''}",
        )
    raise InputError(
        f"{name} is no layer.",
        got=f"{name}, {'a class' if isinstance(thing, type) else f'of type {type(thing).__name__}'}",
        wanted=KINDS,
        fix=f"Give a layer's name in place of {name}, or write pair = (forward, backward) in the file and check :pair.",
    )


def short(value: Any) -> str:
    """A value in a few letters."""
    told = " ".join(repr(value).split())
    return told if len(told) <= LETTERS else told[: LETTERS - 1] + "…"


def unbuilt(name: str, layer: Any, arguments: list[str] | None) -> Any:
    """A layer that takes no arguments. Raises InputError where some were given."""
    if arguments:
        raise InputError(
            f"{name} is not built, so that it takes no arguments.",
            got=f"--arg {arguments[0]}",
            wanted="--arg for a class, or for a function that gives a layer",
            fix="Leave --arg out; what forward is called with is given by --input.",
        )
    return layer


def built(name: str, maker: Callable, arguments: list[str] | None, path: Any) -> tuple[Any, str]:
    """Call a class or a function. What it needs and was not given is filled with small numbers, and told."""
    positional, named = parsed(arguments or [])
    needed = missing(maker, positional, named)
    filled = {p.name: usual(p) for p in needed}
    is_function = inspect.isfunction(maker)
    call = ", ".join([*map(repr, positional), *(f"{k}={v!r}" for k, v in (named | filled).items())])
    try:
        layer = maker(*positional, **named, **filled)
    except Exception as error:
        raise InputError(
            f"{name}({call}) can't be built.",
            got=told(error, path) + (f"; guessed: {', '.join(filled)}" if filled else ""),
            wanted=f"{name}{signature(maker)}",
            fix=f"Give its arguments: --arg NAME=VALUE, or --arg VALUE in order, once for each.{FORWARD * is_function}",
        ) from error
    return layer, f"{name}({call})" if filled else ""


def parsed(arguments: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """`["3", "bias=False"]` as values in order and by name. What is no Python value is a word."""
    positional, named = [], {}
    for text in arguments:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier():
            named[name] = literal(value)
        else:
            positional.append(literal(text))
    return positional, named


def literal(text: str) -> Any:
    """A Python value, or the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def missing(maker: Callable, positional: list[Any], named: dict[str, Any]) -> list[inspect.Parameter]:
    """The parameters that have no default and were not given."""
    try:
        parameters = list(inspect.signature(maker).parameters.values())
    except (TypeError, ValueError):
        return []
    single = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [p for p in single[len(positional) :] if p.default is p.empty and p.name not in named]


def usual(parameter: inspect.Parameter) -> Any:
    """A small value for a parameter nobody gave."""
    annotation = kind_of(parameter)
    if annotation == "bool" or parameter.name == "bias":
        return True
    if annotation == "float" or parameter.name in ("p", "dropout", "rate", "prob", "alpha", "eps"):
        return 0.5
    return next((value for part, value in USUAL.items() if part in parameter.name), 4)


def kind_of(parameter: inspect.Parameter) -> str:
    """The name of what a parameter is annotated with, such as int."""
    return str(getattr(parameter.annotation, "__name__", parameter.annotation))


def signature(maker: Callable) -> str:
    """As it is written, without what it gives."""
    try:
        return str(inspect.signature(maker)).partition(" -> ")[0]
    except (TypeError, ValueError):
        return "(…)"


def fitted(layer: Layer, inputs: tuple) -> tuple:
    """Where a module has weights: inputs of float32 in their number type, all where they are."""
    weight = next(layer.parameters(), None) if isinstance(layer, nn.Module) else None
    if weight is None or not weight.is_floating_point():
        return inputs
    return trees.mapped(lambda t: t.to(weight.device, weight.dtype if t.dtype == torch.float32 else t.dtype), inputs)


def forward_parameters(layer: Layer) -> list[inspect.Parameter]:
    """What forward is called with: without self, and without ctx."""
    forward = layer[0] if isinstance(layer, tuple) else layer.forward
    parameters = list(inspect.signature(forward).parameters.values())
    if isinstance(layer, type) and layer.setup_context is Function.setup_context:
        parameters = parameters[1:]
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]


def copied(layer: Layer) -> Layer:
    """A module that may keep traces of being called; the module itself where it can't be copied."""
    if not isinstance(layer, nn.Module):
        return layer
    try:
        return copy.deepcopy(layer)
    except Exception:
        return layer


def called(layer: Layer, inputs: tuple) -> Any:
    """Run forward once, on copies of the inputs."""
    copies = trees.mapped(lambda tensor: tensor.detach().clone(), inputs)
    forward = layer[0] if isinstance(layer, tuple) else layer.apply if isinstance(layer, type) else layer
    with torch.random.fork_rng(devices=[]):
        return forward(*copies)
