"""Seeing torch's own loss functions at work, in whatever code calls them, and those written out by hand."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from netwright.core.notice import Notice
from netwright.doctor.twins import by_hand, kind

BY_CLASS = {F.cross_entropy: "nn.CrossEntropyLoss", F.nll_loss: "nn.NLLLoss"}
BINARY = {F.binary_cross_entropy: "nn.BCELoss", F.binary_cross_entropy_with_logits: "nn.BCEWithLogitsLoss"}
BY_VALUE = {
    F.mse_loss: "nn.MSELoss",
    F.l1_loss: "nn.L1Loss",
    F.smooth_l1_loss: "nn.SmoothL1Loss",
    F.huber_loss: "nn.HuberLoss",
    F.poisson_nll_loss: "nn.PoissonNLLLoss",
    F.soft_margin_loss: "nn.SoftMarginLoss",
}
NAMES = BY_CLASS | BINARY | BY_VALUE
"""The losses that are watched. `BY_CLASS` take class numbers, the others a target of the output's shape."""
BY_HAND: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.CrossEntropyLoss: F.cross_entropy,
    nn.NLLLoss: F.nll_loss,
    nn.BCELoss: F.binary_cross_entropy,
    nn.BCEWithLogitsLoss: F.binary_cross_entropy_with_logits,
    nn.MSELoss: F.mse_loss,
    nn.L1Loss: F.l1_loss,
    nn.SmoothL1Loss: F.smooth_l1_loss,
}
"""What those of `netwright.layers` compute without calling it."""
OPTIONS = ("weight", "ignore_index", "reduction")


@dataclass(frozen=True, kw_only=True)
class LossCall:
    """One call of one of torch's losses: `input` is what the module gave, `options` the rest of the arguments."""

    function: Callable[..., Tensor]
    input: Tensor
    target: Tensor
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The class a beginner writes, such as nn.MSELoss."""
        return NAMES[self.function]

    @property
    def classes(self) -> int:
        """C of an input (B, C, ...) or (C)."""
        return self.input.shape[min(1, self.input.dim() - 1)]

    @property
    def wants_numbers(self) -> bool:
        """Whether the target holds class numbers rather than probabilities or values."""
        if self.function is F.cross_entropy and self.target.is_floating_point():
            return self.target.shape != self.input.shape
        return self.function in BY_CLASS


Check = Callable[[LossCall], Sequence[Notice]]
"""Raises an InputError where the call can't be meant, before a GPU's assertion ends the process."""
Explain = Callable[[LossCall, Exception], None]
"""Raises an InputError where it knows why torch refused the call."""


class Watch(TorchFunctionMode):
    """While it is entered, records each call of a loss of torch, with the checks run before it.

    `pairs`, where set, is asked about every other operator's operands and result once the module has answered.
    """

    def __init__(self, checks: Sequence[Check] = (), explanations: Sequence[Explain] = ()) -> None:
        super().__init__()
        self.checks, self.explanations = checks, explanations
        self.calls: list[LossCall] = []
        self.notices: list[Notice] = []
        self.output: Tensor | None = None
        """What the module gave at last, once it has returned."""
        self.after: Callable[[Tensor, Any, tuple, Any], Sequence[Notice]] | None = None
        """(the module's output, an operator, its arguments, its result) → what there is to say."""

    def __enter__(self) -> "Watch":
        self.handle = register_module_forward_pre_hook(self.before)
        return super().__enter__()

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.handle.remove()
        super().__exit__(exc_type, exc_val, exc_tb)

    def before(self, module: nn.Module, args: tuple) -> None:
        """Before a module runs: look at the call if it is a loss written out by hand."""
        function = BY_HAND.get(kind(module)) if by_hand(module) else None
        if function is not None and len(args) == 2:
            options = {name: getattr(module, name) for name in OPTIONS if hasattr(module, name)}
            call = as_call(function, args, options)
            if call is not None:
                self.saw(call)

    def saw(self, call: LossCall) -> None:
        """Keep the call, and run the checks of it."""
        self.calls.append(call)
        for check in self.checks:
            self.notices += check(call)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run the function; before it, look at it."""
        call = as_call(func, args, kwargs or {}) if func in NAMES else None
        if call is None:
            result = func(*args, **(kwargs or {}))
            if self.output is not None and self.after is not None:
                self.notices += self.after(self.output, func, args, result)
            return result
        self.saw(call)
        try:
            return func(*args, **(kwargs or {}))
        except (RuntimeError, ValueError, IndexError) as error:
            for explain in self.explanations:
                explain(call, error)
            raise


def as_call(function: Any, args: tuple, kwargs: dict[str, Any]) -> LossCall | None:
    """The call as a record; None where its arguments aren't two tensors."""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:
        return None
    tensors = given.pop("input", None), given.pop("target", None)
    if not all(isinstance(t, Tensor) for t in tensors):
        return None
    return LossCall(function=function, input=tensors[0].detach(), target=tensors[1].detach(), options=given)
