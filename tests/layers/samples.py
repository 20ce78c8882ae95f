"""The samples by which PyTorch tests its own modules (`torch.testing._internal.common_modules.module_db`)."""

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing._internal.common_modules import module_db

from netwright.core import trees
from tests.layers.proof import close, prove


@dataclass(frozen=True)
class Sample:
    """What a module is made with, and what it is called with."""

    args: tuple
    kwargs: dict[str, Any]
    given: tuple
    names: tuple[str, ...]
    """Of the last of what is given, where PyTorch gives them by name."""
    training: bool


def samples(name: str) -> Iterator[Sample]:
    """PyTorch's samples for a module such as "nn.Linear", in training and, where that differs, in evaluation."""
    (info,) = (info for info in module_db if info.name == name)
    for training in (True, False) if info.train_and_eval_differ else (True,):
        options = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            found = info.module_inputs_func(info, **options)
            for one in found:
                if one.forward_input is not None:
                    made, called = one.constructor_input, one.forward_input
                    given = (*called.args, *called.kwargs.values())
                    yield Sample(made.args, made.kwargs, given, tuple(called.kwargs), training)


def prove_samples(
    kind: type[nn.Module], name: str, skip: Callable[[tuple, dict[str, Any]], bool] = lambda args, kwargs: False
) -> int:
    """Everything PyTorch tests of its own modules, for ours on each sample whose options `skip` does not refuse.

    Outputs, first and second derivatives, numeric derivatives, tensors that are not contiguous, inputs left as they
    were, text, pickle, copies, other types of numbers. Gives how many samples there were.
    """
    count = 0
    for sample in samples(name):
        if skip(sample.args, sample.kwargs):
            continue
        theirs = getattr(nn, name.removeprefix("nn."))(*sample.args, **sample.kwargs).double().train(sample.training)
        ours = kind(*sample.args, **sample.kwargs).double().train(sample.training)
        ours.load_state_dict(theirs.state_dict())
        ours, theirs = Called(ours, sample.names), Called(theirs, sample.names)
        before = [t.detach().clone() for t in trees.leaves(list(sample.given))]
        prove(ours, theirs, *sample.given)
        for t, old in zip(trees.leaves(list(sample.given)), before, strict=True):
            assert torch.equal(t, old), "an input was changed"
        prove(ours, theirs, *trees.mapped(scattered, list(sample.given)))
        numeric(ours, sample.given)
        assert repr(ours.module) == repr(theirs.module)
        same(ours, pickle.loads(pickle.dumps(ours)), sample.given)
        same(ours, copy.deepcopy(ours), sample.given)
        assert all(p.dtype == torch.float32 for p in ours.module.float().parameters())
        count += 1
    assert count, f"no sample of {name} was left"
    return count


class Called(nn.Module):
    """A module whose last arguments are given by name."""

    def __init__(self, module: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, *given: Any) -> Any:
        """What the module gives."""
        plain = len(given) - len(self.names)
        return self.module(*given[:plain], **dict(zip(self.names, given[plain:], strict=True)))


def scattered(tensor: Tensor) -> Tensor:
    """The same numbers, not one after the other in memory."""
    if tensor.dim() == 0:
        return tensor
    wide = torch.stack([tensor, torch.zeros_like(tensor)], dim=-1).detach()
    return wide[..., 0].requires_grad_(tensor.requires_grad)


def numeric(module: nn.Module, given: tuple) -> None:
    """gradcheck and gradgradcheck along random directions, for inputs and weights."""
    floats = [t for t in trees.leaves(list(given)) if t.is_floating_point()]
    weights = [p for p in module.parameters() if p.requires_grad]
    names = [name for name, p in module.named_parameters() if p.requires_grad]

    def call(*tensors: Tensor) -> tuple[Tensor, ...]:
        rest = iter(tensors)
        args = trees.mapped(lambda t: next(rest) if t.is_floating_point() else t, tuple(given))
        held = dict(zip(names, rest, strict=True))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return tuple(t for t in trees.leaves(torch.func.functional_call(module, held, args)) if t.requires_grad)

    tensors = [t.detach().clone().requires_grad_() for t in (*floats, *weights)]
    if any(t.requires_grad for t in call(*tensors)):
        assert torch.autograd.gradcheck(call, tensors, fast_mode=True)
        assert torch.autograd.gradgradcheck(call, tensors, fast_mode=True)


def same(module: nn.Module, other: nn.Module, given: tuple) -> None:
    """Two modules give the same numbers."""
    results = []
    for one in (module, other):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            results.append(list(trees.leaves(one(*given))))
    for a, b in zip(*results, strict=True):
        close(a.detach(), b.detach(), 0.0, "a copy")
