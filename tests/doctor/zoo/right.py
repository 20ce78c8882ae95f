"""Right layers: no check may accuse any of them. What one does not support (vmap, a second derivative) is only said.

Not here are those of PyTorch's own whose gradient is no derivative, or whose second one is wrong: CTCLoss of anything
but log-softmax, weight_norm, and spectral_norm in training, which takes its directions for constants.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from netwright.layers import linear as by_hand
from tests.doctor.zoo.animal import Animal, ids, keeper, rows

RIGHT: dict[str, Animal] = {}
right = keeper(RIGHT)

# torch.nn

right("Linear", lambda: (rows(4, 3),))(lambda: nn.Linear(3, 2))
right("Bilinear", lambda: (rows(4, 3), rows(4, 2)))(lambda: nn.Bilinear(3, 2, 2))
right("Conv1d, groups", lambda: (rows(2, 4, 5),))(lambda: nn.Conv1d(4, 4, 3, padding=1, groups=2))
right("Conv2d, stride and padding", lambda: (rows(2, 2, 5, 5),))(lambda: nn.Conv2d(2, 2, 3, stride=2, padding=1))
right("ConvTranspose2d", lambda: (rows(2, 2, 3, 3),))(lambda: nn.ConvTranspose2d(2, 2, 2, stride=2))
right("MaxPool2d", lambda: (rows(2, 2, 4, 4),))(lambda: nn.MaxPool2d(2))
right("MaxPool2d, ties", lambda: (rows(2, 2, 4, 4).clamp(min=0),))(lambda: nn.MaxPool2d(2))
right("AvgPool2d", lambda: (rows(2, 2, 4, 4),))(lambda: nn.AvgPool2d(2))
right("AdaptiveAvgPool2d", lambda: (rows(2, 2, 5, 5),))(lambda: nn.AdaptiveAvgPool2d(2))
right("Flatten", lambda: (rows(2, 2, 3),))(nn.Flatten)
right("Upsample", lambda: (rows(2, 2, 3, 3),))(lambda: nn.Upsample(scale_factor=2))
right("Embedding, repeated ids", lambda: (ids(4, 4, 3),))(lambda: nn.Embedding(4, 2))
right("Embedding, padding", lambda: (ids(4, 4, 3),))(lambda: nn.Embedding(4, 2, padding_idx=0))
right("EmbeddingBag", lambda: (ids(4, 4, 3),))(lambda: nn.EmbeddingBag(4, 2))
right("BatchNorm1d, training", lambda: (rows(6, 3),))(lambda: nn.BatchNorm1d(3))
right("BatchNorm1d, at rest", lambda: (rows(6, 3),))(lambda: nn.BatchNorm1d(3).eval())
right("BatchNorm2d, training", lambda: (rows(3, 2, 2, 2),))(lambda: nn.BatchNorm2d(2))
right("LayerNorm", lambda: (rows(4, 5),))(lambda: nn.LayerNorm(5))
right("GroupNorm", lambda: (rows(2, 4, 3),))(lambda: nn.GroupNorm(2, 4))
right("RMSNorm", lambda: (rows(4, 5),))(lambda: nn.RMSNorm(5))
right("Dropout, training", lambda: (rows(4, 5),))(lambda: nn.Dropout(0.5))
right("Dropout, at rest", lambda: (rows(4, 5),))(lambda: nn.Dropout(0.5).eval())
right("LSTM", lambda: (rows(3, 2, 2),))(lambda: nn.LSTM(2, 2))
right("GRU, batch first, two directions", lambda: (rows(2, 3, 2),))(
    lambda: nn.GRU(2, 2, batch_first=True, bidirectional=True)
)
right("LSTMCell with a state", lambda: (rows(3, 2), (rows(3, 2), rows(3, 2, seed=1))))(lambda: nn.LSTMCell(2, 2))
right("MultiheadAttention", lambda: (rows(2, 3, 4), rows(2, 3, 4, seed=1), rows(2, 3, 4, seed=2)))(
    lambda: nn.MultiheadAttention(4, 2, batch_first=True)
)
right("TransformerEncoderLayer", lambda: (rows(2, 3, 4),))(
    lambda: nn.TransformerEncoderLayer(4, 2, 5, dropout=0.1, batch_first=True)
)
right("ReLU, at its kink", lambda: (torch.tensor([[0.0, -1.0, 2.0], [0.0, 0.0, 1.0]]),))(nn.ReLU)
right("ReLU, in place", lambda: (rows(4, 3),))(lambda: nn.ReLU(inplace=True))
right("Hardtanh, at its kinks", lambda: (torch.tensor([[-1.0, 1.0, 0.0], [-2.0, 2.0, 0.5]]),))(nn.Hardtanh)
right("PReLU", lambda: (rows(4, 3),))(nn.PReLU)
right("GELU", lambda: (rows(4, 3),))(nn.GELU)
right("Softplus, large values", lambda: (rows(4, 3) * 1e4,))(nn.Softplus)
right("Softmax over the batch", lambda: (rows(4, 3),))(lambda: nn.Softmax(dim=0))
right("LogSoftmax, large values", lambda: (rows(4, 3) * 1e3,))(lambda: nn.LogSoftmax(dim=1))
right("L1Loss, some equal", lambda: (rows(4, 3), rows(4, 3).index_fill(0, torch.tensor([1]), 0.5)))(nn.L1Loss)
right("SmoothL1Loss", lambda: (rows(4, 3), rows(4, 3, seed=1)))(nn.SmoothL1Loss)
right("CrossEntropyLoss", lambda: (rows(5, 3), ids(3, 5)))(lambda: nn.CrossEntropyLoss(label_smoothing=0.1))
right("BCEWithLogitsLoss", lambda: (rows(4, 3), rows(4, 3, seed=1).sigmoid()))(nn.BCEWithLogitsLoss)
right("CosineSimilarity", lambda: (rows(4, 3), rows(4, 3, seed=1)))(nn.CosineSimilarity)
right("Identity", lambda: (rows(4, 3),))(nn.Identity)
right("GLU", lambda: (rows(4, 6),))(nn.GLU)
right("Threshold, at its step", lambda: (torch.tensor([[0.5, 1.0], [-1.0, 2.0]]),))(lambda: nn.Threshold(0.5, 0.0))
right("Hardshrink, at its jump", lambda: (torch.tensor([[0.5, 1.0], [-0.5, 2.0]]),))(nn.Hardshrink)
right("spectral norm, at rest", lambda: (rows(4, 3),))(
    lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)).eval()
)
right("a lazy layer", lambda: (rows(4, 3),))(lambda: nn.LazyLinear(2))
right("a network", lambda: (rows(6, 3),))(
    lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(4, 2))
)

# the hand-written ones

right("Linear by hand", lambda: (rows(4, 3),))(lambda: by_hand.Linear(3, 2))
right("Linear by hand, its Function", lambda: (rows(4, 3), rows(2, 3, seed=1), rows(2, seed=2)))(by_hand.LinearFunction)
right("Linear by hand, no bias", lambda: (rows(4, 3), rows(2, 3, seed=1), None))(by_hand.LinearFunction)
right("Linear by hand, its pair", lambda: (rows(4, 3), rows(2, 3, seed=1), rows(2, seed=2)))(
    (by_hand.forward, by_hand.backward)
)


# as tutorials write them


@right("exp", lambda: (rows(4, 3),))
class Exp(Function):
    @staticmethod
    def forward(ctx: Any, i: Tensor) -> Tensor:
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (result,) = ctx.saved_tensors
        return grad_output * result


@right("third Legendre polynomial", lambda: (rows(4, 3),))
class LegendrePolynomial3(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


@right("relu", lambda: (rows(4, 3),))
class ReLU(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


@right("relu in place, marked", lambda: (rows(4, 3),))
class ReLUMarked(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad_output * (y > 0)


@right("square, differentiable once", lambda: (rows(4, 3),))
class SquareOnce(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


@right("sine by numpy", lambda: (rows(4, 3),))
class NumpySine(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.from_numpy(grad_output.numpy() * np.cos(x.numpy()))


@right("sine by numpy, without saying that it goes once", lambda: (rows(4, 3),))
class NumpySineUnsaid(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.new_tensor(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output.new_tensor(grad_output.detach().numpy() * np.cos(x.detach().numpy()))


@right("polar: two outputs", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class Polar(Function):
    @staticmethod
    def forward(ctx: Any, radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(radius, angle)
        return radius * torch.cos(angle), radius * torch.sin(angle)

    @staticmethod
    def backward(ctx: Any, grad_x: Tensor, grad_y: Tensor) -> tuple:
        radius, angle = ctx.saved_tensors
        cos, sin = torch.cos(angle), torch.sin(angle)
        return grad_x * cos + grad_y * sin, radius * (grad_y * cos - grad_x * sin)


@right("sort: an integer output", lambda: (rows(4, 3),))
class Sort(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        values, places = x.sort(dim=1)
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(places)
        return values, places

    @staticmethod
    def backward(ctx: Any, grad_values: Tensor, grad_places: Tensor) -> Tensor:
        (places,) = ctx.saved_tensors
        return torch.zeros_like(grad_values).scatter(1, places, grad_values)


@right("sum with broadcasting, reduced", lambda: (rows(4, 3), rows(3, seed=1)))
class BroadcastSum(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.shapes = a.shape, b.shape
        return a + b

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        a, b = ctx.shapes
        return grad_output.sum_to_size(a), grad_output.sum_to_size(b)


@right("product with a scalar", lambda: (rows(4, 3), rows(seed=1)))
class ScalarProduct(Function):
    @staticmethod
    def forward(x: Tensor, a: Tensor) -> Tensor:
        return x * a

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, a = ctx.saved_tensors
        return grad_output * a, (grad_output * x).sum()


@right("mean with options of every kind", lambda: (rows(4, 3), 1, True, None, "mean"))
class Reduced(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int, keep: bool, weight: Tensor | None, how: str) -> Tensor:
        assert weight is None
        ctx.axis, ctx.keep, ctx.shape, ctx.how = axis, keep, x.shape, how
        return x.mean(axis, keepdim=keep) if how == "mean" else x.sum(axis, keepdim=keep)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        g = grad_output if ctx.keep else grad_output.unsqueeze(ctx.axis)
        count = ctx.shape[ctx.axis] if ctx.how == "mean" else 1
        return g.expand(ctx.shape) / count, None, None, None, None


@right("gradients only where they are needed", lambda: (rows(4, 3), rows(2, 3, seed=1)))
class LinearNeeded(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.set_materialize_grads(False)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor | None) -> tuple:
        x, weight = ctx.saved_tensors
        if grad_output is None:
            return None, None
        grad_x = grad_output @ weight if ctx.needs_input_grad[0] else None
        return grad_x, grad_output.T @ x if ctx.needs_input_grad[1] else None


class SigmoidSlope(Function):
    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(grad_output, y)
        return grad_output * y * (1 - y)

    @staticmethod
    def backward(ctx: Any, grad_grad: Tensor) -> tuple:
        grad_output, y = ctx.saved_tensors
        return grad_grad * y * (1 - y), grad_grad * grad_output * (1 - 2 * y)


@right("sigmoid with a second backward by hand", lambda: (rows(4, 3),))
class SigmoidTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return SigmoidSlope.apply(grad_output, *ctx.saved_tensors)


@right("an input the output does not depend on", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class Ignores(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, unused: Tensor) -> Tensor:
        return 3 * x

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return 3 * grad_output, None


@right("squared loss of a batch", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class SquaredLoss(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).mean()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        y, target = ctx.saved_tensors
        difference = y - target
        grad = grad_output * 2 * difference / difference.numel()
        return grad, -grad


class EmbeddingFunction(Function):
    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.words = len(weight)
        return weight[ids]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        (ids,) = ctx.saved_tensors
        flat = grad_output.flatten(0, -2)
        return None, flat.new_zeros(ctx.words, flat.shape[1]).index_add(0, ids.flatten(), flat)


@right("embedding of one's own", lambda: (ids(5, 4, 3),))
class OwnEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return EmbeddingFunction.apply(ids, self.weight)


# pairs


def affine_forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, tuple]:
    return x.flatten(1) @ w + b, (x, w, b)


def affine_backward(dout: Tensor, cache: tuple) -> tuple:
    x, w, _ = cache
    return (dout @ w.T).reshape(x.shape), x.flatten(1).T @ dout, dout.sum(0)


right("pair: affine", lambda: (rows(4, 2, 3), rows(6, 2, seed=1), rows(2, seed=2)))((affine_forward, affine_backward))


def layernorm_forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> tuple[Tensor, tuple]:
    std = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def layernorm_backward(dout: Tensor, cache: tuple) -> tuple:
    x_hat, std, gamma = cache
    g = dout * gamma
    dx = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return dx, (dout * x_hat).sum(0), dout.sum(0), None


right("pair: layer norm, an option left at its default", lambda: (rows(4, 5), rows(5, seed=1), rows(5, seed=2)))(
    (layernorm_forward, layernorm_backward)
)


def sine_forward(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.sin(x), x


def sine_backward(dout: Tensor, x: Tensor) -> Tensor:
    return dout * torch.cos(x)


right("pair: one gradient, no tuple", lambda: (rows(4, 3),))((sine_forward, sine_backward))


# modules with something in them


@right("clamp, exactly at its limits", lambda: (torch.tensor([[0.0, 1.0], [-1.0, 2.0], [0.5, 1.0]]),))
class Clamped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0, 1)


@right("a norm computed in float32 whatever comes", lambda: (rows(4, 3),))
class NormInFloat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


@right("positions, so that there are four rows at most", lambda: (rows(4, 3),))
class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table


@right("square root near 0", lambda: (torch.tensor([[1e-4, 1e-3], [1e-2, 1.0]]),))
class Root(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.abs().sqrt()


@right("normal numbers and very large ones", lambda: (rows(4, 3) * torch.tensor([1e-3, 1.0, 1e5]),))
class Scaled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / (1 + x.abs())


@right("rows are mixed", lambda: (rows(4, 3),))
class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


@right("refuses an empty batch", lambda: (rows(4, 3),))
class Refuses(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 0:
            raise ValueError("no rows")
        return x.max(dim=0).values


@right("two inputs of one batch, an attention mask", lambda: (rows(2, 3, 4), torch.tensor([[1, 1, 0], [1, 1, 1]]) > 0))
class Masked(nn.Module):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        scores = (x @ x.transpose(1, 2)).masked_fill(~mask[:, None, :], -math.inf)
        return F.softmax(scores, dim=-1) @ x


@right("parameters and buffers", lambda: (rows(4, 3),))
class Standardised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]))
        self.register_buffer("calls", torch.tensor(0))
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return (x - self.mean) * self.scale


@right("a dict of outputs", lambda: (rows(4, 3),))
class Named(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"sine": torch.sin(x), "place": x.argmax(dim=1)}


@right("a frozen parameter", lambda: (rows(4, 3),))
class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


@right("noise of its own", lambda: (rows(4, 3),))
class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.randn_like(x) if self.training else x


@right("a spectrum", lambda: (rows(4, 6),))
class Spectrum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.irfft(torch.fft.rfft(x) * self.gain, n=x.shape[1])


class KeptMask(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        mask = torch.from_numpy(np.random.rand(*x.shape)).to(x.dtype).round()
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return grad_output * ctx.saved_tensors[0]


right("dropout with numpy's random numbers, the mask kept", lambda: (rows(4, 3),))(KeptMask)


@right("a linear system", lambda: (rows(3, 3) + 3 * torch.eye(3), rows(3, 2, seed=1)))
class Solve(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.linalg.solve(a, b)


@right("a grid is sampled", lambda: (rows(2, 1, 4, 4), rows(2, 3, 3, 2, seed=1) / 3))
class Sampled(nn.Module):
    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(x, grid, align_corners=False)


@right("computed again in the backward", lambda: (rows(4, 3),))
class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.body, x, use_reentrant=False)


@right("a view of its input", lambda: (rows(4, 3),))
class FirstColumns(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2]


@right("the same whatever comes", lambda: (rows(4, 3),))
class Prototype(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(len(x), 2)


@right("median and largest", lambda: (rows(4, 5),))
class Ranks(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.median(dim=1).values, x.topk(2, dim=1).values


@right("CTC loss of logits, with lengths", lambda: (rows(5, 2, 4), ids(3, 2, 2) + 1, torch.tensor([5, 4])))
class Transcript(nn.Module):
    def forward(self, logits: Tensor, letters: Tensor, steps: Tensor) -> Tensor:
        return F.ctc_loss(F.log_softmax(logits, dim=2), letters, steps, torch.full_like(steps, letters.shape[1]))


@right("squared loss, None for the target", lambda: (rows(4, 3), rows(4, 3, seed=1)))
class SquaredLossOfFixedTarget(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).sum()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        y, target = ctx.saved_tensors
        return (2 * grad_output * (y - target)).sum_to_size(y.shape), None


# complex numbers


class SpectralFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x)
        ctx.save_for_backward(spectrum, weight)
        ctx.n = x.shape[-1]
        return torch.fft.irfft(spectrum * weight, n=ctx.n)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        spectrum, weight = ctx.saved_tensors
        grad = torch.fft.rfft(grad_output)
        twice = torch.full((spectrum.shape[-1],), 2.0, dtype=grad_output.dtype)
        twice[0] = 1
        if ctx.n % 2 == 0:
            twice[-1] = 1
        grad_weight = (grad * spectrum.conj() * twice / ctx.n).flatten(0, -2).sum(0)
        return torch.fft.irfft(grad * weight.conj(), n=ctx.n), grad_weight


@right("spectral filter, a complex weight", lambda: (rows(4, 6),))
class Spectral(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return SpectralFunction.apply(x, self.weight)


@right("the imaginary part, a complex buffer", lambda: (rows(4, 3),))
class Imaginary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("turn", torch.tensor([1j, 2 + 1j, 0.5 - 1j]))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.turn).imag


def cosine_forward(a: Tensor, b: Tensor) -> tuple:
    lengths = a.norm(dim=-1) * b.norm(dim=-1)
    return (a * b).sum(-1) / lengths, (a, b)


def cosine_backward(dout: Tensor, cache: tuple) -> tuple:
    a, b = cache
    la, lb = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    y, g = (a * b).sum(-1, keepdim=True) / (la * lb), dout[..., None]
    return g * (b / lb - y * a / la) / la, g * (a / la - y * b / lb) / lb


right("pair: cosine, which takes the length along an axis", lambda: (rows(4, 5), rows(4, 5, seed=1)))(
    (cosine_forward, cosine_backward)
)
