"""A gated recurrent unit: a recurrent layer with gates that say how much of the state stays, and how much is recalled.

T steps, B sequences, D inputs, H hidden size. ⊙ multiplies number by number, σ(a) = 1 / (1 + e⁻ᵃ).

**One step** goes from h_{t−1} to h_t, here for one sequence (the sequences of a batch don't meet). Weights are cut in
three parts of H rows, for r, z and n:

    r = σ(a_r)        a_r = W_ir x_t + b_ir + W_hr h_{t−1} + b_hr     how much of what it recalls it uses
    z = σ(a_z)        a_z = W_iz x_t + b_iz + W_hz h_{t−1} + b_hz     how much of the state stays
    q =                                       W_hn h_{t−1} + b_hn     what it recalls
    n = tanh(a_n)     a_n = W_in x_t + b_in + r ⊙ q                   what is new
    h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}

(r acts on q, after the product with W_hn: torch.nn's form. In the paper's r acts on h_{t−1}, before the product.)

**Backward.** Write dv for ∂L/∂v. A number's gradient is the sum over the places where it is used, each the gradient of
what was made there times how that changes with the number.

1. n and z are used in h_t. With dh_t known:

       dn = dh_t ⊙ (1 − z)        dz = dh_t ⊙ (h_{t−1} − n)

2. Through tanh (tanh′ = 1 − tanh²) to a_n, where r and q are used, in a product:

       da_n = dn ⊙ (1 − n²)       dq = da_n ⊙ r        dr = da_n ⊙ q

3. Through σ (σ′ = σ (1 − σ)):

       da_r = dr ⊙ r (1 − r)      da_z = dz ⊙ z (1 − z)

   Call the two factors, side by side, inside = [r (1 − r), z (1 − z)]. With 1 and 2 put in, each is dh_t times a number
   that is known since the forward pass:

       da_n = dh_t ⊙ to_n                                        to_n = (1 − z) ⊙ (1 − n²)
       (da_r, da_z, dq) = (dh_t, dh_t, dh_t) ⊙ local             da_r: to_n ⊙ q ⊙ r (1 − r)
                                                                 da_z: (h_{t−1} − n) ⊙ z (1 − z)
                                                                 dq:   to_n ⊙ r

   `slopes` makes local, to_n and inside for all steps at once.
4. h_{t−1} is used by step t in four places: in h_t, times z, and in a_r, a_z and q through W_hr, W_hz and W_hn, which
   lie below one another in W_hh. It was also given out (grad_h, which is given):

       dh_{t−1} = grad_h_{t−1} + dh_t ⊙ z + W_hhᵀ (da_r, da_z, dq)

   Start at the last step with dh_T = grad_h_T. What arrives before the first step is dh_0, of the state at the start.
5. The weights are used in every step, so their gradients are sums over the steps of what a linear layer has there. x
   goes into a_r, a_z and a_n, and h_{t−1} into a_r, a_z and q:

       dW_ih = Σ_t (da_r, da_z, da_n) x_tᵀ      db_ih = Σ_t (da_r, da_z, da_n)      dx_t = W_ihᵀ (da_r, da_z, da_n)
       dW_hh = Σ_t (da_r, da_z, dq) h_{t−1}ᵀ    db_hh = Σ_t (da_r, da_z, dq)

   With all steps of all sequences below one another each sum is one matrix product: a linear layer's backward, with
   T·B rows (see `linear.py`).

**In the code.** Rows are sequences, so W h stands as h Wᵀ. σ(a) = ½ + ½ tanh(a/2), so the rows of r and z in W and b
are halved and σ is a tanh. `inner` is (da_r, da_z, dq), what goes to W_hh; `outer` is (da_r, da_z, da_n), what goes to
W_ih; `back` is what step t hands to dh_{t−1}.

**Why the gates, n and q are outputs.** `backward` reads them, and making them again would be a second forward pass. So
they are kept. For a second derivative autograd goes through `backward`, and has to know of each tensor read there how
it depends on x and the weights. It knows that of a Function's inputs and outputs, and of nothing made in between. So
they are given out beside h, though the module uses h alone. A second derivative then brings a gradient for each, as for
any output (otherwise it is None): one more term of dr, dz, dn and dq. `returned` takes them on to inner and da_n.

Sources: Cho et al., "Learning phrase representations using RNN encoder–decoder" (2014); backward through time: Werbos,
"Backpropagation through time" (1990).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.utils.rnn import PackedSequence

from netwright.layers import linear, recurrent
from netwright.layers.precision import keep_precision, precision_of

Outputs = tuple[Tensor, Tensor, Tensor, Tensor]
"""h (T, B, H), r and z side by side (T, B, 2H), n (T, B, H) and q (T, B, H), of all steps."""


def forward(
    x: Tensor,
    h0: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
) -> tuple[Outputs, tuple]:
    """x (T, B, D), h0 (B, H), W_ih (3H, D), W_hh (3H, H), b (3H,) or None → outputs, and what to keep."""
    hidden = h0.shape[1]
    half = h0.new_full((2 * hidden,), 0.5)
    scale = torch.cat([half, h0.new_ones(hidden)])  # halves the rows of r and z: σ(a) = ½ + ½ tanh(½ a); n as it is
    bias_x = None if bias_ih is None else bias_ih * scale
    bias_h = torch.zeros_like(scale) if bias_hh is None else bias_hh * scale
    from_x, _ = linear.forward(x, weight_ih * scale[:, None], bias_x)  # (T, B, 3H)
    weight_h = (weight_hh * scale[:, None]).T
    h, found = h0, []
    for a in from_x.unbind(0):
        a_rz, a_n = a.split([2 * hidden, hidden], 1)
        h_rz, q = torch.addmm(bias_h, h, weight_h).split([2 * hidden, hidden], 1)
        rz = torch.add(half, torch.tanh(a_rz + h_rz), alpha=0.5)
        r, z = rz.chunk(2, 1)
        n = torch.tanh(torch.addcmul(a_n, r, q))
        h = torch.lerp(n, h, z)  # n + z (h − n)
        found.append((h, rz, n, q))
    h, rz, n, q = (torch.stack(part) for part in zip(*found, strict=True))
    return (h, rz, n, q), (x, h0, weight_ih, weight_hh, h, rz, n, q, bias_ih is not None, bias_hh is not None)


def slopes(before: Tensor, rz: Tensor, n: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """h_{t−1}, r and z, n, q of all steps → local (T, B, 3, H), to_n (T, B, H) and inside (T, B, 2H).

    local makes da_r, da_z and dq of dh_t, to_n makes da_n of it (steps 1 to 3); inside is σ′ of r and z (step 3).
    """
    r, z = rz.chunk(2, 2)
    inside = rz * (1 - rz)
    inside_r, inside_z = inside.chunk(2, 2)
    to_n = (1 - z) * (1 - n * n)
    local = torch.stack([to_n * q * inside_r, (before - n) * inside_z, to_n * r], 2)
    return local, to_n, inside


def returned(
    later: tuple[Tensor | None, ...], rz: Tensor, n: Tensor, q: Tensor, inside: Tensor
) -> tuple[Tensor, Tensor]:
    """∂L/∂ of the outputs r and z, n, q → what they add to da_r, da_z, dq (T, B, 3H), and to da_n (T, B, H)."""
    grad_rz, grad_n, grad_q = (torch.zeros_like(o) if g is None else g for g, o in zip(later, (rz, n, q), strict=True))
    da_n = grad_n * (1 - n * n)
    r, _ = rz.chunk(2, 2)
    return torch.cat([(grad_rz + torch.cat([da_n * q, torch.zeros_like(n)], 2)) * inside, grad_q + da_n * r], 2), da_n


def backward(
    grad_outputs: tuple[Tensor | None, ...], cache: tuple, needed: tuple[bool, ...] = (True,) * 6
) -> tuple[Tensor | None, ...]:
    """∂L/∂ of h, of r and z, of n, of q, None for zero → ∂L/∂ of x, h0, W_ih, W_hh, b_ih, b_hh."""
    x, h0, weight_ih, weight_hh, h, rz, n, q, *biased = cache
    grad_h, later = torch.zeros_like(h) if grad_outputs[0] is None else grad_outputs[0], grad_outputs[1:]
    before = torch.cat([h0[None], h[:-1]])
    local, to_n, inside = slopes(before, rz, n, q)
    extra = returned(later, rz, n, q, inside) if any(g is not None for g in later) else None
    stays = rz.chunk(2, 2)[1]
    back, all_dh, all_inner = torch.zeros_like(h0), [], []
    for t in reversed(range(len(x))):
        dh = grad_h[t] + back
        inner = (dh[:, None] * local[t]).flatten(1)  # da_r, da_z and dq (B, 3H)
        inner = inner if extra is None else inner + extra[0][t]
        back = torch.addmm(dh * stays[t], inner, weight_hh)
        all_dh.append(dh)
        all_inner.append(inner)
    dh, inner = torch.stack(all_dh[::-1]), torch.stack(all_inner[::-1])
    da_n = dh * to_n if extra is None else dh * to_n + extra[1]
    outer = torch.cat([inner[:, :, : -h0.shape[1]], da_n], 2)  # da_r, da_z and da_n (T, B, 3H)
    grad_x, grad_ih, grad_b_ih = linear.backward(outer, (x, weight_ih), (needed[0], needed[2], biased[0] and needed[4]))
    _, grad_hh, grad_b_hh = linear.backward(inner, (before, weight_hh), (False, needed[3], biased[1] and needed[5]))
    return grad_x, back, grad_ih, grad_hh, grad_b_ih, grad_b_hh


class GRUFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Outputs:
        """The outputs alone."""
        return forward(*arguments)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Outputs) -> None:
        """Keep what `backward` needs."""
        ctx.set_materialize_grads(False)  # all but h have a gradient in second derivatives alone
        ctx.save_for_backward(*inputs[:4], *output)
        keep_precision(ctx, inputs[0])
        ctx.biased = inputs[4] is not None, inputs[5] is not None

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs, (*ctx.saved_tensors, *ctx.biased), ctx.needs_input_grad)


def layer(x: Tensor, start: recurrent.State, weights: recurrent.Weights) -> recurrent.State:
    """One layer in one direction: x (T, B, D), h (B, H) at the start → h of all steps."""
    return GRUFunction.apply(x, *start, *weights)[:1]


class GRU(nn.Module):
    """torch.nn.GRU, by hand: x (T, B, D) → outputs (T, B, H·S) and the state (L·S, B, H).

    L layers, S directions, one or two. x may be (B, T, D) with `batch_first`, one sequence (T, D), or a PackedSequence.
    `lengths` (B,) says how many steps of each sequence are no padding; outputs are zero there, the state is that of
    each sequence's last step, and no number is read from the device. The pair is called once for each layer and
    direction, so the module has no `arguments` of its own. `backward` reads what the layer gives: after writing into it
    in place, `backward` raises. Raises InputError for sizes below one, for shapes that don't fit, and for a length
    above T (where lengths are on the CPU); InputTypeError for a state or lengths of another kind.

    >>> outputs, h = GRU(3, 8, batch_first=True)(torch.zeros(5, 7, 3))
    >>> outputs.shape, h.shape
    (torch.Size([5, 7, 8]), torch.Size([1, 5, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.mode, self.proj_size = "GRU", 0
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        recurrent.build(self, 3, device, dtype)

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
        outputs, (h,) = recurrent.run(self, layer, 1, input, None if hx is None else (hx,), lengths)
        return outputs, h

    def extra_repr(self) -> str:
        """The sizes, and the options that are not as they come."""
        return recurrent.described(self)
