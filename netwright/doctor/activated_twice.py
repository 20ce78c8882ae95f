"""A softmax or sigmoid before a loss that applies its own, found by numbers, however the module computes it.

Outputs that are probabilities by chance don't stay so when the weights change; those of a softmax do. So weights of the
copy are drawn anew, and what is still a probability is one by construction.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from netwright.core.notice import Notice
from netwright.doctor.calls import BINARY, BY_CLASS, LossCall, Watch
from netwright.doctor.example import Example
from netwright.doctor.rehearsal import Rehearsal, run
from netwright.doctor.twins import kind
from netwright.doctor.wording import attribute

STRENGTHS = (1.0, 2.0, 300.0)
"""How far other weights are drawn, against the size they have; the first that leaves the range ends the suspicion.

The first two keep an exp from overflowing; the last moves an output that is nearly constant."""
FEW = 8
"""With fewer numbers than these chance plays a part, and three times the draws are made."""
CLOSE = 1e-4
SOFTMAXES = (nn.Softmax, nn.Softmax2d, nn.LogSoftmax)


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What a call of a loss looks like, and whether another call still looks so."""

    number: int
    """Which of the rehearsal's calls."""
    holds: Callable[[LossCall], bool]
    notice: Callable[[nn.Module, LossCall], Notice]


def check(case: Example, done: Rehearsal) -> list[Notice]:
    """A notice for each call of one of torch's losses on outputs that have already gone through its activation."""
    first = done.watch.calls
    open_still = [
        Suspicion(number=number, holds=holds, notice=notice)
        for number, call in enumerate(first)
        for holds, notice in TESTS.get(call.function, [])
        if call.input.numel() and call.input.is_floating_point() and holds(call)
    ]
    proofs = dict.fromkeys(open_still, 0)
    few = any(first[s.number].input.numel() < FEW for s in open_still)
    for attempt, strength in enumerate(STRENGTHS * (3 if few else 1)):
        calls = again(case, done, strength, attempt) if open_still else None
        if calls is None or [c.function for c in calls] != [c.function for c in first]:
            continue
        proving = [s for s in open_still if telling(s, first[s.number], calls[s.number])]
        open_still = [s for s in open_still if s not in proving or s.holds(calls[s.number])]
        proofs.update({s: proofs[s] + 1 for s in proving})
    return [s.notice(case.module, first[s.number]) for s in open_still if proofs[s] > 1]


def telling(suspicion: Suspicion, before: LossCall, call: LossCall) -> bool:
    """Whether a call with other weights proves anything: they moved its outputs, not to NaN nor to zeros alone."""
    if suspicion.holds is one_column:
        return True
    return bool(call.input.isfinite().all() and call.input.any()) and not torch.equal(before.input, call.input)


def again(case: Example, done: Rehearsal, strength: float, attempt: int) -> list[LossCall] | None:
    """The loss calls of the same batch with other weights in the copy; None where they can't be had."""
    watch = Watch()
    try:
        draw(done.module, strength, attempt)
        with watch, torch.no_grad():
            run(case, done.module, done.criterion)
    except Exception:  # other weights than a module was made for may be anything to it
        return None
    return watch.calls


def draw(module: nn.Module, strength: float, attempt: int) -> None:
    """Give every weight of a copy another value, `strength` times as large as the old ones on average."""
    for parameter in module.parameters():
        if is_lazy(parameter) or not parameter.is_floating_point() or not parameter.numel():
            continue
        generator = torch.Generator(parameter.device).manual_seed(attempt)
        noise = torch.empty_like(parameter.detach(), memory_format=torch.contiguous_format).normal_(generator=generator)
        parameter.data.copy_(noise * (strength * (parameter.detach().square().mean().sqrt() + 0.1)))


def rows_are_probabilities(call: LossCall) -> bool:
    """Whether all is in [0, 1] and the classes sum to 1, over two classes or more."""
    values = call.input.float()
    axis = min(1, values.dim() - 1)
    if values.dim() == 0 or values.shape[axis] < 2 or not in_unit(values):
        return False
    return bool(((values.sum(axis) - 1).abs() < CLOSE).all())


def in_unit(values: Tensor) -> bool:
    """Whether all values are in [0, 1], and not all 0."""
    low, high = values.aminmax()
    return bool((low >= 0) & (high <= 1) & (high > 0))


