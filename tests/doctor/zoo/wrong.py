"""Wrong layers, as people write them: each has one mistake in its backward pass, and its numbers are wrong at once.

Straight-through estimators and reversed gradients are not here: their gradient differs from the derivative by design.
Nor is a Function whose gradient still has the axes that broadcasting added: autograd sums over them by itself, and it
comes out right. In a pair, which autograd does not see, it is a mistake.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from tests.doctor.zoo.animal import Animal, ids, keeper, rows

WRONG: dict[str, Animal] = {}
wrong = keeper(WRONG, "first derivative")


# elementary functions


@wrong("sigmoid: wrong sign", lambda: (rows(4, 3),))
class SigmoidSign(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * y * (y - 1)


@wrong("sigmoid: derivative taken at x instead of y", lambda: (rows(4, 3),))
class SigmoidOfInput(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output * x * (1 - x)


@wrong("sigmoid: 1 − y forgotten", lambda: (rows(4, 3),))
class SigmoidHalf(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * y


@wrong("sine: the saved output used as the input", lambda: (rows(4, 3),))
class SineOfOutput(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.sin(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * torch.cos(y)


@wrong("tanh: 1 − y, not 1 − y²", lambda: (rows(4, 3),))
class TanhUnsquared(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.tanh(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * (1 - y)


@wrong("relu: the other side", lambda: (rows(4, 3),))
class ReLUOtherSide(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        grad_x = grad_output.clone()
        grad_x[x > 0] = 0
        return grad_x


@wrong("relu: mask from the gradient instead of x", lambda: (rows(4, 3),))
class ReLUOfGradient(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        grad_x = grad_output.clone()
        grad_x[grad_output < 0] = 0
        return grad_x


@wrong("gelu: the second half of the product rule is missing", lambda: (rows(4, 3),))
class GELUHalf(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


@wrong("softmax: without the sum over the row", lambda: (rows(4, 3),))
class SoftmaxDiagonal(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        e = torch.exp(x - x.max(dim=1, keepdim=True).values)
        y = e / e.sum(dim=1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y)


@wrong("cumulative sum: not turned round", lambda: (rows(4, 5),))
class CumulativeSum(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.cumsum(x, dim=1)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return torch.cumsum(grad_output, dim=1)


@wrong("normalize: the length taken for a constant", lambda: (rows(4, 3),))
class UnitLength(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x / x.norm(dim=1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output / x.norm(dim=1, keepdim=True)


@wrong("square: grad_output left out", lambda: (rows(4, 3),))
class SquareAlone(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x


@wrong("sine: the last row forgotten by a loop", lambda: (rows(60, 7),))
class SineLoop(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        grad_x = torch.zeros_like(x)
        for i in range(len(x) - 1):
            grad_x[i] = grad_output[i] * torch.cos(x[i])
        return grad_x


# two inputs


@wrong("product: each input gets its own value", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class ProductSwapped(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        a, b = ctx.saved_tensors
        return grad_output * a, grad_output * b


@wrong("difference: gradients swapped", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class DifferenceSwapped(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        return a - b

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return -grad_output, grad_output


@wrong("scale: the weight gets the gradient of x", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class ScaleTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        _, weight = ctx.saved_tensors
        grad = grad_output * weight
        return grad, grad


@wrong("quotient: the divisor not squared", lambda: (rows(4, 3), rows(4, 3, seed=1).abs() + 0.5))
class QuotientUnsquared(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a / b

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        a, b = ctx.saved_tensors
        return grad_output / b, -grad_output * a / b


@wrong("sum and product: the second output's gradient forgotten", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class SumAndProduct(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(a, b)
        return a + b, a * b

    @staticmethod
    def backward(ctx: Any, grad_sum: Tensor, grad_product: Tensor) -> tuple:
        return grad_sum, grad_sum


# linear layers


class LinearNoTranspose(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x.mm(weight.t())

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return grad_output.mm(weight.t()), grad_output.t().mm(x)


@wrong("linear: forgotten transpose, square weight", lambda: (rows(4, 3),))
class SquareLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return LinearNoTranspose.apply(x, self.weight)


class LinearMeanBias(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x.mm(weight.t()) + bias

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return grad_output.mm(weight), grad_output.t().mm(x), grad_output.mean(0)


@wrong("linear: the gradient of a square weight not transposed", lambda: (rows(4, 3), rows(3, 3, seed=1)))
class LinearTurned(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return grad_output @ weight, x.T @ grad_output


class TurnUnconjugated(Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, turn: Tensor) -> Tensor:
        ctx.save_for_backward(turn)
        return z * turn

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        (turn,) = ctx.saved_tensors
        return grad_output * turn, None


@wrong("rotary: a complex buffer not conjugated", lambda: (rows(2, 5, 4),))
class RotaryUnconjugated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        angles = torch.outer(torch.arange(5.0), torch.tensor([1.0, 0.01]))
        self.register_buffer("turn", torch.polar(torch.ones_like(angles), angles))

    def forward(self, x: Tensor) -> Tensor:
        z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(TurnUnconjugated.apply(z, self.turn)).flatten(-2)


@wrong("linear: mean over the batch for the bias", lambda: (rows(4, 3),))
class MeanBiasLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3))
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        return LinearMeanBias.apply(x, self.weight, self.bias)


@wrong("linear: weight gradient divided by the batch", lambda: (rows(4, 3), rows(2, 3, seed=1)))
class LinearPerRow(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.T @ x / x.shape[0]


@wrong("linear: no gradient for the weight", lambda: (rows(4, 3), rows(2, 3, seed=1)))
class LinearNoWeight(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        (weight,) = ctx.saved_tensors
        return grad_output @ weight, None


@wrong("linear: a gradient for a bias of None", lambda: (rows(4, 3), rows(2, 3, seed=1), None))
class LinearGradientOfNone(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        ctx.save_for_backward(x, weight)
        y = x @ weight.T
        return y if bias is None else y + bias

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.T @ x, grad_output.sum(0)


def affine(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, tuple]:
    return x @ w + b, (x, w)


def affine_backward_unsummed(dout: Tensor, cache: tuple) -> tuple:
    x, w = cache
    return dout @ w.T, x.T @ dout, dout


wrong(
    "pair: bias not summed over the batch",
    lambda: (rows(4, 3), rows(3, 2, seed=1), rows(2, seed=2)),
    "first derivative",
    "shapes",
)((affine, affine_backward_unsummed))


def affine_backward_other_axis(dout: Tensor, cache: tuple) -> tuple:
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(1)


wrong("pair: bias summed over the outputs, square", lambda: (rows(3, 3), rows(3, 3, seed=1), rows(3, seed=2)))(
    (affine, affine_backward_other_axis)
)


def affine_backward_order(dout: Tensor, cache: tuple) -> tuple:
    x, w = cache
    return x.T @ dout, dout @ w.T, dout.sum(0)


wrong("pair: gradients in another order", lambda: (rows(3, 3), rows(3, 3, seed=1), rows(3, seed=2)))(
    (affine, affine_backward_order)
)


@wrong(
    "row scale: a column (B, 1) for a gradient (B,)",
    lambda: (rows(4, 3), rows(4, seed=1)),
    "first derivative",
    "shapes",
)
class RowScaleColumn(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        return x * scale[:, None]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, scale = ctx.saved_tensors
        return grad_output * scale[:, None], (grad_output * x).sum(1, keepdim=True)


# norms


@wrong("layer norm: no gradient through the mean", lambda: (rows(4, 5), rows(5, seed=1), rows(5, seed=2)))
class LayerNormNoMean(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        x_hat = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        return x_hat * weight + bias

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        std = torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        x_hat = (x - x.mean(1, keepdim=True)) / std
        g = grad_output * weight
        grad_x = (g - x_hat * (g * x_hat).mean(1, keepdim=True)) / std
        return grad_x, (grad_output * x_hat).sum(0), grad_output.sum(0)


@wrong("layer norm: no gradient through the variance", lambda: (rows(4, 5), rows(5, seed=1), rows(5, seed=2)))
class LayerNormNoVariance(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        x_hat = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        return x_hat * weight + bias

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        std = torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        x_hat = (x - x.mean(1, keepdim=True)) / std
        g = grad_output * weight
        grad_x = (g - g.mean(1, keepdim=True)) / std
        return grad_x, (grad_output * x_hat).sum(0), grad_output.sum(0)


def batchnorm_forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> tuple[Tensor, tuple]:
    mean, var = x.mean(0), x.var(0, unbiased=False)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    return gamma * x_hat + beta, (x, gamma, eps)


def batchnorm_backward(dout: Tensor, cache: tuple) -> tuple:
    x, gamma, eps = cache
    n = x.shape[0]
    mean, std = x.mean(0), torch.sqrt(x.var(0, unbiased=False) + eps)
    x_hat = (x - mean) / std
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(0) - x_hat * (dx_hat * x_hat).sum(0) / (n - 1)) / std
    return dx, (dout * x_hat).sum(0), dout.sum(0), None


wrong("batch norm: n − 1 in the backward", lambda: (rows(6, 3), rows(3, seed=1), rows(3, seed=2)))(
    (batchnorm_forward, batchnorm_backward)
)


# convolutions and pooling


@wrong("conv1d: the kernel not flipped", lambda: (rows(8), rows(3, seed=1)))
class Conv1dUnflipped(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(x, kernel)
        return x.unfold(0, len(kernel), 1) @ kernel

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, kernel = ctx.saved_tensors
        k = len(kernel)
        padded = F.pad(grad_output, (k - 1, k - 1))
        return padded.unfold(0, k, 1) @ kernel, x.unfold(0, len(grad_output), 1) @ grad_output


class Conv2dUnflippedFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        grad_x = F.conv2d(grad_output, weight.transpose(0, 1), padding=1)
        grad_weight = F.conv2d(x.transpose(0, 1), grad_output.transpose(0, 1), padding=1).transpose(0, 1)
        return grad_x, grad_weight


@wrong("conv2d: transposed but not flipped", lambda: (rows(2, 2, 4, 4),))
class Conv2dUnflipped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2, 3, 3) / 4)

    def forward(self, x: Tensor) -> Tensor:
        return Conv2dUnflippedFunction.apply(x, self.weight)


class ConvBiasFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        return x + bias[:, None, None]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return grad_output, grad_output[0].sum((1, 2))


@wrong("conv2d: bias summed over the first picture alone", lambda: (rows(2, 3, 4, 4),))
class ConvBias(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, bias=False)
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        return ConvBiasFunction.apply(self.conv(x), self.bias)


@wrong("max pool: the gradient to every tie", lambda: (rows(2, 2, 4, 4).clamp(min=0),))
class MaxPoolTies(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        y = x.reshape(b, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        up = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return grad_output.repeat_interleave(2, 2).repeat_interleave(2, 3) * (x == up)


@wrong("max pool: the place in the window taken for the place in the row", lambda: (rows(3, 8),))
class MaxPoolPlace(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y, place = x.unfold(1, 2, 2).max(dim=2)
        ctx.save_for_backward(place)
        ctx.shape = x.shape
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (place,) = ctx.saved_tensors
        return torch.zeros(ctx.shape, dtype=grad_output.dtype).scatter_add(1, place, grad_output)


@wrong("average pool: not divided by the window", lambda: (rows(3, 8),))
class AveragePool(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.unfold(1, 2, 2).mean(dim=2)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return grad_output.repeat_interleave(2, dim=1)


# lookups, cells, attention


class EmbeddingAssigns(Function):
    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(ids, weight)
        return weight[ids]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        ids, weight = ctx.saved_tensors
        grad_weight = torch.zeros_like(weight)
        grad_weight[ids.flatten()] = grad_output.flatten(0, -2)
        return None, grad_weight


@wrong("embedding: repeated ids overwrite each other", lambda: (ids(5, 4, 3),))
class AssigningEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return EmbeddingAssigns.apply(ids, self.weight)


def lstm_inputs() -> tuple:
    return rows(3, 2), rows(3, 4, seed=1), rows(3, 4, seed=2), rows(16, 2, seed=3), rows(16, 4, seed=4)


def lstm_forward(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor) -> tuple[tuple, tuple]:
    i, f, g, o = (x @ w_x.T + h @ w_h.T).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c_new = f * c + i * g
    return (o * torch.tanh(c_new), c_new), (x, h, c, w_x, w_h, i, f, g, o, c_new)


def lstm_backward(grads: tuple[Tensor, Tensor], cache: tuple) -> tuple:
    x, h, _, w_x, w_h, i, f, g, o, c_new = cache
    dh, dc = grads
    tanh_c = torch.tanh(c_new)
    dc = dc + dh * o * (1 - tanh_c**2)
    d_gates = torch.cat(
        [
            dc * g * i * (1 - i),
            dc * c_new * f * (1 - f),
            dc * i * (1 - g**2),
            dh * tanh_c * o * (1 - o),
        ],
        dim=1,
    )
    return d_gates @ w_x, d_gates @ w_h, dc * f, d_gates.T @ x, d_gates.T @ h


wrong("lstm cell: forget gate from the new cell", lstm_inputs)((lstm_forward, lstm_backward))


@wrong("attention: the scale missing in the gradient", lambda: (rows(2, 3, 4), rows(2, 3, 4, seed=1), rows(2, 3, 4)))
class Attention(Function):
    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1) @ v

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        q, k, v = ctx.saved_tensors
        p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1)
        dp = grad_output @ v.transpose(1, 2)
        ds = p * (dp - (dp * p).sum(-1, keepdim=True))
        return ds @ k, ds.transpose(1, 2) @ q, p.transpose(1, 2) @ grad_output


@wrong("dropout: another mask in the backward", lambda: (rows(6, 5) + 3,))
class DropoutTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float = 0.5) -> Tensor:
        ctx.p = p
        return x * (torch.rand_like(x) > p) / (1 - p)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return grad_output * (torch.rand_like(grad_output) > ctx.p) / (1 - ctx.p), None


# losses


@wrong("mean squared error: the factor 2 missing", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class MSE(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).mean()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        y, target = ctx.saved_tensors
        grad = grad_output * (y - target) / y.numel()
        return grad, -grad


class WeightedCrossEntropyFunction(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(logits, labels, weight)
        log_p = torch.log_softmax(logits, dim=1)
        picked = log_p.gather(1, labels[:, None])[:, 0]
        return -(weight[labels] * picked).sum() / weight[labels].sum()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        logits, labels, weight = ctx.saved_tensors
        one_hot = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        grad = (torch.softmax(logits, dim=1) - one_hot) / weight[labels].sum()
        return grad_output * grad, None, None


@wrong("cross-entropy: the weights of the classes left out", lambda: (rows(5, 3), ids(3, 5)))
class WeightedCrossEntropy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor([0.5, 2.0, 1.0]))

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return WeightedCrossEntropyFunction.apply(logits, labels, self.weight)


@wrong("cross-entropy: not divided by the batch", lambda: (rows(5, 3), ids(3, 5)))
class CrossEntropySum(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        ctx.save_for_backward(logits, labels)
        log_p = torch.log_softmax(logits, dim=1)
        return -log_p[torch.arange(len(labels)), labels].mean()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        logits, labels = ctx.saved_tensors
        grad = torch.softmax(logits, dim=1)
        grad = grad - F.one_hot(labels, logits.shape[1])
        return grad_output * grad, None
