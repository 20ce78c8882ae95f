"""One fused call does what the optimizer's own step does, and leaves the optimizer as its step would."""

import copy
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import StepLR

from netwright.engine.fused import FusedStep

STEPS = 200
SHAPES = [(3, 4), (5,), ()]


def options(**choices: tuple) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


ON = {"weight_decay": (0, 0.1), "maximize": (False, True)}
RULES: list[tuple[Any, dict[str, Any]]] = [
    *(
        (SGD, o)
        for o in options(momentum=(0, 0.9), dampening=(0, 0.5), nesterov=(False, True), **ON)
        if not (o["nesterov"] and (o["dampening"] or not o["momentum"]))
    ),
    *((Adam, o) for o in options(amsgrad=(False, True), decoupled_weight_decay=(False, True), **ON)),
    *((AdamW, o) for o in options(amsgrad=(False, True), **ON)),
    *((kind, {"betas": (0.3, 0.6), "eps": 1e-2}) for kind in (Adam, AdamW)),
    *((Adagrad, o) for o in options(lr_decay=(0, 0.5), initial_accumulator_value=(0, 0.1), **ON)),
    (Adagrad, {"eps": 1e-2}),
]


def name(rule: tuple[Any, dict[str, Any]]) -> str:
    return "-".join([rule[0].__name__, *(f"{k}={v}" for k, v in rule[1].items())])


rules = pytest.mark.parametrize("rule", RULES, ids=[name(rule) for rule in RULES])


def parameters(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    draw = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype)) for shape in SHAPES]


def gradient(parameter: Tensor, number: int, step: int) -> Tensor:
    """Of all sizes, with noise, and never before step `number` of the parameter of that number."""
    draw = torch.Generator().manual_seed(step * 10 + number)
    noise = torch.randn(parameter.shape, generator=draw, dtype=torch.float64).to(parameter.dtype)
    return 10.0**-number * (noise + torch.cos(parameter.detach()))


def both(make: Any, late: bool = False, steps: int = STEPS, between: Any = None) -> tuple[Optimizer, Optimizer]:
    """torch's steps, and the fused ones, over the same gradients."""
    own, theirs = make(parameters()), make(parameters())
    fused = FusedStep(own)
    for step in range(steps):
        for optimizer in (own, theirs):
            held = [p for group in optimizer.param_groups for p in group["params"]]
            gradients = [None if late and step < n else gradient(p, n, step) for n, p in enumerate(held)]
            if optimizer is own:
                fused(gradients)
                continue
            for parameter, value in zip(held, gradients, strict=True):
                parameter.grad = value
            optimizer.step()
        if between is not None:
            between(step, own, theirs)
    return own, theirs


def same(own: Optimizer, theirs: Optimizer) -> None:
    """Parameters and states to 1e-12 of the largest number, and the same names, counts and types."""
    pairs = [
        (a, b)
        for x, y in zip(own.param_groups, theirs.param_groups, strict=True)
        for a, b in zip(x["params"], y["params"], strict=True)
    ]
    for a, b in pairs:
        assert float((a - b).detach().abs().max()) <= 1e-12 * max(1.0, float(b.detach().abs().max()))
    got, wanted = own.state_dict(), theirs.state_dict()
    assert got["param_groups"] == wanted["param_groups"]
    assert got["state"].keys() == wanted["state"].keys()
    for number, state in wanted["state"].items():
        assert got["state"][number].keys() == state.keys()
        for key, value in state.items():
            mine = got["state"][number][key]
            if not isinstance(value, Tensor):
                assert mine == value
                continue
            assert (mine.dtype, mine.shape) == (value.dtype, value.shape), key
            assert torch.equal(mine, value) if key == "step" else torch.allclose(mine, value, rtol=1e-11, atol=1e-13)


@rules
def test_it_is_torchs_step(rule: tuple[Any, dict[str, Any]]):
    kind, chosen = rule
    same(*both(lambda p: kind(p, lr=0.01, **chosen)))


