"""The update rules of torch.optim as pure formulas, for programs that hold many training steps.

A rule comes in two parts. `Formula.table` works out, outside the program and in float64 as torch.optim does, the few
numbers that differ from update to update or that a scheduler may change: learning rate, bias corrections, betas, decay.
A program takes one row of it for each update. `Formula.update` is what is left: elementwise arithmetic on tensors of
any shape, so that parameters of one group that have had the same number of updates may lie in one flat tensor.

Letters: N updates, K numbers of one update.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

Group = dict[str, Any]
"""One of an optimizer's `param_groups`."""

Update = Callable[[Tensor, Tensor, tuple[Tensor, ...], Tensor], tuple[Tensor, tuple[Tensor, ...]]]
"""(parameter, gradient, state, numbers (K,)) → (new parameter, new state)."""

Numbers = Callable[[np.ndarray, Group], tuple]
"""(updates done before each update (N,), group) → K numbers or arrays (N,)."""

SWITCHES = ("momentum", "weight_decay", "nesterov", "maximize", "amsgrad", "decoupled_weight_decay", "centered")
"""Options of which a formula has baked in whether they are on; all other values are in the table."""


@dataclass(frozen=True, kw_only=True)
class Formula:
    """One update rule. Formulas of the same rule with the same switches are equal.

    `state` names the tensors it carries, each shaped like the parameter, in the words and the order of torch.optim's
    `state_dict`. `initial` is their value before the first update. `update` changes none of its arguments; its numbers
    are a row of `table`, of any float dtype (best cast beforehand), on the parameter's device.
    """

    state: tuple[str, ...]
    numbers: Numbers
    update: Update
    initial: float = 0.0

    def table(self, group: Group, step: int, count: int = 1) -> Tensor:
        """(N, K) float64 on the CPU: the numbers of `count` updates, of which `step` were done before the first.

        They are those of the group as it is now; where a scheduler steps in between, ask for one row at a time.
        """
        columns = self.numbers(np.arange(step, step + count, dtype=np.float64), group)
        table = np.empty((count, len(columns)))
        for k, column in enumerate(columns):
            table[:, k] = column
        return torch.from_numpy(table)


def formula(optimizer: Optimizer, group: Group) -> Formula | str:
    """The formula of one of the optimizer's groups, or in words why there is none.

    The gradients that parameters hold are looked at; that gradients yet to come are dense is for the caller to see.
    """
    build = BUILDERS.get(type(optimizer))
    if build is None:
        kind = type(optimizer)
        module = "torch.optim" if kind.__module__.startswith("torch.optim.") else kind.__module__
        return f"{module}.{kind.__qualname__} has no formula here"
    found = build(*constants(group))
    if isinstance(optimizer, Adagrad):  # torch reads this one from the defaults, whatever the group says
        found = replace(found, initial=float(optimizer.defaults["initial_accumulator_value"]))
    return changed_step(optimizer) or _odd_option(group) or _odd_parameter(optimizer, group, found) or found


def constants(group: Group) -> tuple[tuple[str, bool], ...]:
    """What a formula has baked in of a group: where it changes, the formula must be asked for anew."""
    return tuple((name, bool(group[name])) for name in SWITCHES if name in group)


@torch.no_grad()
def read_state(optimizer: Optimizer, parameter: Tensor, formula: Formula) -> tuple[tuple[Tensor, ...], int]:
    """The state tensors of a parameter and how many updates were done; initial values and 0 before the first.

    Tensors that the optimizer holds are given as they are, not copied. SGD keeps no count: it gives 1 for any number of
    updates with momentum, which is as far as its formula looks, and 0 without.
    """
    state = optimizer.state.get(parameter, {})
    if any(state.get(name) is None for name in formula.state):
        return tuple(_full(parameter, formula.initial) for _ in formula.state), 0
    if isinstance(optimizer, SGD):
        return tuple(state[name] for name in formula.state), int(bool(formula.state))
    return tuple(state[name] for name in formula.state), int(state["step"])


