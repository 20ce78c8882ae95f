"""Layers with one mistake each that the zoo does not have, and what the tests of the checks call."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.doctor.check_layer import CHECKS, Finding, check_layer

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def found(layer: Any, *inputs: Any, check: str) -> Finding:
    """What one check says."""
    kept = dict(CHECKS)
    chosen = {title: run for title, run in CHECKS.items() if title in (check, "first derivative")}
    try:
        CHECKS.clear()
        CHECKS.update(chosen)
        report = check_layer(layer, *inputs, slow=False)
    finally:
        CHECKS.clear()
        CHECKS.update(kept)
    return next(finding for finding in report.findings if finding.check == check)


def function(forward: Any, backward: Any, **more: Any) -> type[Function]:
    """A Function of two plain functions: forward(ctx, *inputs), backward(ctx, *grad_outputs)."""
    return type("Mine", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward), **more})


def keep(ctx: Any, *tensors: Tensor) -> None:
    ctx.save_for_backward(*tensors)


def square(ctx: Any, x: Tensor) -> Tensor:
    """x², its input saved as it should be."""
    ctx.save_for_backward(x)
    return x * x


def square_backward(ctx: Any, g: Tensor) -> Tensor:
    return 2 * ctx.saved_tensors[0] * g


Square = function(square, square_backward)


class Calls(nn.Module):
    """A module that calls a plain function."""

    def __init__(self, run: Any) -> None:
        super().__init__()
        self.run = run

    def forward(self, *inputs: Any) -> Any:
        return self.run(*inputs)
