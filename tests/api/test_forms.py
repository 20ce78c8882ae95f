"""What in a batch is input and what is target, and which losses take the batch whole."""

import functools
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from netwright.api.forms import call, on_batches, takes_batch, weighed
from netwright.core.errors import InputError
from netwright.core.phase import Loss

A, B, C = torch.ones(2), torch.zeros(2), torch.full((2,), 5.0)


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


@pytest.mark.parametrize(
    ("batch", "args", "kwargs", "target"),
    [
        (A, (A,), {}, A),
        ((A, B), (A,), {}, B),
        ([A, B], (A,), {}, B),
        (Pair(A, B), (A,), {}, B),
        ((A, B, C), (A, B), {}, C),
        (((A, B), C), (A, B), {}, C),
        (([A, B], C), (A, B), {}, C),
        (({"a": A, "b": B}, C), (), {"a": A, "b": B}, C),
        ([A], (A,), {}, A),
        (((A, B),), (A,), {}, B),
        ((A, {"boxes": B, "labels": C}), (A,), {}, {"boxes": B, "labels": C}),
        (({"a": A}, B, C), ({"a": A}, B), {}, C),
    ],
)
def test_the_last_is_the_target(batch: Any, args: tuple, kwargs: dict, target: Any):
    found = call(batch)
    assert len(found.args) == len(args) and all(a is b or a == b for a, b in zip(found.args, args, strict=True))
    assert found.kwargs.keys() == kwargs.keys() and all(found.kwargs[k] is v for k, v in kwargs.items())
    assert found.target is target or found.target == target


@pytest.mark.parametrize("batch", [{"x": A, "y": B}, "text", 3, None, ()])
def test_anything_else_is_refused_with_the_forms_there_are(batch: Any):
    with pytest.raises(InputError, match=r"a batch that is a \w+[\s\S]*loss\(model, batch\)"):
        call(batch)


def of_batch(model: nn.Module, batch: Any) -> Tensor:
    return model(batch)


class Callable:
    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        return model(batch)


class Named(nn.Module):
    """A torch loss, whatever its parameters are called."""

    def forward(self, output: Tensor, batch: Tensor) -> Tensor:
        return (output - batch).mean()


@pytest.mark.parametrize(
    ("loss", "takes"),
    [
        (of_batch, True),
        (lambda m, batch: m(batch), True),
        (Callable(), True),
        (functools.partial(lambda scale, m, batch: m(batch) * scale, 2), True),
        (lambda m, batch, more=1: m(batch), True),
        (lambda output, target: output, False),
        (lambda batch: batch, False),
        (nn.functional.mse_loss, False),
        (nn.MSELoss(), False),
        (Named(), False),
        (max, False),
        (print, False),
    ],
)
def test_a_loss_whose_second_parameter_is_called_batch_takes_it(loss: Any, takes: bool):
    assert takes_batch(loss) is takes


def test_a_criterion_on_batches_calls_the_module():
    loss = on_batches(lambda output, target: (output - target).sum())
    assert loss(nn.Identity(), (C, A)).item() == 8


def test_what_a_loss_speaks_for():
    assert weighed(A.sum(), (A, B)) == (A.sum(), 2.0, {})
    assert weighed(Loss(value=A.sum()), (A, B))[1] == 2.0
    value, weight, figures = weighed(Loss(value=A.sum(), weight=torch.tensor(7.0), figures={"f": C}), (A, B))
    assert (value.item(), weight) == (2.0, 7.0) and figures["f"] is C