@torch.no_grad()
def write_state(
    optimizer: Optimizer, parameter: Tensor, formula: Formula, tensors: tuple[Tensor, ...], step: int
) -> None:
    """Leave the state in the optimizer as if it had done the updates itself, `step` of them in all.

    Tensors the optimizer holds already are overwritten in place, as its own step would; others are made as it makes
    them. The given ones are copied and may be views of larger ones. Nothing is written where torch.optim keeps nothing.
    """
    if step == 0 or not formula.state:
        return
    state = optimizer.state[parameter]
    if not isinstance(optimizer, SGD):
        if "step" not in state:
            state["step"] = _new_count(optimizer, parameter)
        state["step"].fill_(step)
    for name, tensor in zip(formula.state, tensors, strict=True):
        if state.get(name) is None:
            state[name] = _full(parameter, 0.0)
        state[name].copy_(tensor)


def _full(parameter: Tensor, value: float) -> Tensor:
    return torch.full_like(parameter, value, requires_grad=False)


def _new_count(optimizer: Optimizer, parameter: Tensor) -> Tensor:
    """A count as torch.optim makes it: on the parameter's device only where a kernel there reads it."""
    group = next(g for g in optimizer.param_groups if any(p is parameter for p in g["params"]))
    fused = group.get("fused")
    double = torch.get_default_dtype() == torch.float64 and not fused
    device = parameter.device if fused or group.get("capturable") else torch.device("cpu")
    return torch.zeros((), dtype=torch.float64 if double else torch.float32, device=device)


def changed_step(optimizer: Optimizer) -> str | None:
    """Why only the optimizer's own step will do, in words; None where a formula or kernel does the same."""
    everywhere = _global_optimizer_pre_hooks or _global_optimizer_post_hooks
    if everywhere or optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return "the optimizer's step has hooks, which only its own step runs"
    own = vars(optimizer).get("step")
    if own is not None and getattr(own, "__wrapped__", None) is not type(optimizer).step:  # schedulers wrap it
        return "the optimizer's step has been replaced"
    return None


def _odd_option(group: Group) -> str | None:
    if group.get("differentiable"):
        return "differentiable=True wants a step that autograd sees"
    for name, value in group.items():
        values = value if isinstance(value, tuple) else (value,)
        if name != "lr" and any(isinstance(v, Tensor) for v in values):
            return f"{name} is a tensor; only lr may be one"
    return None


def _odd_parameter(optimizer: Optimizer, group: Group, formula: Formula) -> str | None:
    for parameter in group["params"]:
        if parameter.dtype not in {torch.float32, torch.float64}:
            return (
                f"a parameter is {str(parameter.dtype).removeprefix('torch.')}; formulas hold for float32 and float64"
            )
        if parameter.grad is not None and parameter.grad.layout != torch.strided:
            return "a gradient is sparse"
        held = optimizer.state.get(parameter)
        lacking = [name for name in formula.state if name not in held] if held else []
        if lacking and not isinstance(optimizer, SGD):
            return f"the optimizer has stepped without {lacking[0]}, so an option was changed since"
    return None


def _rate(group: Group) -> np.ndarray:
    """() The learning rate. torch computes with a tensor in the tensor's own dtype, but for its fused kernels."""
    lr = group["lr"]
    if not isinstance(lr, Tensor):
        return np.asarray(lr, dtype=np.float64)
    single = lr.dtype == torch.float32 and not group.get("fused")
    return lr.detach().cpu().reshape(()).to(torch.float32 if single else torch.float64).numpy()


Switch = tuple[str, bool]


@cache
def _sgd(*switches: Switch) -> Formula:
    """g ← ±g + λp; b ← μb + (1 − τ)g, at first b ← g; p ← p − γb, or γ(g + μb) with Nesterov's momentum."""
    on = dict(switches)

    def numbers(step: np.ndarray, group: Group) -> tuple:
        momentum, first = group["momentum"], step == 0
        kept, fresh = np.where(first, 0.0, momentum), np.where(first, 1.0, 1 - group["dampening"])
        return _rate(group), group["weight_decay"], momentum, kept, fresh

    def update(parameter: Tensor, gradient: Tensor, state: tuple[Tensor, ...], row: Tensor):
        lr, decay, momentum, kept, fresh = row.to(parameter.dtype).unbind()
        gradient = _decayed(on, parameter, gradient, decay)
        if not on["momentum"]:
            return parameter - lr * gradient, ()
        buffer = state[0] * kept + gradient * fresh
        direction = gradient + buffer * momentum if on["nesterov"] else buffer
        return parameter - lr * direction, (buffer,)

    return Formula(state=("momentum_buffer",) if on["momentum"] else (), numbers=numbers, update=update)


