"""What every layer written by hand must stand: `prove` beside torch.nn, `prove_pair` of the two functions alone."""

import copy
import importlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core import trees
from tests.layers.operators import Elementary


def prove(ours: nn.Module, theirs: nn.Module, *inputs: Any, exact: float = 1e-10, second: bool = True) -> None:
    """Same names of weights, same outputs, same first and, with `second`, second derivatives as torch.nn's module.

    `exact` is what numbers may differ by, of the largest in their tensor (of 0.1 where all are smaller). Inputs of
    floats are differentiated.
    """
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert ours.training == theirs.training
    results = [derivatives(module, inputs, second) for module in (ours, theirs)]
    for (name, mine), (_, other) in zip(*(r.items() for r in results), strict=True):
        close(mine, other, exact, name)
    for (name, mine), (_, other) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        close(mine, other, exact, name)


def derivatives(module: nn.Module, inputs: Sequence[Any], second: bool) -> dict[str, Tensor]:
    """Outputs and gradients, by name, for cotangents that are drawn the same at every call."""
    inputs = trees.mapped(lambda t: t.detach().clone().requires_grad_(t.is_floating_point()), list(inputs))
    sources = {f"input {i}": t for i, t in enumerate(trees.leaves(inputs)) if t.requires_grad}
    sources |= {name: p for name, p in module.named_parameters() if p.requires_grad}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        outputs = list(trees.leaves(module(*inputs)))
    found = {f"output {i}": output for i, output in enumerate(outputs)}
    graded = [output for output in outputs if output.requires_grad]
    if not graded:
        return found
    cotangents = [drawn(output, i).requires_grad_() for i, output in enumerate(graded)]
    gradients = torch.autograd.grad(graded, list(sources.values()), cotangents, create_graph=second, allow_unused=True)
    found |= {f"∂/∂ {name}": zero_for_none(g, t) for (name, t), g in zip(sources.items(), gradients, strict=True)}
    again = [g for g in gradients if g is not None and g.requires_grad]
    if second and again:
        wanted = [*sources.values(), *cotangents]
        seconds = torch.autograd.grad(again, wanted, [drawn(g, 9) for g in again], allow_unused=True)
        names = [*sources, *(f"cotangent {i}" for i in range(len(cotangents)))]
        found |= {f"∂²/∂ {n}": zero_for_none(g, t) for n, t, g in zip(names, wanted, seconds, strict=True)}
    return {name: tensor.detach() for name, tensor in found.items()}


def prove_derivatives(module: nn.Module, *inputs: Any, atol: float = 1e-5) -> None:
    """gradcheck and gradgradcheck, for inputs and weights, in float64. Give tiny inputs."""
    weights = [p for p in module.parameters() if p.requires_grad]
    floats = [x.detach().clone().requires_grad_() for x in inputs if isinstance(x, Tensor) and x.is_floating_point()]

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        rest = iter(given)
        args = [next(rest) if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
        named = dict(zip([n for n, p in module.named_parameters() if p.requires_grad], rest, strict=True))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return tuple(
                t for t in trees.leaves(torch.func.functional_call(module, named, tuple(args))) if t.requires_grad
            )

    assert torch.autograd.gradcheck(call, [*floats, *weights], atol=atol)
    assert torch.autograd.gradgradcheck(call, [*floats, *weights], atol=atol)


def prove_pair(layer: nn.Module, *inputs: Any, exact: float = 1e-10) -> None:
    """The two functions of the layer's file: elementary steps, an honest cache, gradients like autograd's."""
    pair = importlib.import_module(type(layer).__module__)
    layer = copy.deepcopy(layer)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        given = layer.arguments(*trees.mapped(lambda t: t.detach().clone(), list(inputs)))
    given = tuple(t.detach().requires_grad_(t.is_floating_point()) if isinstance(t, Tensor) else t for t in given)
    plain = [t for t in trees.leaves(given) if t.requires_grad]
    with torch.no_grad(), Elementary():
        output, cache = pair.forward(*given)
    outputs = list(trees.leaves(output))
    honest = {id(t) for t in (*trees.leaves(given), *outputs)}
    assert all(id(t) in honest for t in trees.leaves(list(cache))), "the cache holds more than inputs and outputs"
    cotangents = [drawn(o, i) if o.is_floating_point() else None for i, o in enumerate(outputs)]
    passed = tuple(cotangents) if isinstance(output, tuple) else cotangents[0]
    with torch.no_grad(), Elementary():
        gradients = pair.backward(passed, cache)
    assert len(gradients) == len(given), "a gradient, or None, for each argument"
    expected, _ = pair.forward(*given)  # autograd through the elementary steps
    graded = [(o, c) for o, c in zip(trees.leaves(expected), cotangents, strict=True) if o.requires_grad]
    wanted = torch.autograd.grad([o for o, _ in graded], plain, [c for _, c in graded], allow_unused=True)
    mine = [g for g, t in zip(gradients, given, strict=True) if isinstance(t, Tensor) and t.requires_grad]
    for i, (g, other, t) in enumerate(zip(mine, wanted, plain, strict=True)):
        close(zero_for_none(g, t).detach(), zero_for_none(other, t), exact, f"gradient of argument {i}")


def drawn(like: Tensor, seed: int) -> Tensor:
    """Numbers of the same form, the same at every call."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def zero_for_none(gradient: Tensor | None, of: Tensor) -> Tensor:
    """A gradient that is not there is zero."""
    return torch.zeros_like(of) if gradient is None else gradient


def close(mine: Tensor, other: Tensor, exact: float, what: str) -> None:
    """The same shape, type and numbers, up to `exact` of the largest."""
    assert mine.shape == other.shape and mine.dtype == other.dtype, f"{what}: {mine.shape} beside {other.shape}"
    if mine.numel():
        scale = max(0.1, float(other.abs().nan_to_num(0, 0, 0).max())) if other.is_floating_point() else 1.0
        torch.testing.assert_close(
            mine, other, rtol=0, atol=exact * scale, equal_nan=True, msg=lambda m: f"{what}: {m}"
        )
