"""A plain recurrent layer: the state is made anew in each step from the input and the state before.

T steps, B sequences, D inputs, H hidden size. ⊙ multiplies number by number.

**One step** goes from h_{t−1} to h_t, here for one sequence (the sequences of a batch don't meet); φ is tanh or relu:

    a_t = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh
    h_t = φ(a_t)

**Backward.** Write dv for ∂L/∂v. A number's gradient is the sum over the places where it is used.

1. h_t is given out (grad_h_t, which is given) and used by step t+1, inside a_{t+1}, through W_hh:

       dh_t = grad_h_t + W_hhᵀ da_{t+1}

2. a_t is used in h_t alone. tanh′ = 1 − tanh², and relu′ is 1 where its output is above zero, else 0: to know the
   output is enough.

       da_t = dh_t ⊙ (1 − h_t²)    or    da_t = dh_t ⊙ [h_t > 0]

   From the last step (da_{T+1} = 0) to the first. What then arrives at the start is dh_0 = W_hhᵀ da_1.
3. The weights are used in every step, so their gradients are sums over the steps of what a linear layer has there:

       dW_ih = Σ_t da_t x_tᵀ    dW_hh = Σ_t da_t h_{t−1}ᵀ    db_ih = db_hh = Σ_t da_t    dx_t = W_ihᵀ da_t

   With all da_t below one another, a row for each step of each sequence, each sum is one matrix product: a linear
   layer's backward, with T·B rows (see `linear.py`).

From 1 and 2, each step back multiplies by W_hhᵀ and by φ′: over many steps gradients die out, or grow without bound.

Sources: Elman, "Finding structure in time" (1990); Werbos, "Backpropagation through time" (1990); on gradients that
vanish: Bengio, Simard and Frasconi (1994).
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.utils.rnn import PackedSequence

from netwright.core.errors import InputError
from netwright.layers import linear, recurrent
from netwright.layers.precision import keep_precision, precision_of


def forward(
    x: Tensor,
    h0: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, tuple]:
    """x (T, B, D), h0 (B, H), W_ih (H, D), W_hh (H, H), b (H,) or None → h of all steps (T, B, H), and what to keep."""
    from_x, _ = linear.forward(x, weight_ih, recurrent.both(bias_ih, bias_hh))  # (T, B, H)
    h, found = h0, []
    for a in from_x.unbind(0):
        a = torch.addmm(a, h, weight_hh.T)
        h = torch.tanh(a) if nonlinearity == "tanh" else a.clamp(min=0)
        found.append(h)
    outputs = torch.stack(found)
    return outputs, (x, h0, weight_ih, weight_hh, outputs, bias_ih is not None, bias_hh is not None, nonlinearity)


def backward(grad_outputs: Tensor, cache: tuple, needed: tuple[bool, ...] = (True,) * 7) -> tuple[Tensor | None, ...]:
    """∂L/∂h (T, B, H) → ∂L/∂ of x, h0, W_ih, W_hh, b_ih, b_hh, and None for the nonlinearity."""
    x, h0, weight_ih, weight_hh, outputs, *biased, nonlinearity = cache
    slopes = 1 - outputs * outputs if nonlinearity == "tanh" else (outputs > 0).to(outputs.dtype)
    da, found = torch.zeros_like(h0), []
    for t in reversed(range(len(x))):
        da = torch.addmm(grad_outputs[t], da, weight_hh) * slopes[t]
        found.append(da)
    steps = torch.stack(found[::-1])  # (T, B, H)
    before = torch.cat([h0[None], outputs[:-1]])
    wanted = biased[0] and needed[4], biased[1] and needed[5]
    grad_x, grad_ih, grad_b = linear.backward(steps, (x, weight_ih), (needed[0], needed[2], any(wanted)))
    _, grad_hh, _ = linear.backward(steps, (before, weight_hh), (False, needed[3], False))
    return grad_x, da @ weight_hh, grad_ih, grad_hh, *(grad_b if one else None for one in wanted), None


class RNNFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        """The outputs alone."""
        return forward(*arguments)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        ctx.save_for_backward(*inputs[:4], output)
        keep_precision(ctx, inputs[0])
        ctx.options = inputs[4] is not None, inputs[5] is not None, inputs[6]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        with precision_of(ctx):
            return backward(grad_output, (*ctx.saved_tensors, *ctx.options), ctx.needs_input_grad)


def layer(x: Tensor, start: recurrent.State, weights: recurrent.Weights, nonlinearity: str) -> recurrent.State:
    """One layer in one direction: x (T, B, D), h (B, H) at the start → h of all steps."""
    return (RNNFunction.apply(x, *start, *weights, nonlinearity),)


class RNN(nn.Module):
    """torch.nn.RNN, by hand: x (T, B, D) → outputs (T, B, H·S) and the state (L·S, B, H).

    L layers, S directions, one or two. x may be (B, T, D) with `batch_first`, one sequence (T, D), or a PackedSequence.
    `lengths` (B,) says how many steps of each sequence are no padding; outputs are zero there, the state is that of
    each sequence's last step, and no number is read from the device. The pair is called once for each layer and
    direction, so the module has no `arguments` of its own. `backward` reads what the layer gives: after writing into it
    in place, `backward` raises. Raises InputError for sizes below one, for shapes that don't fit, for a length above T
    (where lengths are on the CPU), and for a nonlinearity other than tanh and relu; InputTypeError for a state or
    lengths of another kind.

    >>> outputs, h = RNN(3, 8, num_layers=2)(torch.zeros(7, 5, 3))
    >>> outputs.shape, h.shape
    (torch.Size([7, 5, 8]), torch.Size([2, 5, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if nonlinearity not in ("tanh", "relu"):
            raise InputError(
                "A plain recurrent layer has one of two nonlinearities.",
                got=f"nonlinearity={nonlinearity!r}",
                wanted='"tanh" or "relu"',
                fix="Correct nonlinearity.",
            )
        self.mode, self.nonlinearity, self.proj_size = f"RNN_{nonlinearity.upper()}", nonlinearity, 0
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        recurrent.build(self, 1, device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights anew, uniform in ±1/√hidden_size."""
        recurrent.draw(self)

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """W_ih, W_hh and the biases of each layer and direction."""
        return recurrent.all_weights(self)

    def flatten_parameters(self) -> None:
        """Nothing to do: it is there for those who call it."""

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """The outputs of the last layer, packed if x was, and the state after the last step of all."""
        one = partial(layer, nonlinearity=self.nonlinearity)
        outputs, (h,) = recurrent.run(self, one, 1, input, None if hx is None else (hx,), lengths)
        return outputs, h

    def extra_repr(self) -> str:
        """The sizes, and the options that are not as they come."""
        return recurrent.described(self)
