"""Wrong layers whose numbers are right in the simplest call: they break, or lie, when something else is done.

They are called twice, changed in place, differentiated again, or given float64, fewer rows, or rows that lie otherwise
in memory.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from tests.doctor.zoo.animal import Animal, keeper, rows

CARELESS: dict[str, Animal] = {}
careless = keeper(CARELESS)
FIRST = "first derivative"
IN_PLACE, SAVED, SECOND = "in place", "saved tensors", "second derivative"
TWICE, LAYOUT, BATCH, SINGLE = "called twice", "not contiguous", "other batch sizes", "single rows"
DTYPE, VMAP, SOME = "number types", "torch.func.vmap", "gradients on demand"

# changed in place


@careless("exp: the saved output changed afterwards", lambda: (rows(4, 3),), FIRST, SAVED)
class ExpTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.exp(x)
        ctx.save_for_backward(y)
        y.mul_(2)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return 2 * grad_output * y


@careless("relu: grad_output changed in place", lambda: (rows(4, 3),), IN_PLACE)
class ReLUInPlace(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        grad_x = grad_output
        grad_x[x < 0] = 0
        return grad_x


@careless("softmax: the input changed in place", lambda: (rows(4, 3),), IN_PLACE)
class SoftmaxInPlace(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x.sub_(x.max(dim=1, keepdim=True).values)
        e = torch.exp(x)
        y = e / e.sum(dim=1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return y * (grad_output - (grad_output * y).sum(dim=1, keepdim=True))


def softmax_forward(x: Tensor) -> tuple[Tensor, Tensor]:
    x -= x.max(dim=1, keepdim=True).values
    y = torch.exp(x) / torch.exp(x).sum(dim=1, keepdim=True)
    return y, y


def softmax_backward(dout: Tensor, y: Tensor) -> tuple[Tensor]:
    return (y * (dout - (dout * y).sum(dim=1, keepdim=True)),)


careless("pair: the forward changes its input", lambda: (rows(4, 3),), IN_PLACE)((softmax_forward, softmax_backward))


def tanh_forward(x: Tensor) -> tuple[Tensor, Tensor]:
    y = torch.tanh(x)
    return y, y


def tanh_backward(dout: Tensor, y: Tensor) -> tuple[Tensor]:
    y.pow_(2).neg_().add_(1)
    return (dout * y,)


careless("pair: the backward changes the cache", lambda: (rows(4, 3),), IN_PLACE, SAVED)((tanh_forward, tanh_backward))


# kept where it does not belong


@careless("square: the input kept on the class", lambda: (rows(4, 3),), TWICE)
class SquareOnClass(Function):
    x: Tensor

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        SquareOnClass.x = x
        return x**2

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return 2 * SquareOnClass.x * grad_output


class MaskFromOwner(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, owner: Any) -> Tensor:
        ctx.owner = owner
        owner.mask = x > 0
        return x * owner.mask

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return grad_output * ctx.owner.mask, None


@careless("relu: the mask kept on the module", lambda: (rows(4, 3),), TWICE)
class ReLUOnModule(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return MaskFromOwner.apply(x, self)


class PopFromOwner(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: list) -> Tensor:
        ctx.stack = stack
        stack.append(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        return 2 * ctx.stack.pop() * grad_output, None


@careless("square: a stack of inputs on the module", lambda: (rows(4, 3),), TWICE)
class SquareStack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        return PopFromOwner.apply(x, self.stack)


class Memory:
    """A layer of the kind that every course begins with: it remembers its input."""

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        self.x = x
        return torch.sin(x), None

    def backward(self, grad_output: Tensor, cache: None) -> tuple[Tensor]:
        return (grad_output * torch.cos(self.x),)


memory = Memory()
careless("pair: the input remembered on self", lambda: (rows(4, 3),), TWICE)((memory.forward, memory.backward))


@careless("exp: the output kept as an attribute of ctx", lambda: (rows(4, 3),), SAVED)
class ExpOnContext(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.exp(x)
        ctx.y = y
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return grad_output * ctx.y


@careless("square: the input kept as an attribute of ctx", lambda: (rows(4, 3),), SAVED)
class SquareOnContext(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.x = x
        return x**2

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return 2 * ctx.x * grad_output


# differentiated twice


@careless("sigmoid: an intermediate saved", lambda: (rows(4, 3),), SECOND)
class SigmoidIntermediate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        e = torch.exp(-x)
        ctx.save_for_backward(e)
        return 1 / (1 + e)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (e,) = ctx.saved_tensors
        return grad_output * e / (1 + e) ** 2


@careless("layer norm: x̂ and the deviation saved", lambda: (rows(4, 5),), SECOND)
class LayerNormIntermediate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        rstd = torch.rsqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        x_hat = (x - x.mean(1, keepdim=True)) * rstd
        ctx.save_for_backward(x_hat, rstd)
        return x_hat.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        x_hat, rstd = ctx.saved_tensors
        mean = grad_output.mean(1, keepdim=True)
        return rstd * (grad_output - mean - x_hat * (grad_output * x_hat).mean(1, keepdim=True))


@careless("cosine: a copy of the input saved", lambda: (rows(4, 3),), SECOND)
class CosineOfCopy(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x.clone())
        return torch.cos(x)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return -grad_output * torch.sin(x)


@careless("cube: .data in the backward", lambda: (rows(4, 3),), SECOND)
class CubeOfData(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        x = ctx.saved_tensors[0].data
        return grad_output * 3 * x**2


@careless("product: one factor detached", lambda: (rows(4, 3), rows(4, 3, seed=1)), SECOND)
class ProductDetached(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        a, b = ctx.saved_tensors
        return grad_output * b.detach(), grad_output * a


class SigmoidBackward(Function):
    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(grad_output, y)
        return grad_output * y * (1 - y)

    @staticmethod
    def backward(ctx: Any, grad_grad: Tensor) -> tuple:
        grad_output, y = ctx.saved_tensors
        return grad_grad * y * (1 - y), grad_grad * grad_output * (1 + 2 * y)


@careless("sigmoid: a second backward by hand, wrong sign", lambda: (rows(4, 3),), SECOND)
class SigmoidTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return SigmoidBackward.apply(grad_output, *ctx.saved_tensors)


# shapes, strides, numbers of rows


@careless(
    "linear: .view of a gradient that lies otherwise in memory", lambda: (rows(2, 4, 3), rows(2, 3, seed=1)), LAYOUT
)
class LinearView(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        flat = grad_output.view(-1, weight.shape[0])
        return grad_output @ weight, flat.T @ x.reshape(-1, x.shape[-1])


@careless("moving average: strides of a row written out", lambda: (rows(4, 6),), LAYOUT)
class MovingAverage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        b, n = x.shape
        windows = torch.as_strided(x, (b, n - 2, 3), (n, 1, 1))
        return windows.mean(dim=2)


@careless("mean over the batch: four rows written in", lambda: (rows(4, 3),), BATCH, SINGLE)
class MeanOfFour(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x**2).mean(0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x / 4


@careless("mean over the batch: expanded to four rows", lambda: (rows(4, 3),), BATCH, SINGLE)
class ExpandedToFour(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.mean(0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return (grad_output / 4).expand(4, -1)


@careless("squared loss: divided by the numbers of y, broadcast", lambda: (rows(4, 3), rows(4, 3, seed=1)), "shapes")
class SquaredLoss(Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).mean()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        y, target = ctx.saved_tensors
        grad = grad_output * 2 * (y - target) / y.numel()
        return grad, -grad


@careless("linear: squeezed, so that one row loses its axis", lambda: (rows(4, 3), rows(2, 3, seed=1)), BATCH, SINGLE)
class LinearSqueezed(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return (grad_output @ weight).squeeze(), grad_output.T @ x


@careless("linear: an output of float32 whatever comes", lambda: (rows(4, 3), rows(2, 3, seed=1)), DTYPE, FIRST)
class LinearFloat(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        y = torch.zeros(x.shape[0], weight.shape[0])
        for b in range(x.shape[0]):
            y[b] = weight @ x[b]
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        grad_output = grad_output.to(x.dtype)
        return grad_output @ weight, grad_output.T @ x


@careless("linear: the wrong needs_input_grad", lambda: (rows(4, 3), rows(2, 3, seed=1)), SOME)
class LinearNeeds(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_x = grad_output @ weight
        if ctx.needs_input_grad[0]:
            grad_weight = grad_output.T @ x
        return grad_x, grad_weight


@careless("square: its own vmap rule names the wrong axis", lambda: (rows(3, 3),), VMAP)
class SquareVmap(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x**2

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output

    @staticmethod
    def vmap(info: Any, in_dims: tuple, x: Tensor) -> tuple[Tensor, int]:
        return SquareVmap.apply(x), x.dim() - 1
