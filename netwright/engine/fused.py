"""One call of torch's fused kernel in place of `optimizer.step()`, on the optimizer's own state.

The optimizer object stays true at every moment: the tensors the kernel writes are those of its state. The kernels round
otherwise than the plain optimizers in the last bit (about 1e-7), so this is for the gate to allow.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from netwright.engine.averages import trainable
from netwright.engine.formulas import changed_step

Gradients = Sequence[Tensor | None]
Group = dict[str, Any]
ONE = torch.ones((), dtype=torch.float32)
"""A tensor, for torch takes another, slower way when it is to add a number to tensors of one element on the CPU."""
Kernel = Callable[[list[Tensor], list[Tensor], list[dict], Group], None]


class FusedStep:
    """Does what `optimizer.step()` does with gradients that are handed to it."""

    def __init__(self, optimizer: Optimizer) -> None:
        """Raises ValueError with the reason where there is no fused kernel for this optimizer."""
        self.optimizer = optimizer
        self.kernel = _kernel(optimizer)
        self.groups = [[p for p in group["params"] if p.requires_grad] for group in optimizer.param_groups]

    @torch.no_grad()
    def __call__(self, gradients: Gradients) -> None:
        """`gradients` are those of the trained parameters, group by group; None where there is none."""
        first = 0
        for group, parameters in zip(self.optimizer.param_groups, self.groups, strict=True):
            own = gradients[first : first + len(parameters)]
            first += len(parameters)
            given = [g for g in own if g is not None]
            if len(given) < len(own):
                parameters = [p for p, g in zip(parameters, own, strict=True) if g is not None]
            stateful = group.get("momentum", True)  # plain SGD keeps none, and looking one up would make it
            if parameters:
                self.kernel(parameters, given, [self.optimizer.state[p] for p in parameters if stateful], group)
        vars(self.optimizer)["_opt_called"] = True  # what schedulers look at to see that the optimizer went first


def _kernel(optimizer: Optimizer) -> Kernel:
    kernels: dict[type, Kernel] = {Adam: _adam, AdamW: _adam, SGD: _sgd, Adagrad: _adagrad}
    kernel = kernels.get(type(optimizer))
    if kernel is None:
        raise ValueError(f"torch has no fused {type(optimizer).__name__}")
    if reason := changed_step(optimizer):
        raise ValueError(reason)
    for group in optimizer.param_groups:
        if group.get("differentiable") or group.get("capturable") or isinstance(group["lr"], Tensor):
            raise ValueError("the optimizer is differentiable, capturable, or has a tensor as its rate")
    if not all(p.is_floating_point() and p.device.type == "cpu" for p in trainable(optimizer)):
        raise ValueError("a parameter is complex or not on the CPU")
    return kernel


def _adam(parameters: list[Tensor], gradients: list[Tensor], states: list[dict], group: Group) -> None:
    for parameter, state in zip(parameters, states, strict=True):
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            names = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
            for name in names if group["amsgrad"] else names[:2]:
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    counters = [state["step"] for state in states]
    torch._foreach_add_(counters, ONE, alpha=1.0)
    kernel = torch._fused_adamw_ if group.get("decoupled_weight_decay") else torch._fused_adam_
    kernel(
        parameters,
        gradients,
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else [],
        counters,
        lr=group["lr"],
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=group["amsgrad"],
        maximize=group["maximize"],
    )


def _sgd(parameters: list[Tensor], gradients: list[Tensor], states: list[dict], group: Group) -> None:
    fresh = [state.get("momentum_buffer") is None for state in states] or [False] * len(parameters)
    for first in {*fresh}:  # one call, but where some parameter gets its first gradient later than others
        chosen = [i for i, new in enumerate(fresh) if new == first]
        if first:
            for i in chosen:
                states[i]["momentum_buffer"] = torch.empty_like(parameters[i], memory_format=torch.preserve_format)
        torch._fused_sgd_(
            [parameters[i] for i in chosen],
            [gradients[i] for i in chosen],
            [states[i]["momentum_buffer"] for i in chosen] if group["momentum"] else [],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            is_first_step=first,
        )


def _adagrad(parameters: list[Tensor], gradients: list[Tensor], states: list[dict], group: Group) -> None:
    counters = [state["step"] for state in states]
    torch._foreach_add_(counters, ONE, alpha=1.0)
    torch._fused_adagrad_(
        parameters,
        gradients,
        [state["sum"] for state in states],
        counters,
        lr=group["lr"],
        lr_decay=group["lr_decay"],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=group["maximize"],
    )