@cache
def _adam(*switches: Switch) -> Formula:
    """m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← p − γ/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε); Kingma & Ba 2014.

    With amsgrad the largest v so far stands in the root. Decoupled decay (AdamW) is p ← (1 − γλ)p beforehand.
    """
    on = dict(switches)
    decoupled = on["decoupled_weight_decay"] and on["weight_decay"]

    def numbers(step: np.ndarray, group: Group) -> tuple:
        lr, decay, (beta1, beta2) = _rate(group), group["weight_decay"], group["betas"]
        size = lr / (1 - beta1 ** (step + 1)).astype(lr.dtype)
        root = np.sqrt(1 - beta2 ** (step + 1))
        shrink = 1 - lr * lr.dtype.type(decay) if decoupled else decay
        return size, root, 1 - beta1, beta2, 1 - beta2, group["eps"], shrink

    def update(parameter: Tensor, gradient: Tensor, state: tuple[Tensor, ...], row: Tensor):
        size, root, fresh1, kept2, fresh2, eps, decay = row.to(parameter.dtype).unbind()
        if decoupled:
            gradient = -gradient if on["maximize"] else gradient
            parameter = parameter * decay
        else:
            gradient = _decayed(on, parameter, gradient, decay)
        mean = state[0] + (gradient - state[0]) * fresh1
        square = state[1] * kept2 + gradient * gradient * fresh2
        state = (mean, square, torch.maximum(state[2], square)) if on["amsgrad"] else (mean, square)
        return parameter - size * mean / (state[-1].sqrt() / root + eps), state

    names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    return Formula(state=names if on["amsgrad"] else names[:2], numbers=numbers, update=update)


@cache
def _rmsprop(*switches: Switch) -> Formula:
    """v ← αv + (1 − α)g²; d = g / (√v + ε), centered √(v − a²) with a ← αa + (1 − α)g; b ← μb + d; p ← p − γb."""
    on = dict(switches)
    names = (
        "square_avg",
        *(("momentum_buffer",) if on["momentum"] else ()),
        *(("grad_avg",) if on["centered"] else ()),
    )

    def numbers(step: np.ndarray, group: Group) -> tuple:
        alpha = group["alpha"]
        return _rate(group), group["weight_decay"], alpha, 1 - alpha, group["eps"], group["momentum"]

    def update(parameter: Tensor, gradient: Tensor, state: tuple[Tensor, ...], row: Tensor):
        lr, decay, kept, fresh, eps, momentum = row.to(parameter.dtype).unbind()
        gradient = _decayed(on, parameter, gradient, decay)
        new = dict(zip(names, state, strict=True))
        spread = new["square_avg"] = new["square_avg"] * kept + gradient * gradient * fresh
        if on["centered"]:
            mean = new["grad_avg"] = new["grad_avg"] + (gradient - new["grad_avg"]) * fresh
            spread = spread - mean * mean
        direction = gradient / (spread.sqrt() + eps)
        if on["momentum"]:
            direction = new["momentum_buffer"] = new["momentum_buffer"] * momentum + direction
        return parameter - lr * direction, tuple(new.values())

    return Formula(state=names, numbers=numbers, update=update)


@cache
def _adagrad(*switches: Switch) -> Formula:
    """s ← s + g²; p ← p − γ/(1 + (t − 1)η) · g / (√s + ε), η the decay of the learning rate; Duchi et al. 2011."""
    on = dict(switches)

    def numbers(step: np.ndarray, group: Group) -> tuple:
        lr = _rate(group)
        return lr / (1 + step * group["lr_decay"]).astype(lr.dtype), group["weight_decay"], group["eps"]

    def update(parameter: Tensor, gradient: Tensor, state: tuple[Tensor, ...], row: Tensor):
        lr, decay, eps = row.to(parameter.dtype).unbind()
        gradient = _decayed(on, parameter, gradient, decay)
        total = state[0] + gradient * gradient
        return parameter - lr * gradient / (total.sqrt() + eps), (total,)

    return Formula(state=("sum",), numbers=numbers, update=update)


def _decayed(on: dict[str, bool], parameter: Tensor, gradient: Tensor, decay: Tensor) -> Tensor:
    gradient = -gradient if on["maximize"] else gradient
    return gradient + parameter * decay if on["weight_decay"] else gradient


BUILDERS: dict[type[Optimizer], Callable[..., Formula]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
}
"""By the class itself: a subclass may have changed its step."""
