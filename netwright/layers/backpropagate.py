"""Backpropagation without autograd: every forward function in turn, then every backward function from the last on.

    x → layer 1 → layer 2 → … → output → loss L
    ∂L/∂x ← layer 1 ← layer 2 ← … ← ∂L/∂output ← ∂L/∂L = 1

A layer's `backward` needs to know nothing of the others: the gradient of its output comes in, those of its input and
its weights go out, and what goes out for the input is what comes in one layer before. That is the chain rule, and all
of it.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError


@dataclass(frozen=True)
class Step:
    """One layer on the way forward: what its pair was called with, and what it gave."""

    name: str
    layer: nn.Module
    pair: ModuleType
    given: tuple
    output: Any
    """A tensor, or a tuple whose first is the layer's answer."""
    cache: tuple


@dataclass(frozen=True)
class Gradients:
    """What a way there and back found. `by_name` are the gradients of the weights, named as in `named_parameters`."""

    loss: Tensor
    output: Tensor
    """What the model gave."""
    input: Tensor
    """∂L/∂x."""
    by_name: dict[str, Tensor]


@torch.no_grad()
def backpropagate(
    model: nn.Module,
    x: Tensor,
    loss: nn.Module | Callable[[Tensor], tuple[Tensor, Tensor]],
    target: Tensor | None = None,
    *,
    show: bool = False,
) -> Gradients:
    """Forward through a `Sequential` of these layers to the loss and back to every weight, without autograd.

    `loss` is one of these losses, with its `target`, or a function of the output that gives the loss and its gradient.
    The gradients are given back, and added to each weight's `.grad` as `loss.backward()` would, so that any optimizer
    can step. With `show` every gradient is printed with its shape. Raises InputError for a layer that has no backward
    function here, or is not one tensor in and one out.

    >>> from netwright import layers
    >>> model = layers.Sequential(layers.Linear(3, 5), layers.ReLU(), layers.Linear(5, 2))
    >>> target = torch.tensor([0, 1, 1, 0])
    >>> found = backpropagate(model, torch.randn(4, 3), layers.CrossEntropyLoss(), target)
    >>> found.by_name["0.weight"].shape
    torch.Size([5, 3])
    """
    steps = list(_forward(model, x))
    output = _answer(steps[-1].output) if steps else x
    if isinstance(loss, nn.Module):
        steps.append(_step("loss", loss, output, target))
        value = _answer(steps[-1].output)
        grad = torch.ones_like(value)
    else:
        value, grad = loss(output)
    found: dict[int, Tensor] = {}
    for step in reversed(steps):
        gradients = step.pair.backward(_form(grad, step.output), step.cache)
        _collect(found, step, gradients)
        if show:
            _print(step, grad, gradients)
        grad = gradients[0]
    names = {name: p for name, p in model.named_parameters() if id(p) in found}
    for parameter in names.values():
        gradient = found[id(parameter)]
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    return Gradients(value, output, grad, {name: found[id(p)] for name, p in names.items()})


def _forward(model: nn.Module, x: Tensor) -> Iterator[Step]:
    """Each layer's forward function on what the one before gave."""
    for name, layer in _chain(model, ""):
        step = _step(name, layer, x)
        yield step
        x = layer.answer(step.output) if hasattr(layer, "answer") else _answer(step.output)  # type: ignore[operator]


def _chain(model: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers in the order in which a `Sequential`, and those within it, call them."""
    if not isinstance(model, nn.Sequential):
        yield name, model
        return
    for inner, layer in model._modules.items():  # named_children leaves out a layer that comes twice
        yield from _chain(layer, f"{name}.{inner}" if name else inner)  # type: ignore[bad-argument-type]


def _step(name: str, layer: nn.Module, *inputs: Tensor | None) -> Step:
    pair = sys.modules[type(layer).__module__]
    if not pair.__name__.startswith("netwright.layers.") or not hasattr(layer, "arguments"):
        raise InputError(
            "A layer has no backward function written out.",
            got=f"{name or 'the model'}: {type(layer).__module__}.{type(layer).__name__}",
            wanted="a Sequential of layers of netwright.layers, each one tensor in and one out",
            fix="Build it from netwright.layers, or use loss.backward(): autograd differentiates anything.",
        )
    given = layer.arguments(*inputs)  # type: ignore[operator]
    return Step(name, layer, pair, given, *pair.forward(*given))


def _answer(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def _form(grad: Tensor, output: Any) -> Any:
    """A gradient in the form of the output: what only the backward function needs was used by nobody else."""
    if not isinstance(output, tuple):
        return grad
    return (grad, *(torch.zeros_like(o) if o is not None and o.is_floating_point() else None for o in output[1:]))


def _collect(found: dict[int, Tensor], step: Step, gradients: tuple) -> None:
    """Put the gradients of trained weights into `found`; a weight that is used twice has the sum of both."""
    for argument, gradient in zip(step.given, gradients, strict=True):
        if isinstance(argument, nn.Parameter) and argument.requires_grad and gradient is not None:
            before = found.get(id(argument))
            found[id(argument)] = gradient if before is None else before + gradient


def _print(step: Step, grad: Tensor, gradients: tuple) -> None:
    own = {id(p): name for name, p in step.layer.named_parameters()}
    names = ["its input", *list(inspect.signature(step.pair.forward).parameters)[1:]]
    told = [("its output", grad)]
    for name, argument, gradient in zip(names, step.given, gradients, strict=False):
        if isinstance(gradient, Tensor):
            told.append((own.get(id(argument), name), gradient))
    print(f"{step.name or 'model'}: {step.layer}")
    for name, gradient in told:
        print(f"  gradient of {name}, shape {tuple(gradient.shape)}\n{_indented(gradient)}")


def _indented(tensor: Tensor) -> str:
    return "\n".join(f"    {line}" for line in str(tensor).splitlines())
