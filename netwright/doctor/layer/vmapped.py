"""torch.func: per-example gradients by vmap, beside a loop."""

from typing import Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.pair import together
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "torch.func.vmap"
SIZES = (1.0, 0.95, 0.9)
"""The examples are the inputs times these."""
NEAR = 1e-7
Named = dict[str, Tensor]


def check(subject: Subject) -> Finding:
    """Outputs and gradients of three examples at once."""
    base = subject.base
    inputs = subject.inputs_by_name()
    inputs |= {name: s.detach() for name, s in base.sources.items() if name in inputs}
    weights = {name: s.detach() for name, s in base.sources.items() if name not in inputs}
    function = _pair(subject) if subject.kind == "pair" else _graded(subject, list(inputs), weights)
    examples = [{name: x * size if x.is_floating_point() else x for name, x in inputs.items()} for size in SIZES]
    loop = []
    for example in examples:
        subject.seeded()
        try:
            loop.append(function(example))
        except Exception as error:
            return Finding(NAME, "not supported", f"torch.func.grad raises {first_line(error)}", mend(str(error)))
    subject.seeded()
    stacked = {name: torch.stack([example[name] for example in examples]) for name in inputs}
    try:
        outputs, gradients = torch.func.vmap(function, randomness="same")(stacked)
    except Exception as error:
        return Finding(NAME, "not supported", f"it raises {first_line(error)}", mend(str(error)))
    return _compared(subject, loop, outputs, gradients)


def _compared(subject: Subject, loop: list, outputs: tuple[Tensor, ...], gradients: Named) -> Finding:
    fix = "Look at the vmap staticmethod, or replace it by generate_vmap_rule = True; read no shapes with a fixed rank."
    for k, (own, given) in enumerate(loop):
        for i, output in enumerate(own):
            if apart(outputs[i][k], output) > NEAR:
                seen = f"output {i} of example {k}{beside(outputs[i][k], output)} in a loop"
                return Finding(NAME, "failed", seen, fix)
        for name, gradient in given.items():
            if apart(gradients[name][k], gradient) > NEAR:
                told = beside(gradients[name][k], gradient)
                seen = f"the gradient of {subject.shown(name)} of example {k}{told} in a loop"
                return Finding(NAME, "failed", seen, fix)
    return Finding(NAME, "passed", "outputs and gradients of single examples are those of a loop")


def _graded(subject: Subject, names: list[str], weights: Named) -> Any:
    """A function from an example to (outputs, gradients), by torch.func.grad."""
    base = subject.base
    floats = [name for name in names if name in base.sources]

    def loss(given: Named, rest: Named) -> Any:
        trial = subject.placed({name: (given | rest)[name] for name in names})
        arguments = trees.mapped(Tensor.clone, trial.inputs) if subject.written_into else trial.inputs
        outputs = tuple(trial.leaves_of(subject.called(subject.layer, arguments, given)))
        parts = [(o * c).sum() for o, c in zip(outputs, base.cotangents, strict=True) if c is not None]
        return sum(parts), outputs

    def function(example: Named) -> Any:
        given = {name: example[name] for name in floats} | weights
        rest = {name: example[name] for name in names if name not in floats}
        gradients, outputs = torch.func.grad(loss, has_aux=True)(given, rest)
        return outputs, gradients

    return function


def _pair(subject: Subject) -> Any:
    """The same of a pair, whose backward needs no autograd."""
    assert subject.pair is not None
    both, names = together(subject.pair), subject.labels
    base = subject.base

    def function(example: Named) -> Any:
        trial = subject.placed({name: example[name] for name in names})
        given = tuple(
            torch.zeros_like(o) if c is None else c for o, c in zip(base.outputs, base.cotangents, strict=True)
        )
        outputs, gradients = both(trial.inputs, given)
        named = {f"input {i}": g for i, g in enumerate(gradients) if g is not None and f"input {i}" in names}
        return outputs, named

    return function


def mend(message: str) -> str:
    """What makes a layer fit for torch.func, by what it says."""
    if "setup_context" in message:
        return (
            "Write forward without ctx, save in a staticmethod setup_context(ctx, inputs, output), and set "
            "generate_vmap_rule = True in the class."
        )
    if "generate_vmap_rule" in message or "vmap staticmethod" in message or "vmap support" in message:
        return "Set generate_vmap_rule = True in the class, if forward and backward are made of torch operations."
    if ".item()" in message or "data-dependent" in message or "control flow" in message:
        return (
            "Take no numbers out of tensors (.item(), if x > 0:, boolean masks): torch.where chooses for each element."
        )
    if "in-place" in message or "inplace" in message:
        return "Write into no tensor in place that vmap gives no batch axis: x = x + y instead of x += y."
    return "Make forward and backward of torch operations alone, without .item(), NumPy, and writes in place."
