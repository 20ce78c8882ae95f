"""Backpropagation without autograd: every forward function in turn, then every backward function from the last on.

    x → layer 1 → layer 2 → … → output → loss L
    ∂L/∂x ← layer 1 ← layer 2 ← … ← ∂L/∂output ← ∂L/∂L = 1

A layer's `backward` needs to know nothing of the others: the gradient of its output comes in, those of its input and
its weights go out, and what goes out for the input is what comes in one layer before. That is the chain rule, and all
of it.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError, NetwrightError


@dataclass(frozen=True)
class Step:
    """One layer on the way forward: what came to it, what its pair was called with, and what that gave."""

    name: str
    layer: nn.Module
    pair: ModuleType
    input: Tensor
    given: tuple
    output: Any
    """A tensor, or a tuple whose first is the layer's answer."""
    cache: tuple


@dataclass(frozen=True)
class Gradients:
    """What a way there and back found."""

    loss: Tensor
    output: Tensor
    """What the model gave."""
    input: Tensor
    """∂L/∂x."""
    by_name: dict[str, Tensor]
    """Of the weights, named as in `named_parameters`; those of the loss, if it has some, with `loss.` in front."""


@torch.no_grad()
def backpropagate(
    model: nn.Module,
    x: Tensor,
    loss: nn.Module | Callable[..., tuple[Tensor, Tensor]],
    target: Tensor | None = None,
    *,
    show: bool = False,
) -> Gradients:
    """Forward through a `Sequential` of these layers to the loss and back to every weight, without autograd.

    `loss` is one of these losses, with its `target`, or a function of the output, and of the target if there is one,
    that gives the loss and its gradient. The gradients are given back, and added to each weight's `.grad` as
    `loss.backward()` would, so that any optimizer can step. With `show` every gradient is printed with its shape.

    Raises InputError for a layer that has no pair here or is not one tensor in and one out, for hooks, which no pair
    knows of, for what a layer can't take, and for a loss that is not one number.

    >>> from netwright import layers
    >>> model = layers.Sequential(layers.Linear(3, 5), layers.ReLU(), layers.Linear(5, 2))
    >>> target = torch.tensor([0, 1, 1, 0])
    >>> found = backpropagate(model, torch.randn(4, 3), layers.CrossEntropyLoss(), target)
    >>> found.by_name["0.weight"].shape
    torch.Size([5, 3])
    """
    steps = list(_forward(model, x))
    output = _answer(steps[-1]) if steps else x
    value, grad = _loss(steps, loss, output, target)
    found: dict[int, Tensor] = {}
    for step in reversed(steps):
        gradients = step.pair.backward(_form(grad, step.output), step.cache)
        _collect(found, step, gradients)
        if show:
            _print(step, grad, gradients)
        places = [g for g, argument in zip(gradients, step.given, strict=True) if argument is step.input]
        grad = sum(places[1:], start=places[0])
    named = dict(model.named_parameters())
    if isinstance(loss, nn.Module):
        named |= {f"loss.{name}": parameter for name, parameter in loss.named_parameters()}
    by_name = {name: found[id(parameter)] for name, parameter in named.items() if id(parameter) in found}
    for name, gradient in by_name.items():
        before = named[name].grad
        named[name].grad = gradient.clone() if before is None else before + gradient
    return Gradients(value, output, grad, by_name)


def _forward(model: nn.Module, x: Tensor) -> Iterator[Step]:
    """Each layer's forward function on what the one before gave."""
    for name, layer in _chain(model, ""):
        step = _step(name, layer, x)
        yield step
        x = _answer(step)


