"""The first derivative: what a mistake looks like is told in words."""

import pytest
import torch
from torch import Tensor, nn

from netwright.doctor.layer.finding import Finding
from tests.doctor.layer.layers import Calls, Square, X, found, function, square, square_backward

W = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))


def first(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="first derivative")


def of(backward: object, forward: object = square) -> type:
    return function(forward, backward)


def mean_backward(ctx, g: Tensor) -> Tensor:
    return g * 2 * ctx.saved_tensors[0]


def mean(ctx, x: Tensor) -> Tensor:
    ctx.save_for_backward(x)
    return (x * x).mean(0)


def norm(ctx, x: Tensor) -> Tensor:
    ctx.save_for_backward(x)
    return x * x + x.sum()


def sine_output(ctx, x: Tensor) -> Tensor:
    ctx.save_for_backward(y := x.sin())
    return y


def exp_input(ctx, x: Tensor) -> Tensor:
    ctx.save_for_backward(x)
    return x.exp()


def product(x: Tensor, w: Tensor) -> tuple:
    return x @ w, (x, w)


@pytest.mark.parametrize(
    ("layer", "inputs", "words"),
    [
        (of(lambda ctx, g: -square_backward(ctx, g)), (X,), "wrong sign"),
        (of(lambda ctx, g: ctx.saved_tensors[0] * g), (X,), "0.5 times what it should be, perhaps the 2 of a square"),
        (of(lambda ctx, g: square_backward(ctx, g) * 3), (X,), "It is 3 times"),
        (of(mean_backward, mean), (X,), "the number of rows: summed where it is to be averaged"),
        (of(lambda ctx, g: square_backward(ctx, g) / len(g)), (X,), "averaged where it is to be summed"),
        (of(lambda ctx, g: torch.zeros_like(g)), (X,), "zero everywhere"),
        (of(lambda ctx, g: None), (X,), "no gradient for input 0 (x)"),
        (of(lambda ctx, g: 2 * ctx.saved_tensors[0]), (X,), "the same whatever grad_output is"),
        (of(lambda ctx, g: 1 + g), (X,), "a summand is missing"),
        (of(lambda ctx, g: g), (X,), "the factor 2 · x is missing"),
        (of(lambda ctx, g: 2 * g * ctx.saved_tensors[0] ** 2), (X.abs() + 1,), "the factor x is one too many"),
        (of(lambda ctx, g: square_backward(ctx, g) * g**2), (X,), "a factor is missing in the derivative"),
        (of(lambda ctx, g: square_backward(ctx, g) + 2 * g.sum(), norm), (X,), "No simple mistake"),
        ((product, lambda g, c: (g @ c[1], c[0].T @ g)), (X, W), "With the transpose of input 1 (w) in backward"),
        (
            of(lambda ctx, g: g * ctx.saved_tensors[0].cos(), sine_output),
            (X,),
            "With the input in the place of the saved",
        ),
        (of(lambda ctx, g: g * ctx.saved_tensors[0], exp_input), (X,), "With the output in the place of the saved"),
        (of(lambda ctx, g: square_backward(ctx, g) * (g > 0)), (X,), "backward gives it no gradient from there"),
        (of(lambda ctx, g: g, lambda ctx, x: x + x.roll(1, 1)), (X,), "the terms off the diagonal are missing"),
        (of(lambda ctx, g: g.cumsum(1), lambda ctx, x: x.cumsum(1)), (X,), "backward leaves that out."),
        (of(lambda ctx, g: g / 0), (X,), "not a finite number"),
        ((product, lambda g, c: (g @ c[1].T, (c[0].T @ g).T)), (W + 1, W), "transpose of what it should be"),
        ((product, lambda g, c: (c[0].T @ g, g @ c[1].T)), (W + 1, W), "are swapped"),
        (of(lambda ctx, g: g, lambda ctx, x: x.sum().detach() * 0 + torch.ones(4, 3)), (X,), "do not depend on"),
    ],
)
def test_a_guess_says_what_it_looks_like(layer: object, inputs: tuple, words: str):
    finding = first(layer, *inputs)
    assert finding.verdict == "failed" and words in finding.seen and finding.fix, finding


