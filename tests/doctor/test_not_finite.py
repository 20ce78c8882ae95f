"""Where NaN and infinity come from is said in words, and nothing is left behind."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netwright.core.phase import Loss
from netwright.doctor.examine import examine
from netwright.doctor.not_finite import Diagnosis, locate
from tests.doctor.cases import RIGHT, Flat, labels, mlp, x
from tests.doctor.test_examine import same, state

INF, NAN = float("inf"), float("nan")


def mse(model: nn.Module, batch: Any) -> Tensor:
    return F.mse_loss(model(batch[0]), batch[1])


def holding(value: float, *rows: int) -> Tensor:
    values = x(16, 4)
    values[list(rows), 1] = value
    return values


def batch() -> tuple[Tensor, Tensor]:
    return x(16, 4), x(16, 1)


class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * NAN

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class BadBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0] * NAN


def ending(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return nn.Sequential(mlp(4, 8), Flat(lambda s, x: s.out(function(x)), out=nn.Linear(8, 1)))


def spoiled(where: str, value: float) -> nn.Module:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    net.state_dict()[where].view(-1)[0] = value
    return net


def masked(self: Flat, x: Tensor) -> Tensor:
    scores = self.a(x).masked_fill(torch.ones(16, 3, dtype=torch.bool), -INF)
    return self.b(scores.softmax(1))


def half_masked(self: Flat, x: Tensor) -> Tensor:
    scores = self.a(x).masked_fill(torch.tensor([True, False, False]), -INF)
    return torch.log(self.b(scores.softmax(1)) * 0 - 1)


def own_log(model: nn.Module, batch: Any) -> Tensor:
    return -(torch.sigmoid(model(batch[0])) * 0).log().mean()


def raising(model: nn.Module, batch: Any) -> Tensor:
    raise KeyError("gone")


def hundredfold(net: nn.Module, size: float) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(size)
    return net


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], Callable, tuple[str, ...], str]] = {
    "NaN rows": (
        lambda: mlp(4, 1),
        lambda: (holding(NAN, 3, 7), x(16, 1)),
        mse,
        ("batch[0]", "rows 3, 7", "NaN"),
        "nan_to",
    ),
    "infinite rows": (
        lambda: mlp(4, 1),
        lambda: (holding(INF, 5), x(16, 1)),
        mse,
        ("infinity", "rows 5"),
        "nan_to_num",
    ),
    "many rows": (lambda: mlp(4, 1), lambda: (holding(NAN, *range(9)), x(16, 1)), mse, ("and 4 more",), "rows"),
    "NaN target": (lambda: mlp(4, 1), lambda: (x(16, 4), torch.full((16,), NAN)), mse, ("batch[1]",), "rows"),
    "NaN in a dict": (
        lambda: mlp(4, 1),
        lambda: {"a": x(2, 4), "b": [holding(NAN, 2)]},
        mse,
        ("batch['b'][0]",),
        "rows",
    ),
    "NaN in a record": (lambda: mlp(4, 1), lambda: Loss(value=holding(NAN, 2)), mse, ("batch.value",), "rows"),
    "weight": (lambda: spoiled("2.weight", NAN), batch, mse, ("The weight 2.weight",), "clip_norm=1.0"),
    "buffer": (lambda: spoiled("1.running_var", NAN), batch, mse, ("The buffer 1.running_var",), "batches of one row"),
    "log": (
        lambda: ending(torch.log),
        batch,
        mse,
        ("The result of log", "'1' (Flat)", "test_not_finite.py line"),
        "clamp_min",
    ),
    "log of zero": (
        lambda: ending(lambda x: (x * 0).log()),
        batch,
        mse,
        ("The result of log", "infinity"),
        "clamp_min",
    ),
    "division": (lambda: ending(lambda x: x / (x * 0)), batch, mse, ("The result of div",), "1e-8"),
    "sqrt": (lambda: ending(lambda x: (x - 99).sqrt()), batch, mse, ("The result of sqrt", "NaN"), "sqrt(x + 1e-8)"),
    "exp": (lambda: ending(lambda x: (x * 1e4).exp()), batch, mse, ("The result of exp", "infinity"), "clamp_max"),
    "acos": (lambda: ending(lambda x: (x + 9).acos()), batch, mse, ("The result of acos",), "clamp(-1"),
    "Linear overflows": (
        lambda: hundredfold(mlp(4, 8, 8, 1), 1e15),
        batch,
        mse,
        ("The result of linear", "(Linear)"),
        "learning rate",
    ),
    "float16": (
        lambda: hundredfold(mlp(4, 1), 1e3).half(),
        lambda: (x(16, 4).half() * 1e3, x(16, 1).half()),
        mse,
        ("infinity",),
        "bfloat16",
    ),
    "the loss overflows": (
        lambda: mlp(4, 1),
        lambda: (x(16, 4) * 1e25, x(16, 1)),
        mse,
        ("mse_loss in the loss itself",),
        "rate",
    ),
    "own loss": (lambda: mlp(4, 1), batch, own_log, ("The result of log in the loss itself", ".log()"), "logsigmoid"),
    "a row of the mask": (
        lambda: Flat(masked, a=mlp(4, 3), b=mlp(3, 1)),
        batch,
        mse,
        ("The result of softmax", "NaN"),
        "A row of the mask",
    ),
    "not the mask": (
        lambda: Flat(half_masked, a=mlp(4, 3), b=mlp(3, 1)),
        batch,
        mse,
        ("The result of log",),
        "clamp_min",
    ),
    "autograd.Function": (
        lambda: nn.Sequential(mlp(4, 1), Flat(lambda s, x: Bad.apply(x))),
        batch,
        mse,
        ("'1' (Flat)",),
        "rate",
    ),
    "gradient of sqrt": (
        lambda: ending(lambda x: (x * 0).sqrt()),
        batch,
        mse,
        ("The gradient of sqrt", "'1' (Flat)", "line"),
        "sqrt(x + 1e-8)",
    ),
    "gradient of pow": (
        lambda: ending(lambda x: (x * 0) ** 0.5),
        batch,
        mse,
        ("The gradient of pow",),
        "norm(x) + 1e-8",
    ),
    "gradient of one's own": (
        lambda: nn.Sequential(mlp(4, 1), Flat(lambda s, x: BadBackward.apply(x))),
        batch,
        mse,
        ("The gradient of badbackward", "'1' (Flat)"),
        "derivative",
    ),
    "a loss that raises": (lambda: mlp(4, 1), batch, raising, ("gone",), "Mend that first"),
    "BCE of NaN": (
        lambda: ending(torch.log),
        batch,
        lambda m, b: F.binary_cross_entropy(m(b[0]), b[1]),
        ("The result of log",),
        "clamp_min",
    ),
    "finite": (
        lambda: mlp(4, 1),
        batch,
        lambda m, b: Loss(value=mse(m, b)),
        ("the same step is finite",),
        "learning rate",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_of_all_is_named(name: str):
    torch.manual_seed(0)
    module, data, loss, says, fix = CASES[name]
    found = locate(module(), data(), loss)
    assert isinstance(found, Diagnosis) and str(found) == f"{found.where} {found.fix}"
    for words in says:
        assert words in found.where, found
    assert fix in found.fix, found


@pytest.mark.parametrize("name", CASES)
def test_no_trace_is_left(name: str):
    torch.manual_seed(0)
    module, data, loss, _, _ = CASES[name]
    net, rows = module(), data()
    before = everything(net, rows)
    locate(net, rows, loss)
    assert same(before, everything(net, rows))


def test_memory_that_is_not_written_yet_is_no_result():
    case = RIGHT["lazy layers"]()
    torch.use_deterministic_algorithms(True)  # then torch fills such memory with NaN
    try:
        found = locate(case.module, case.batch, case.loss)
    finally:
        torch.use_deterministic_algorithms(False)
    assert "is finite" in found.where, found


@pytest.mark.parametrize("name", RIGHT)
def test_right_steps_are_found_finite_and_left_alone(name: str):
    torch.manual_seed(0)
    case = RIGHT[name]()
    before = state(case)
    found = locate(case.module, case.batch, case.loss)
    after = state(case)
    assert "is finite" in found.where or "can't be copied" in found.where, found
    assert [same(a, b) for a, b in zip(before, after, strict=True)] == [True] * len(before)


def everything(net: nn.Module, rows: Any) -> list[Any]:
    hooks = [len(v) for m in net.modules() for k, v in sorted(vars(m).items()) if "hooks" in k]
    values = list(net.state_dict().values())
    tensors = list(rows) if isinstance(rows, tuple) else []
    grads = [p.grad for p in net.parameters()]
    return [
        hooks,
        [t.clone() for t in [*values, *tensors]],
        grads,
        torch.get_rng_state(),
        [m.training for m in net.modules()],
    ]


def test_a_module_that_cannot_be_copied_is_left_alone():
    torch.manual_seed(0)
    net = ending(torch.log)
    net.other = (i for i in ())
    assert "can't be copied" in locate(net, batch(), mse).where


def test_the_random_state_is_taken_up():
    def chance(model: nn.Module, rows: Any) -> Tensor:
        return mse(model, rows) + torch.where(torch.rand(()) < 0.02, NAN, 0.0)

    torch.manual_seed(0)
    net, rows = mlp(4, 1), batch()
    for _ in range(1000):
        state = torch.get_rng_state()
        if chance(net, rows).isnan():
            break
    assert "where" in locate(net, rows, chance, random=state).where
    assert "depends on random numbers" in locate(net, rows, chance).where


def test_what_examine_finds_nothing_wrong_with_can_still_be_located():
    torch.manual_seed(0)
    case = RIGHT["MLP, cross-entropy"]()
    assert examine(case) == []
    with torch.no_grad():
        case.module[0].weight[0, 0] = NAN
    found = locate(case.module, (x(8, 10), labels(2, 8)), case.loss)
    assert "0.weight" in found.where


def test_a_search_that_fails_says_so():
    found = locate(mlp(4, 1), (x(16, 4).to_sparse(), x(16, 1)), mse)
    assert "could not be found out" in found.where
