"""Max pooling: the largest number of each window, channel by channel.

Small letters count, from 0, what capitals say the number of: b of B images, c of C channels, row h of H and column v of
W of the image, window p of P and q of Q along rows and columns, place (i, j) of a window. Stride s, dilation d and
margin m (`padding`: rows of −∞, which is never the largest, before the first one) for rows and columns apart; one
letter here.

    y_bcpq = max_ij x_bchv                      with h = sp + di − m and v = sq + dj − m

Near x, y_bcpq is a copy of the one number that is largest, and does not change with the others: ∂y_bcpq/∂x_bchv is 1
if (h, v) is its place, which we call n_bcpq, and 0 elsewhere. By the chain rule, with the loss L and g = ∂L/∂y given,

    ∂L/∂x_bchv = Σ_pq g_bcpq ∂y_bcpq/∂x_bchv = Σ_pq g_bcpq      over the windows (p, q) with n_bcpq = (h, v)

Where several are equal the first is taken, row by row (y has a corner there, and any of them gives a subgradient), and
where some are no number the last of these. n is an output, as one number hW + v for each window. It is a whole number
and has no gradient; near x it does not change, so ∂L/∂x changes with g alone, and its own derivatives by x are 0.

Source: Ranzato, Huang, Boureau and LeCun, "Unsupervised learning of invariant feature hierarchies" (2007).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.windows import Pair, check_steps, count_windows, padded, places, several, size_of

Cache = tuple[Tensor, Pair]


def forward(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[tuple[Tensor, Tensor], Cache]:
    """x (…, H, W) → y and n (…, P, Q); n and (H, W) are kept."""
    height, width = size_of(x)
    options = zip((height, width), kernel, stride, padding, dilation, strict=True)
    rows, columns = (count_windows(*axis, ceil_mode) for axis in options)
    count = rows, columns
    lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    wide = padded(x, count, kernel, stride, padding, dilation, lowest)
    starts = [torch.arange(n, device=x.device) * s - p for n, s, p in zip(count, stride, padding, strict=True)]
    inside = [-((starts[a].clamp(max=0)) // dilation[a]) * dilation[a] for a in (0, 1)]  # the first that is no padding
    index = (inside[0][:, None] * width + inside[1]).int()  # counted from the window's first place; int is quicker
    (_, _, y), *others = places(wide, count, kernel, stride, dilation)
    for i, j, here in others:
        index = torch.where((here > y) | here.isnan(), i * width + j, index)
        y = torch.maximum(y, here)
    index = (starts[0][:, None] * width + starts[1] + index).expand(y.shape)
    if not others:  # y is a view of x, and the index one number in many places: neither could be written into
        y, index = y.clone(), index.contiguous()
    return (y, index), (index, (height, width))


def backward(grad_outputs: tuple[Tensor, Any], cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, P, Q), and nothing for n → ∂L/∂x (…, H, W)."""
    (g, _), (index, (height, width)) = grad_outputs, cache
    nothing = g.new_zeros(*g.shape[:-2], height * width)
    grad_x = nothing.scatter_add(-1, index.flatten(-2), g.flatten(-2)).unflatten(-1, (height, width))
    return grad_x, None, None, None, None, None


class MaxPool2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
        """The outputs alone."""
        return forward(x, *options)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        """Keep what `backward` needs."""
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.size = tuple(inputs[0].shape[-2:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        y, index = grad_outputs
        return backward((y, index), (*ctx.saved_tensors, ctx.size))


class MaxPool2d(nn.Module):
    """torch.nn.MaxPool2d, by hand: x (…, H, W) → (…, P, Q), and with `return_indices` where each was found, hW + v.

    P = ⌊(H + 2 padding − dilation (kernel_size − 1) − 1) / stride⌋ + 1, or rounded up with `ceil_mode`; the stride is
    the kernel's size unless given.

    >>> MaxPool2d(2)(torch.arange(16.0).reshape(1, 4, 4))
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode
        check_steps(*self.sizes())

    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Kernel, stride, padding and dilation, each for both axes."""
        kernel, stride, padding, dilation = self.kernel_size, self.stride, self.padding, self.dilation
        return several(kernel, 2), several(stride, 2), several(padding, 2), several(dilation, 2)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, *self.sizes(), self.ceil_mode

    def answer(self, outputs: tuple[Tensor, Tensor]) -> Tensor | tuple[Tensor, Tensor]:
        """The largest numbers, and with `return_indices` their places."""
        return outputs if self.return_indices else outputs[0]

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(…, H, W) → (…, P, Q)."""
        return self.answer(MaxPool2dFunction.apply(*self.arguments(input)))

    def extra_repr(self) -> str:
        """The options."""
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{sizes}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"
