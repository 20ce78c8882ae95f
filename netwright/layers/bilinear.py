"""A bilinear layer: each output is a weighted sum of all products of a number of one input with one of another.

B rows, I and J inputs, O outputs.

    y_bo = Σ_i Σ_j W_oij u_bi v_bj + b_o          a linear layer of the products p_bij = u_bi v_bj

g = ∂L/∂y is given. As for a linear layer, a number has a part in those outputs whose sum it stands in:

    ∂L/∂W_oij = Σ_b g_bo p_bij             W_oij is in output o of every row
    ∂L/∂b_o   = Σ_b g_bo
    q_bij = ∂L/∂p_bij = Σ_o g_bo W_oij     p_bij is in all outputs of row b

and on to the inputs: u_bi is in the products with every v_bj, and ∂p_bij/∂u_bi = v_bj; likewise v:

    ∂L/∂u_bi = Σ_j q_bij v_bj              ∂L/∂v_bj = Σ_i q_bij u_bi

Source: Tenenbaum and Freeman, "Separating style and content with bilinear models" (2000).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.init import uniform_
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of

Cache = tuple[Tensor, Tensor, Tensor, bool]


def products(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """u (…, I), v (…, J) → u (B, I), v (B, J), and p (B, I·J)."""
    rows = math.prod(u.shape[:-1])
    u, v = u.reshape(rows, u.shape[-1]), v.reshape(rows, v.shape[-1])
    return u, v, (u.unsqueeze(2) * v.unsqueeze(1)).reshape(rows, u.shape[1] * v.shape[1])


def forward(u: Tensor, v: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Cache]:
    """u (…, I), v (…, J), weight (O, I, J), bias (O,) or None → y (…, O), and what `backward` needs."""
    *_, pairs = products(u, v)
    y = pairs @ weight.flatten(1).T
    y = y if bias is None else y + bias
    return y.reshape(*u.shape[:-1], len(weight)), (u, v, weight, bias is not None)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True, True)
) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O) → ∂L/∂u (…, I), ∂L/∂v (…, J), ∂L/∂W (O, I, J), ∂L/∂b (O,); None for those that are not needed."""
    *inputs, weight, biased = cache
    u, v, pairs = products(*inputs)
    g = grad_output.reshape(len(u), len(weight))
    grad_weight = (g.T @ pairs).reshape(weight.shape) if needed[2] else None
    grad_bias = g.sum(0) if biased and needed[3] else None
    if not (needed[0] or needed[1]):
        return None, None, grad_weight, grad_bias
    q = (g @ weight.flatten(1)).reshape(len(u), *weight.shape[1:])  # (B, I, J)
    grad_u, grad_v = (q @ v.unsqueeze(2)).squeeze(2), (u.unsqueeze(1) @ q).squeeze(1)
    return grad_u.reshape(inputs[0].shape), grad_v.reshape(inputs[1].shape), grad_weight, grad_bias


class BilinearFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, v: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The output alone."""
        return own(forward(u, v, weight, bias)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        ctx.save_for_backward(*inputs[:3])
        ctx.biased = inputs[3] is not None
        keep_precision(ctx, inputs[0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.biased), ctx.needs_input_grad)


class Bilinear(nn.Module):
    """torch.nn.Bilinear, by hand: u (…, in1_features), v (…, in2_features) → (…, out_features).

    Weights start uniform in ±1/√in1_features, drawn as torch.nn draws them. Raises InputError for in1_features below 1,
    and for inputs of other sizes.

    >>> Bilinear(3, 4, 2)(torch.zeros(5, 3), torch.zeros(5, 4)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if in1_features < 1:
            raise InputError(
                "A bilinear layer needs an input.",
                got=f"in1_features={in1_features}",
                wanted="1 or more",
                fix="Give the size of the first input's last axis as in1_features.",
            )
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        bound = 1 / math.sqrt(self.in1_features)
        uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            uniform_(self.bias, -bound, bound)

    def arguments(self, input1: Tensor, input2: Tensor) -> tuple:
        """What the pair is called with."""
        leading, sizes = input1.shape[:-1], (input1.shape[-1], input2.shape[-1])
        if leading != input2.shape[:-1] or sizes != (self.in1_features, self.in2_features):
            raise InputError(
                "The two inputs do not fit this bilinear layer, or each other.",
                got=f"inputs of shapes {tuple(input1.shape)} and {tuple(input2.shape)}",
                wanted=f"(…, {self.in1_features}) and (…, {self.in2_features}) with the same axes in front",
                fix="Give the sizes of the last axes as in1_features and in2_features, and both inputs the same rows.",
            )
        return input1, input2, self.weight, self.bias

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """(…, in1_features), (…, in2_features) → (…, out_features)."""
        return BilinearFunction.apply(*self.arguments(input1, input2))

    def extra_repr(self) -> str:
        """The sizes."""
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{sizes}, out_features={self.out_features}, bias={self.bias is not None}"