@pytest.mark.parametrize("rule", [(SGD, {"momentum": 0.9, "dampening": 0.5}), (Adam, {"amsgrad": True}), (Adagrad, {})])
def test_a_parameter_whose_gradient_comes_later(rule: tuple[Any, dict[str, Any]]):
    kind, chosen = rule
    same(*both(lambda p: kind(p, lr=0.01, **chosen), late=True, steps=20))


def test_groups_have_their_own_options():
    def grouped(p: list[nn.Parameter]) -> Optimizer:
        return AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:], "weight_decay": 0.5, "betas": (0.5, 0.9)}])

    same(*both(grouped, steps=20))


def test_torch_goes_on_where_it_stopped_and_it_where_torch_did():
    for first in (True, False):
        own, theirs = (Adam(parameters(), lr=0.01, amsgrad=True) for _ in range(2))
        fused = FusedStep(own)
        for step in range(20):
            for optimizer in (own, theirs):
                held = optimizer.param_groups[0]["params"]
                gradients = [gradient(p, n, step) for n, p in enumerate(held)]
                if optimizer is own and (step < 10) == first:
                    fused(gradients)
                    continue
                for parameter, value in zip(held, gradients, strict=True):
                    parameter.grad = value
                optimizer.step()
        same(own, theirs)


def test_a_loaded_state_is_used():
    own, theirs = both(lambda p: SGD(p, lr=0.01, momentum=0.9), steps=3)
    other = SGD(parameters(), lr=0.01, momentum=0.9)
    fused = FusedStep(other)
    other.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for optimizer in (other, own):
        for p, q in zip(optimizer.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True):
            p.data.copy_(q.data)
    fused([gradient(p, n, 3) for n, p in enumerate(other.param_groups[0]["params"])])
    for n, p in enumerate(theirs.param_groups[0]["params"]):
        p.grad = gradient(p, n, 3)
    theirs.step()
    same(other, theirs)


def test_a_changed_rate_counts_at_once_and_schedulers_are_content():
    def between(step: int, *optimizers: Optimizer) -> None:
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] *= 0.9

    same(*both(lambda p: Adam(p, lr=0.1), steps=10, between=between))
    own = SGD(parameters(), lr=0.1)
    scheduler, fused = StepLR(own, 1), FusedStep(own)
    fused([gradient(p, n, 0) for n, p in enumerate(own.param_groups[0]["params"])])
    scheduler.step()  # warns, which is an error here, where the optimizer seems not to have gone first


def test_frozen_parameters_have_no_place_among_the_gradients():
    held = parameters()
    held[1].requires_grad_(False)
    before = held[1].clone()
    FusedStep(Adam(held))([gradient(held[0], 0, 0), gradient(held[2], 2, 0)])
    assert torch.equal(held[1], before) and not torch.equal(held[0], parameters()[0])


def test_no_gradient_at_all_is_no_step():
    optimizer = Adam(parameters())
    FusedStep(optimizer)([None, None, None])
    assert not optimizer.state_dict()["state"]


def hooked() -> Optimizer:
    optimizer = Adam(parameters())
    optimizer.register_step_post_hook(lambda *_: None)
    return optimizer


class Own(Adam):
    """Somebody's own rule, which may differ from its parent's."""


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.optim.RMSprop(parameters()), "no fused RMSprop"),
        (lambda: Own(parameters()), "no fused Own"),
        (hooked, "has hooks"),
        (lambda: Adam(parameters(), lr=torch.tensor(0.1)), "a tensor as its rate"),
        (lambda: Adam(parameters(), differentiable=True), "differentiable"),
        (lambda: Adam([nn.Parameter(torch.zeros(2, dtype=torch.complex64))]), "complex"),
        (lambda: Adam([nn.Parameter(torch.zeros(2, device="meta"))]), "not on the CPU"),
    ],
)
def test_what_has_no_kernel_is_refused_with_its_reason(make: Any, reason: str):
    with pytest.raises(ValueError, match=reason):
        FusedStep(make())
