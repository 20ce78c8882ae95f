"""The formulas are torch.optim's own rules: same parameters, same state, and torch can go on where they stop."""

import copy
import operator
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR
from torch.optim.optimizer import register_optimizer_step_post_hook

from netwright.engine.formulas import Formula, constants, formula, read_state, write_state

Options = dict[str, Any]
Case = tuple[Any, Options]


def options(**choices: tuple) -> list[Options]:
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


ON = {"weight_decay": (0, 0.1), "maximize": (False, True)}
VALUES = options(betas=((0.9, 0.999), (0.3, 0.6)), eps=(1e-8, 1e-2))
STABLE = {"lr": 1e-3}
"""With a larger rate RMSprop itself is chaotic here: its start moved by one ulp moves its end by 1e-5."""

RULES: list[Case] = [
    *(
        (SGD, o)
        for o in options(momentum=(0, 0.9), dampening=(0, 0.5), nesterov=(False, True), **ON)
        if not (o["nesterov"] and (o["dampening"] or not o["momentum"]))
    ),
    *((Adam, o) for o in options(amsgrad=(False, True), decoupled_weight_decay=(False, True), **ON)),
    *((AdamW, o) for o in options(amsgrad=(False, True), **ON)),
    *((kind, o | {"weight_decay": 0.1}) for kind in (Adam, AdamW) for o in VALUES),
    *((RMSprop, o | STABLE) for o in options(momentum=(0, 0.8), centered=(False, True), **ON)),
    *((RMSprop, o | STABLE | {"momentum": 0.8}) for o in options(alpha=(0.99, 0.4), eps=(1e-8, 1e-2))),
    *((Adagrad, o) for o in options(lr_decay=(0, 0.5), initial_accumulator_value=(0, 0.1), **ON)),
    (Adagrad, {"eps": 1e-2}),
]
"""Everything that can be on or off, in every combination; numbers besides."""

