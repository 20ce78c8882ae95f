"""torch.compile: the same numbers, from one graph without a break."""

import shutil
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from netwright.doctor.layer.finding import Finding, Verdict
from netwright.doctor.layer.pair import for_each, which
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.rows import draws
from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "torch.compile"
INDUCTOR = "torch.compile, Inductor"
NEAR = 1e-8
FIX = (
    "Keep forward and backward to torch operations on tensors: no .item(), NumPy, print, data_ptr, and no Python "
    "branch on numbers in tensors; and set plain values alone as attributes of ctx."
)
COMPILERS = ("c++", "g++", "clang++", "cl")


def check(subject: Subject) -> Finding:
    """Without code generation: what can go wrong there is not the layer's."""
    return _compiled(subject, NAME, "aot_eager")


def check_inductor(subject: Subject) -> Finding:
    """With code generation, where there is a compiler."""
    if subject.device.type == "cpu" and not any(map(shutil.which, COMPILERS)):
        return Finding(INDUCTOR, "not tried", "there is no C++ compiler here")
    return _compiled(subject, INDUCTOR, "inductor")


def _compiled(subject: Subject, name: str, backend: str) -> Finding:
    quiet = subject.evaluating() if draws(subject) else subject
    base = quiet.passes()
    sources = quiet.sources()
    if quiet.kind == "module":
        quiet = replace(quiet, layer=quiet.twin(), weights={})
    function, arguments = _function(quiet, sources, base.cotangents)
    fresh = types.FunctionType(
        _code(function).replace(), function.__globals__, function.__name__, None, function.__closure__
    )
    try:
        outputs, gradients = _run(
            quiet, torch.compile(fresh, fullgraph=True, backend=backend), sources, arguments, base
        )
    except Exception as error:
        return Finding(name, "not supported", f"it breaks: {first_line(error)}", FIX)
    finally:
        torch._dynamo.reset_code(_code(fresh))
    if draws(quiet):
        return Finding(name, "passed", "one graph; it draws random numbers, which are not compared")
    verdict: Verdict = "not supported" if subject.written_into else "failed"  # the compiler knows no mark_dirty
    for i, (mine, other) in enumerate(zip(outputs, base.outputs, strict=True)):
        if apart(mine, other) > NEAR:
            return Finding(name, verdict, f"output {i}{beside(mine, other)} without", FIX)
    for key, gradient in gradients.items():
        if apart(gradient, base.gradients[key]) > NEAR:
            told = beside(gradient, base.gradients[key])
            return Finding(name, verdict, f"the gradient of {subject.shown(key)}{told} without", FIX)
    return Finding(name, "passed", "one graph, the same numbers")


def _function(subject: Subject, sources: dict[str, Tensor], cotangents: list) -> tuple[Callable[..., Any], tuple]:
    """What is compiled, and its arguments: a pair's two functions, or forward, whose backward autograd asks for."""
    layer = subject.layer
    if subject.pair is not None:
        forward_of, backward_of = subject.pair

        def both(grads: tuple, *inputs: Any) -> Any:
            output, cache = forward_of(*inputs)
            return output, backward_of(grads[0] if isinstance(output, Tensor) else grads, cache)

        zeros = [torch.zeros_like(o) if c is None else c for o, c in zip(subject.base.outputs, cotangents, strict=True)]
        return both, (tuple(zeros), *subject.arguments({n: s.detach() for n, s in sources.items()}))
    if subject.kind == "function":

        def applied(*inputs: Any) -> Any:
            return layer.apply(*inputs)

        return applied, subject.arguments(sources)

    def called(*inputs: Any) -> Any:
        return layer(*inputs)

    return called, subject.arguments(sources)


def _run(
    subject: Subject, function: Callable[..., Any], sources: dict[str, Tensor], arguments: tuple, base: Any
) -> Any:
    subject.seeded()
    given = function(*arguments)
    if subject.pair is not None:
        found = for_each(given[1], which(subject.inputs))
        return subject.leaves_of(given[0]), {f"input {i}": g for i, g in enumerate(found) if f"input {i}" in sources}
    outputs = subject.leaves_of(given)
    if subject.kind == "module":
        own = dict(subject.layer.named_parameters())
        sources = {key: own.get(key, s) for key, s in sources.items()}
    return outputs, subject.gradients(sources, outputs, base.cotangents)


def _code(function: Any) -> types.CodeType:
    return function.__code__
