"""A long short-term memory: a recurrent layer with a cell beside its state, and gates that say what the cell keeps.

T steps, B sequences, D inputs, H hidden size. ⊙ multiplies number by number, σ(a) = 1 / (1 + e⁻ᵃ).

**One step** goes from h_{t−1} and c_{t−1} to h_t and c_t. Here for one sequence; the sequences of a batch don't meet:

    a_t = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh           (4H,), cut into a_i, a_f, a_g and a_o of H numbers each
    i = σ(a_i)    f = σ(a_f)    g = tanh(a_g)    o = σ(a_o)    gates: write, keep; what to write; show
    c_t = f ⊙ c_{t−1} + i ⊙ g
    h_t = o ⊙ tanh(c_t)

**Backward.** Write dv for ∂L/∂v. A number's gradient is the sum over the places where it is used, each the gradient
of what was made there times how that changes with the number. So ask of each number where it is used.

1. h_t is given out (the gradient of that is given: grad_h_t) and used by step t+1, inside a_{t+1}, through W_hh:

       dh_t = grad_h_t + W_hhᵀ da_{t+1}

2. c_t is used in h_t = o ⊙ tanh(c_t), where tanh′ = 1 − tanh², and by step t+1 in c_{t+1} = f_{t+1} ⊙ c_t + …; it is
   given out as well (the last one is part of the state, hence grad_c_t, mostly zero):

       dc_t = grad_c_t + dh_t ⊙ through_t + dc_{t+1} ⊙ f_{t+1}        through_t = o ⊙ (1 − tanh²(c_t))

3. Each gate is used once, in a product, so its gradient is that of the product times its partner:

       di = dc_t ⊙ g        df = dc_t ⊙ c_{t−1}        dg = dc_t ⊙ i        do = dh_t ⊙ tanh(c_t)

4. From a gate to what is inside it. σ′ = σ (1 − σ), so with the gates' values alone:

       da_i = di ⊙ i (1 − i)    da_f = df ⊙ f (1 − f)    da_g = dg ⊙ (1 − g²)    da_o = do ⊙ o (1 − o)

   Call these four factors, side by side, inside_t = [i (1 − i), f (1 − f), 1 − g², o (1 − o)]. With 3 put in:

       da_t = [dc_t, dc_t, dc_t, dh_t] ⊙ local_t        local_t = [g, c_{t−1}, i, tanh(c_t)] ⊙ inside_t

   All of through, inside and local is known since the forward pass: `slopes` makes them for all steps at once. Then on
   to step t−1, which needs W_hhᵀ da_t (in 1) and dc_t ⊙ f_t (in 2). Nothing comes after the last step, so da and dc
   start as zero. What arrives before the first step belongs to the state given at the start:

       dh_0 = W_hhᵀ da_1        dc_0 = dc_1 ⊙ f_1

5. The weights are used in every step, so their gradients are sums over the steps, of what a linear layer has there
   (see `linear.py`), each a column times a row:

       dW_ih = Σ_t da_t x_tᵀ    dW_hh = Σ_t da_t h_{t−1}ᵀ    db_ih = db_hh = Σ_t da_t    dx_t = W_ihᵀ da_t

   Put all da_t below one another, a row for each step of each sequence: A (T·B, 4H). Likewise X and H₋. A sum of
   columns times rows is what a matrix product is: dW_ih = Aᵀ X, dW_hh = Aᵀ H₋, and dX = A W_ih. One product each, after
   the loop, for the sums need nothing from one step to the next; only da_t does.

**In the code.** Rows are sequences, so W h stands as h Wᵀ and Wᵀ da as da W. The share of x in a_t is one product for
all steps. As σ(a) = ½ + ½ tanh(a/2), one tanh does for all four gates if the rows of i, f and o in W and b are halved.

**Why the gates are outputs.** `backward` reads the gates, and making them again would be a second forward pass. So
they are kept. For a second derivative autograd goes through `backward`, and has to know of each tensor read there how
it depends on x and the weights. It knows that of a Function's inputs and outputs, and of nothing made in between. So
the gates are given out beside h and c, though the module uses h and c alone. A second derivative then brings a gradient
for the gates, as for any output (otherwise it is None). It is one more term of di, df, dg and do in 3, so of da_t in 4:
`extra` = grad_gates ⊙ inside.

Sources: Hochreiter and Schmidhuber, "Long short-term memory" (1997); the forget gate: Gers, Schmidhuber and Cummins,
"Learning to forget" (2000); backward through time: Werbos, "Backpropagation through time" (1990).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.utils.rnn import PackedSequence

from netwright.core.errors import InputError
from netwright.layers import linear, recurrent
from netwright.layers.precision import keep_precision, precision_of

Outputs = tuple[Tensor, Tensor, Tensor]
"""h (T, B, H), c (T, B, H) and the gates i, f, g, o side by side (T, B, 4H), of all steps."""


def forward(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
) -> tuple[Outputs, tuple]:
    """x (T, B, D), h0 and c0 (B, H), W_ih (4H, D), W_hh (4H, H), b (4H,) or None → outputs, and what to keep."""
    half, one = h0.new_full(h0.shape[1:], 0.5), h0.new_ones(h0.shape[1:])
    scale = torch.cat([half, half, one, half])  # halves the rows of i, f and o: σ(a) = ½ + ½ tanh(½ a); g is tanh(a)
    shift = 1 - scale
    bias = recurrent.both(bias_ih, bias_hh)
    inner = (weight_hh * scale[:, None]).T
    h, c = h0, c0
    outputs, cells, gates = [], [], []
    from_x, _ = linear.forward(x, weight_ih * scale[:, None], None if bias is None else bias * scale)  # (T, B, 4H)
    for a in from_x.unbind(0):
        gate = torch.addcmul(shift, torch.tanh(torch.addmm(a, h, inner)), scale)  # (B, 4H)
        i, f, g, o = gate.chunk(4, 1)
        c = torch.addcmul(i * g, f, c)
        h = o * torch.tanh(c)
        outputs.append(h)
        cells.append(c)
        gates.append(gate)
    answer = torch.stack(outputs), torch.stack(cells), torch.stack(gates)
    return answer, (x, h0, c0, weight_ih, weight_hh, *answer, bias_ih is not None, bias_hh is not None)


def slopes(cells_before: Tensor, cells: Tensor, gates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c_{t−1} and c_t (T, B, H), gates (T, B, 4H) → through (T, B, H), local and inside (T, B, 4H), of all steps.

    through: how h_t changes with c_t (step 2). inside: how the gates change with a_t (step 4). local: the partners of
    the gates in their products (step 3) times inside, which makes da_t of dc_t and dh_t.
    """
    i, f, g, o = gates.chunk(4, 2)
    shown = torch.tanh(cells)
    through = o * (1 - shown * shown)
    inside = torch.cat([i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)], 2)
    local = torch.cat([g, cells_before, i, shown], 2) * inside
    return through, local, inside