def lie_between(call: LossCall) -> bool:
    """Whether all outputs are in [0, 1]."""
    return in_unit(call.input.float())


def not_logarithms(call: LossCall) -> bool:
    """Whether some outputs are above 0, which no logarithm of a probability is, though they aren't probabilities."""
    return bool((call.input > 1e-3).any()) and not rows_are_probabilities(call)


def one_column(call: LossCall) -> bool:
    """Whether a softmax over a single column made every output exactly 1."""
    shape = call.input.shape
    return len(shape) == 2 and shape[0] > 1 and shape[1] == 1 and bool((call.input == 1).all())


def softmax_twice(module: nn.Module, call: LossCall) -> Notice:
    """Softmax before nn.CrossEntropyLoss."""
    what = "nn.CrossEntropyLoss applies a softmax itself, and the outputs are probabilities already: it learns slowly."
    return Notice(what=what, fix=removal(module, SOFTMAXES, "softmax"), serious=True)


def sigmoid_twice(module: nn.Module, call: LossCall) -> Notice:
    """Sigmoid before nn.BCEWithLogitsLoss."""
    what = "nn.BCEWithLogitsLoss applies a sigmoid itself, and the outputs are probabilities already: it learns slowly."
    fix = removal(module, (nn.Sigmoid, *SOFTMAXES), "sigmoid")
    return Notice(what=what, fix=f"{fix}, or keep it and use nn.BCELoss()", serious=True)


def no_logarithm(module: nn.Module, call: LossCall) -> Notice:
    """Softmax without its logarithm before nn.NLLLoss."""
    what = "nn.NLLLoss takes logarithms of probabilities, and the network gives the probabilities themselves."
    return Notice(what=what, fix=removal(module, SOFTMAXES, "softmax", "log_softmax"), serious=True)


def no_softmax(module: nn.Module, call: LossCall) -> Notice:
    """Raw outputs before nn.NLLLoss."""
    what = "nn.NLLLoss takes logarithms of probabilities, and the network gives raw outputs: the loss has no bottom."
    return Notice(what=what, fix="loss=nn.CrossEntropyLoss(), or F.log_softmax(x, dim=1) at the end", serious=True)


def constant(module: nn.Module, call: LossCall) -> Notice:
    """Softmax over one column."""
    what = "Every output is 1 whatever the weights are, as a softmax over a single column is: nothing can be learned."
    fix = removal(module, SOFTMAXES, "softmax", "torch.sigmoid")
    return Notice(what=what, fix=fix, serious=True)


def one_class(module: nn.Module, call: LossCall) -> Notice:
    """Cross-entropy over a single class."""
    what = f"{call.name} over a single output is always 0: nothing can be learned."
    fix = "nn.BCEWithLogitsLoss() with y.float().unsqueeze(1), or give the last layer an output for each class."
    return Notice(what=what, fix=fix, serious=True)


def single(call: LossCall) -> bool:
    """Whether an output (B, 1, ...) has one class only."""
    return call.input.dim() > 1 and call.classes == 1


def removal(module: nn.Module, kinds: tuple[type[nn.Module], ...], word: str, instead: str = "") -> str:
    """The line to change: the last module of these kinds by name, or the end of forward where there is none."""
    module = getattr(module, "_orig_mod", module)
    names = [name for name, m in module.named_modules() if issubclass(kind(m), kinds)]
    where = f"{attribute(names[-1])} ({type(module.get_submodule(names[-1])).__name__})" if names and names[-1] else ""
    if instead:
        return f"Put {instead} in place of {where or f'the {word} at the end of forward'}"
    return f"Remove {where or f'the {word} at the end of forward'}"


TESTS: dict[Callable, list[tuple[Callable[[LossCall], bool], Callable[[nn.Module, LossCall], Notice]]]] = {
    F.cross_entropy: [(rows_are_probabilities, softmax_twice), (single, one_class)],
    F.nll_loss: [(rows_are_probabilities, no_logarithm), (not_logarithms, no_softmax)],
    F.binary_cross_entropy_with_logits: [(lie_between, sigmoid_twice)],
    F.binary_cross_entropy: [(one_column, constant)],
    F.mse_loss: [(one_column, constant)],
}
assert set(TESTS) <= set(BY_CLASS) | set(BINARY) | {F.mse_loss}