def _chain(model: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers in the order in which a `Sequential`, and those within it, call them."""
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        yield name, model
        return
    _refuse_hooks(name, model)
    for inner, layer in model._modules.items():  # named_children leaves out a layer that comes twice
        yield from _chain(layer, f"{name}.{inner}" if name else inner)  # type: ignore[bad-argument-type]


def _step(name: str, layer: nn.Module, *inputs: Tensor) -> Step:
    """One layer's forward function. Raises InputError where it has none, or can't take what comes."""
    _refuse(name, layer)
    pair = sys.modules[type(layer).__module__]
    try:
        given = layer.arguments(*inputs)  # type: ignore[operator]
        return Step(name, layer, pair, inputs[0], given, *pair.forward(*given))
    except NetwrightError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        shapes = ", ".join(f"{tuple(t.shape)} {t.dtype}" if isinstance(t, Tensor) else str(type(t)) for t in inputs)
        raise InputError(
            f"{_called(name, layer)} can't take what comes to it.",
            got=f"{shapes}: {str(error).splitlines()[0]}",
            wanted="what its docstring says, of the weights' type",
            fix="Make its sizes those of what comes, or bring the input and the target into its form.",
        ) from error


def _answer(step: Step) -> Tensor:
    """What the layer's module would have given."""
    if hasattr(step.layer, "answer"):
        return step.layer.answer(step.output)  # type: ignore[operator]
    return step.output[0] if isinstance(step.output, tuple) else step.output


def _loss(steps: list[Step], loss: Any, output: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor]:
    """The loss and the gradient to begin with; one of these losses becomes the last step."""
    if isinstance(loss, nn.Module):
        if target is None:
            raise InputError(
                "The loss needs a target.",
                got=f"{type(loss).__name__} and no target",
                wanted="what the outputs should be",
                fix="backpropagate(model, x, loss, target)",
            )
        steps.append(_step("loss", loss, output, target))
        value = _answer(steps[-1])
        if value.numel() != 1:
            raise InputError(
                "A gradient is that of one number, and the loss gives several.",
                got=f"a loss of shape {tuple(value.shape)}",
                wanted="one number",
                fix='Make the loss with reduction="mean" or "sum".',
            )
        return value, torch.ones_like(value)
    try:
        value, grad = loss(output) if target is None else loss(output, target)
        assert isinstance(grad, Tensor) and grad.shape == output.shape
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(
            "The loss is neither one of these losses nor a function that gives the loss and its gradient.",
            got=f"{getattr(loss, '__name__', repr(loss))}: {error}",
            wanted=f"a loss of netwright.layers, or (loss, gradient of shape {tuple(output.shape)}) from a function",
            fix="For example layers.MSELoss(), or lambda y: (y.square().sum(), 2 * y).",
        ) from error
    return value, grad


def _refuse(name: str, layer: nn.Module) -> None:
    """Raise InputError for what has no pair, with the reason."""
    ours = type(layer).__module__.startswith("netwright.layers.")
    if ours and hasattr(layer, "arguments") and not hasattr(layer, "parametrizations"):
        _refuse_hooks(name, layer)
        return
    if ours:
        got, fix = "more than one tensor in and one out", "Call its file's forward and backward yourself"
    elif isinstance(layer, nn.Module) and type(layer).__module__.startswith("torch.nn"):
        got, fix = "a layer of torch.nn", f"Take netwright.layers' {type(layer).__name__}"
    else:
        got, fix = f"a {type(layer).__name__}, whose forward may do anything", "Make it a Sequential of these layers"
    raise InputError(
        f"{_called(name, layer)} can't be gone back through without autograd.",
        got=got,
        wanted="a Sequential of layers of netwright.layers, each one tensor in and one out",
        fix=f"{fix}, or use loss.backward(): autograd differentiates anything.",
    )


def _refuse_hooks(name: str, layer: nn.Module) -> None:
    """Raise InputError for hooks: they change what a pair knows nothing of."""
    if layer._forward_hooks or layer._forward_pre_hooks:
        raise InputError(
            f"{_called(name, layer)} has hooks, which its pair of functions knows nothing of.",
            got=f"{len(layer._forward_hooks) + len(layer._forward_pre_hooks)} hooks (weight_norm makes one)",
            wanted="layers without hooks",
            fix="Remove them, or use loss.backward().",
        )


def _called(name: str, layer: Any) -> str:
    return f"The layer {name} ({type(layer).__name__})" if name else f"The model ({type(layer).__name__})"


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
    """The gradients of a step's output, input and weights."""
    own = {id(p): name for name, p in step.layer.named_parameters()}
    told = [("its output", grad)]
    for argument, gradient in zip(step.given, gradients, strict=True):
        if isinstance(gradient, Tensor) and (argument is step.input or id(argument) in own):
            told.append((own.get(id(argument), "its input"), gradient))
    print(f"{step.name or 'model'}: {step.layer}")
    for name, gradient in told:
        print(f"  gradient of {name}, shape {tuple(gradient.shape)}\n{_indented(gradient)}")


def _indented(tensor: Tensor) -> str:
    return "\n".join(f"    {line}" for line in str(tensor).splitlines())