RICH: list[Case] = [
    (SGD, {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    (SGD, {"momentum": 0.9, "nesterov": True, "maximize": True}),
    (SGD, {}),
    (Adam, {"weight_decay": 0.1, "amsgrad": True}),
    (Adam, {"maximize": True}),
    (AdamW, {"weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    (RMSprop, {"weight_decay": 0.1, "momentum": 0.8, "centered": True}),
    (RMSprop, {}),
    (Adagrad, {"lr_decay": 0.5, "weight_decay": 0.1, "initial_accumulator_value": 0.1, "maximize": True}),
]
"""A few cases with all that a rule can carry, for what does not hang on single options."""

WAYS: list[Options] = [
    {"foreach": True},
    {"foreach": False},
    {"fused": True},
    {"lr": torch.tensor(0.01)},
    {"lr": torch.tensor([0.01], dtype=torch.float64)},
    {"fused": True, "lr": torch.tensor(0.01)},
]
"""Options that choose how torch computes, not what."""


def name(case: Case) -> str:
    return "-".join([case[0].__name__, *(f"{k}={v}" for k, v in case[1].items())])


class Problem:
    """A parameter whose gradient depends on it and on the step, and is of every size from 1e-4 to 1."""

    def __init__(self, dtype: torch.dtype = torch.float64, steps: int = 200) -> None:
        draw = torch.Generator().manual_seed(0)
        self.start = torch.randn(3, 4, generator=draw, dtype=torch.float64).to(dtype)
        sizes = torch.logspace(-4, 0, 12, dtype=torch.float64).reshape(3, 4)
        self.noise = (torch.randn(steps, 3, 4, generator=draw, dtype=torch.float64) * sizes).to(dtype)
        self.sizes = sizes.to(dtype)

    def parameter(self) -> nn.Parameter:
        return nn.Parameter(self.start.clone())

    def gradient(self, parameter: Tensor, step: int) -> Tensor:
        return self.noise[step] + self.sizes * torch.cos(parameter)

    def steps(self, optimizer: Optimizer, steps: range) -> nn.Parameter:
        """torch.optim's own steps."""
        parameter = optimizer.param_groups[0]["params"][0]
        for step in steps:
            parameter.grad = self.gradient(parameter.detach(), step)
            optimizer.step()
        return parameter


def made(optimizer: Optimizer) -> Formula:
    rule = formula(optimizer, optimizer.param_groups[0])
    assert isinstance(rule, Formula), rule
    return rule


def by_formula(problem: Problem, optimizer: Optimizer, steps: range) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The formula's steps, from where the optimizer stands; left in the optimizer and its parameter."""
    group = optimizer.param_groups[0]
    parameter, rule = group["params"][0], made(optimizer)
    state, done = read_state(optimizer, parameter, rule)
    value, table = parameter.detach(), rule.table(group, done, len(steps))
    for step, row in zip(steps, table, strict=True):
        value, state = rule.update(value, problem.gradient(value, step), state, row)
    write_state(optimizer, parameter, rule, state, done + len(steps))
    parameter.data = value
    return value, state


def same(got: Tensor, wanted: Tensor, tolerance: float) -> None:
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    error = (got - wanted).abs().max() / wanted.abs().max().clamp(min=torch.finfo(wanted.dtype).tiny)
    assert error <= tolerance, f"{error:.2e}"


def same_states(got: Optimizer, wanted: Optimizer, tolerance: float) -> None:
    """Same keys in the same order, same types and dtypes, and the values within a tolerance."""
    ours, theirs = got.state_dict(), wanted.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert list(ours["state"]) == list(theirs["state"])
    for key, wanted_state in theirs["state"].items():
        assert list(ours["state"][key]) == list(wanted_state)
        for word, value in wanted_state.items():
            given = ours["state"][key][word]
            assert (type(given), given.device, given.stride()) == (type(value), value.device, value.stride())
            assert not given.requires_grad
            same(given, value, tolerance)


@pytest.mark.parametrize("case", RULES, ids=name)
def test_200_steps_in_float64(case: Case):
    check(case[0], case[1], Problem(), 1e-12)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("case", RICH, ids=name)
def test_however_torch_computes(case: Case, way: Options):
    kind, given = case
    if kind is RMSprop:  # it has no fused kernel
        way = {word: value for word, value in way.items() if word != "fused"}
    check(kind, given | way, Problem(steps=40), 1e-12)


@pytest.mark.parametrize("case", RULES, ids=name)
def test_5_steps_in_float32(case: Case):
    check(case[0], case[1], Problem(torch.float32, 5), 1e-6)


def check(kind: type[Optimizer], given: Options, problem: Problem, tolerance: float) -> None:
    theirs, ours = (kind([problem.parameter()], **given) for _ in range(2))
    wanted = problem.steps(theirs, range(len(problem.noise)))
    same(by_formula(problem, ours, range(len(problem.noise)))[0], wanted.detach(), tolerance)
    same_states(ours, theirs, tolerance)


@pytest.mark.parametrize("case", RICH, ids=name)
def test_handed_over_in_the_middle_both_ways(case: Case):
    problem = Problem()
    theirs, ours = (case[0]([problem.parameter()], **case[1]) for _ in range(2))
    wanted = problem.steps(theirs, range(150))
    problem.steps(ours, range(50))
    by_formula(problem, ours, range(50, 100))
    same(problem.steps(ours, range(100, 150)).detach(), wanted.detach(), 1e-12)
    same_states(ours, theirs, 1e-12)


@pytest.mark.parametrize("case", RICH, ids=name)
def test_a_saved_state_resumes(case: Case):
    problem = Problem()
    first = case[0]([problem.parameter()], **case[1])
    value, _ = by_formula(problem, first, range(50))
    second = case[0]([nn.Parameter(value.clone())], **case[1])
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert torch.equal(problem.steps(first, range(50, 60)), problem.steps(second, range(50, 60)))


@pytest.mark.parametrize("case", RICH, ids=name)
def test_a_state_held_already_is_overwritten_in_place(case: Case):
    problem = Problem()
    optimizer = case[0]([problem.parameter()], **case[1])
    parameter = problem.steps(optimizer, range(3))
    before = dict(optimizer.state.get(parameter, {}))
    by_formula(problem, optimizer, range(3, 6))
    assert all(optimizer.state[parameter][word] is tensor for word, tensor in before.items())


@pytest.mark.parametrize("case", RICH, ids=name)
def test_no_update_leaves_no_trace(case: Case):
    ours, theirs = (case[0]([Problem().parameter()], **case[1]) for _ in range(2))
    by_formula(Problem(), ours, range(0))
    same_states(ours, theirs, 0)


@pytest.mark.parametrize("case", RICH, ids=name)
def test_the_count_has_the_dtype_of_the_default(case: Case):
    torch.set_default_dtype(torch.float64)
    try:
        check(case[0], case[1], Problem(steps=2), 1e-12)
        if case[0] is not RMSprop:
            check(case[0], case[1] | {"fused": True}, Problem(steps=2), 1e-12)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_state_lies_in_memory_as_its_parameter():
    start = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
    theirs, ours = (Adam([nn.Parameter(start.clone())]) for _ in range(2))
    parameter, rule = ours.param_groups[0]["params"][0], made(ours)
    theirs.param_groups[0]["params"][0].grad = torch.ones_like(start)
    theirs.step()
    flat, count = torch.zeros(start.numel()), start.numel()
    _, state = rule.update(flat, torch.ones(count), (flat, flat), rule.table(ours.param_groups[0], 0)[0])
    write_state(ours, parameter, rule, tuple(s.view(start.shape) for s in state), 1)
    same_states(ours, theirs, 1e-6)


def test_adagrad_starts_a_parameter_added_later_as_torch_does():
    problem = Problem()
    theirs, ours = (Adagrad([torch.zeros(1)], initial_accumulator_value=0.5) for _ in range(2))
    for optimizer in (theirs, ours):
        optimizer.add_param_group({"params": [problem.parameter()], "initial_accumulator_value": 7.0})
        optimizer.param_groups.reverse()
    wanted = problem.steps(theirs, range(3))
    same(by_formula(problem, ours, range(3))[0], wanted.detach(), 1e-12)
    same_states(ours, theirs, 1e-12)


SCHEDULES: list[tuple[type[Optimizer], Options, Callable[[Optimizer], LRScheduler]]] = [
    (SGD, {"momentum": 0.9, "nesterov": True}, lambda o: OneCycleLR(o, max_lr=0.1, total_steps=101)),
    (SGD, {"momentum": 0.9}, lambda o: CyclicLR(o, base_lr=1e-3, max_lr=0.1, step_size_up=10)),
    (Adam, {"weight_decay": 0.1}, lambda o: OneCycleLR(o, max_lr=0.01, total_steps=101)),
    (AdamW, {"lr": torch.tensor(0.01)}, lambda o: OneCycleLR(o, max_lr=0.01, total_steps=101)),
    (RMSprop, {"momentum": 0.8}, lambda o: OneCycleLR(o, max_lr=0.01, total_steps=101)),
]


@pytest.mark.parametrize(("kind", "given", "schedule"), SCHEDULES)
def test_what_a_scheduler_cycles_is_followed(kind: type[Optimizer], given: Options, schedule: Callable):
    problem = Problem()
    theirs, ours = (kind([problem.parameter()], **copy.deepcopy(given)) for _ in range(2))
    scheduler, group = schedule(theirs), theirs.param_groups[0]
    rule, baked = made(theirs), constants(group)
    value = problem.parameter().detach()
    state, done = read_state(ours, ours.param_groups[0]["params"][0], rule)
    for step in range(100):
        row = rule.table(group, done + step)[0]
        value, state = rule.update(value, problem.gradient(value, step), state, row)
        wanted = problem.steps(theirs, range(step, step + 1))
        scheduler.step()
        assert constants(group) == baked
    same(value, wanted.detach(), 1e-12)


def test_constants_tell_what_is_baked_in():
    optimizer = SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    group, rule = optimizer.param_groups[0], made(optimizer)
    before = constants(group)
    group.update(lr=1.0, momentum=0.5, dampening=0.1)
    assert constants(group) == before
    assert made(optimizer) == rule
    group["weight_decay"] = 0.1
    assert constants(group) != before
    assert made(optimizer) != rule


def test_a_table_is_its_rows():
    for kind, given in RICH:
        optimizer = kind([torch.zeros(1)], **given)
        group, rule = optimizer.param_groups[0], made(optimizer)
        table = rule.table(group, 3, 4)
        assert table.dtype == torch.float64
        torch.testing.assert_close(table, torch.cat([rule.table(group, 3 + i) for i in range(4)]), rtol=1e-14, atol=0)


class Mine(Adam):
    pass


def hooked(before: bool) -> Optimizer:
    optimizer = SGD([torch.zeros(1)])
    (optimizer.register_step_pre_hook if before else optimizer.register_step_post_hook)(lambda *_: None)
    return optimizer


def replaced() -> Optimizer:
    optimizer = SGD([torch.zeros(1)])
    optimizer.step = lambda closure=None: None
    return optimizer


def sparse() -> Optimizer:
    layer = nn.Embedding(4, 2, sparse=True)
    layer(torch.tensor([1])).sum().backward()
    return SGD(layer.parameters())


def switched_on_later() -> Optimizer:
    optimizer = Adam([Problem().parameter()])
    Problem().steps(optimizer, range(1))
    optimizer.param_groups[0]["amsgrad"] = True
    return optimizer


REFUSED: list[tuple[Callable[[], Optimizer], str]] = [
    (lambda: torch.optim.Adadelta([torch.zeros(1)]), r"^torch\.optim\.Adadelta has no formula here$"),
    (lambda: torch.optim.LBFGS([torch.zeros(1)]), r"^torch\.optim\.LBFGS has no formula here$"),
    (lambda: Mine([torch.zeros(1)]), "Mine has no formula here"),
    (lambda: hooked(True), "hooks"),
    (lambda: hooked(False), "hooks"),
    (replaced, "replaced"),
    (lambda: Adam([torch.zeros(1)], differentiable=True), "differentiable"),
    (lambda: Adam([torch.zeros(1)], betas=(torch.tensor(0.9), torch.tensor(0.99))), "betas is a tensor"),
    (lambda: SGD([torch.zeros(1)], weight_decay=torch.tensor(0.1)), "weight_decay is a tensor"),
    (lambda: SGD([torch.zeros(1, dtype=torch.complex64)]), "complex64"),
    (lambda: SGD([torch.zeros(1, dtype=torch.bfloat16)]), "bfloat16"),
    (sparse, "sparse"),
    (switched_on_later, "without max_exp_avg_sq"),
]


@pytest.mark.parametrize(("build", "reason"), REFUSED)
def test_refused_in_words(build: Callable[[], Optimizer], reason: str):
    optimizer = build()
    told = formula(optimizer, optimizer.param_groups[0])
    assert isinstance(told, str)
    assert re.search(reason, told), told


def test_a_hook_on_every_optimizer_is_seen():
    optimizer = SGD([torch.zeros(1)])
    handle = register_optimizer_step_post_hook(lambda *_: None)
    try:
        assert "hooks" in str(formula(optimizer, optimizer.param_groups[0]))
    finally:
        handle.remove()
    assert made(optimizer)


def test_options_of_the_implementation_change_nothing():
    plain, other = Adam([torch.zeros(1)]), Adam([torch.zeros(1)], capturable=True)
    assert made(plain) == made(other)


def test_traced_into_pure_operators():
    from torch.fx.experimental.proxy_tensor import make_fx

    problem = Problem()
    for kind, given in RICH:
        optimizer = kind([problem.parameter()], **given)
        parameter, rule = optimizer.param_groups[0]["params"][0], made(optimizer)
        state, done = read_state(optimizer, parameter, rule)
        arguments = (problem.start, problem.noise[0], state, rule.table(optimizer.param_groups[0], done)[0])
        traced = make_fx(rule.update)(*arguments)
        for node in traced.graph.nodes:
            if node.op == "call_function" and node.target is not operator.getitem:
                assert not node.target._schema.is_mutable, node.target
        torch.testing.assert_close(traced(*arguments), rule.update(*arguments), rtol=0, atol=0)