def test_nan_is_explained_by_infinity_only_where_there_is_one():
    finding = first(of(lambda ctx, g: g * (ctx.saved_tensors[0] - 9).log()), X)
    assert "input 0 (x) [0, 0] itself is" in finding.seen and "inf" not in finding.fix and "0 / 0" in finding.fix
    assert "0 · inf" in first(of(lambda ctx, g: g / 0), X).fix


def test_as_many_times_as_there_are_rows_by_chance():
    assert "number of rows" not in first(of(lambda ctx, g: square_backward(ctx, g) * 4), X).seen
    assert "number of rows" in first(of(lambda ctx, g: square_backward(ctx, g) * len(g)), X).seen


def test_the_worst_element_is_named():
    def backward(ctx, g: Tensor) -> Tensor:
        right = square_backward(ctx, g).clone()
        right[2, 0] *= -1
        return right

    seen = first(of(backward), X).seen
    assert seen.startswith("∂L/∂input 0 (x) [2, 0]: backward says") and "(1 of 12 elements tried are off)" in seen
    says, differences = seen.split("backward says ")[1].split(" (")[0].split(", differences say ")
    assert says.removeprefix("−") == differences.removeprefix("−") and says != differences


def test_one_wrong_element_among_many_is_found():
    def backward(ctx, g: Tensor) -> Tensor:
        right = square_backward(ctx, g).clone()
        right[77, 33] += 3
        return right

    finding = first(of(backward), torch.ones(100, 50))
    assert finding.verdict == "failed" and "[77, 33]" in finding.seen


def test_a_parameter_is_called_by_its_name():
    scale = function(lambda ctx, x, w: x * w, lambda ctx, g: (g * 2, g.sum(0)))

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.full((3,), 2.0))

        def forward(self, x: Tensor) -> Tensor:
            return scale.apply(x, self.weight)

    assert first(Scaled(), X).seen.startswith("∂L/∂weight [")


def test_an_edge_is_no_mistake():
    relu = function(
        lambda ctx, x: (ctx.save_for_backward(x), x.clamp(min=0))[1], lambda ctx, g: g * (ctx.saved_tensors[0] > 0)
    )
    for layer in (relu, nn.ReLU(), nn.L1Loss()):
        inputs = (torch.tensor([[0.0, 1.0, -1.0], [0.0, 0.0, 2.0]]),)
        assert first(layer, *inputs, *([torch.zeros(2, 3)] if isinstance(layer, nn.L1Loss) else [])).verdict == "passed"


def test_what_has_no_gradient_by_design():
    def loss(ctx, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).sum()

    layer = function(loss, lambda ctx, g: (2 * g * (ctx.saved_tensors[0] - ctx.saved_tensors[1]), None))
    finding = first(layer, X, X + 1)
    assert finding.verdict == "not supported" and "target" in finding.seen and "requires_grad" in finding.fix
    assert first(layer, X.clone().requires_grad_(), X + 1).verdict == "passed"
    assert first(nn.SoftMarginLoss(), X, X.sign()).verdict == "not supported"


def test_backward_that_raises_and_outputs_that_are_cut_off():
    finding = first(of(lambda ctx, g: g.no_such_thing), X)
    assert finding.verdict == "failed" and "AttributeError" in finding.seen
    assert "test_first.py line" in finding.seen and finding.fix.startswith("Correct test_first.py line")
    finding = first((lambda x: (x * 2, ()), lambda g: g * 2), X)
    assert "backward(grad_output, cache)" in finding.fix
    finding = first(Calls(lambda x: x.detach() * 2), X)
    assert finding.verdict == "failed" and ".detach()" in finding.fix


def test_a_layer_that_works_in_float32_is_not_accused():
    class Narrow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x.float() * 3).to(x.dtype)

    assert first(Narrow(), X).verdict == "passed"
    wrong = function(
        lambda ctx, x: (ctx.save_for_backward(x), torch.sin(x.float()).to(x.dtype))[1],
        lambda ctx, g: -torch.cos(ctx.saved_tensors[0]) * g,
    )
    assert first(wrong, X).verdict == "failed"


def test_right_ones_pass():
    assert first(Square, X).verdict == "passed"
    assert "elements of input 0 (x)" in first(Square, X).seen