def backward(
    grad_outputs: tuple[Tensor | None, ...], cache: tuple, needed: tuple[bool, ...] = (True,) * 7
) -> tuple[Tensor | None, ...]:
    """∂L/∂ of h, c and the gates, None for zero → ∂L/∂ of x, h0, c0, W_ih, W_hh, b_ih, b_hh."""
    x, h0, c0, weight_ih, weight_hh, outputs, cells, gates, *biased = cache
    grad_h, grad_c, grad_gates = grad_outputs
    forget = gates.chunk(4, 2)[1]
    through, local, inside = slopes(torch.cat([c0[None], cells[:-1]]), cells, gates)
    grad_h = torch.zeros_like(outputs) if grad_h is None else grad_h
    extra = None if grad_gates is None else grad_gates * inside
    da, dc = torch.zeros_like(gates[0]), torch.zeros_like(c0)
    found = []
    for t in reversed(range(len(x))):
        dh = torch.addmm(grad_h[t], da, weight_hh)
        dc = torch.addcmul(dc, dh, through[t])
        dc = dc if grad_c is None else dc + grad_c[t]
        da = torch.cat([dc, dc, dc, dh], 1) * local[t]
        da = da if extra is None else da + extra[t]
        dc = dc * forget[t]
        found.append(da)
    steps = torch.stack(found[::-1])  # (T, B, 4H)
    outputs_before = torch.cat([h0[None], outputs[:-1]])
    wanted = biased[0] and needed[5], biased[1] and needed[6]
    grad_x, grad_ih, grad_b = linear.backward(steps, (x, weight_ih), (needed[0], needed[3], any(wanted)))
    _, grad_hh, _ = linear.backward(steps, (outputs_before, weight_hh), (False, needed[4], False))
    return grad_x, da @ weight_hh, dc, grad_ih, grad_hh, *(grad_b if one else None for one in wanted)


class LSTMFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Outputs:
        """The outputs alone."""
        return forward(*arguments)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Outputs) -> None:
        """Keep what `backward` needs."""
        ctx.set_materialize_grads(False)  # the gates have a gradient in second derivatives alone
        ctx.save_for_backward(*inputs[:5], *output)
        keep_precision(ctx, inputs[0])
        ctx.biased = inputs[5] is not None, inputs[6] is not None

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs, (*ctx.saved_tensors, *ctx.biased), ctx.needs_input_grad)


def layer(x: Tensor, start: recurrent.State, weights: recurrent.Weights) -> recurrent.State:
    """One layer in one direction: x (T, B, D), the state's h and c (B, H) → h and c of all steps."""
    return LSTMFunction.apply(x, *start, *weights)[:2]


class LSTM(nn.Module):
    """torch.nn.LSTM, by hand: x (T, B, D) → outputs (T, B, H·S) and the state (h, c), each (L·S, B, H).

    L layers, S directions, one or two. x may be (B, T, D) with `batch_first`, one sequence (T, D), or a PackedSequence.
    `lengths` (B,) says how many steps of each sequence are no padding; outputs are zero there, the state is that of
    each sequence's last step, and no number is read from the device. The pair is called once for each layer and
    direction, so the module has no `arguments` of its own. `backward` reads what the layer gives: after writing into it
    in place, `backward` raises. Raises InputError for sizes below one, for shapes that don't fit, for a length above T
    (where lengths are on the CPU), and for `proj_size`; InputTypeError for a state or lengths of another kind.

    >>> outputs, (h, c) = LSTM(3, 8, bidirectional=True)(torch.zeros(7, 5, 3), lengths=torch.tensor([7, 2, 3, 1, 7]))
    >>> outputs.shape, h.shape
    (torch.Size([7, 5, 16]), torch.Size([2, 5, 8]))
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
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if proj_size:
            raise InputError(
                "An LSTM by hand has no projection.",
                got=f"proj_size={proj_size}",
                wanted="proj_size=0",
                fix="Leave proj_size away and put a Linear behind, or take torch.nn.LSTM.",
            )
        self.mode, self.proj_size = "LSTM", 0
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        recurrent.build(self, 4, device, dtype)

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
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """The outputs of the last layer, and the state h, c after the last step of all."""
        outputs, (h, c) = recurrent.run(self, layer, 2, input, hx, lengths)
        return outputs, (h, c)

    def extra_repr(self) -> str:
        """The sizes, and the options that are not as they come."""
        return recurrent.described(self)
