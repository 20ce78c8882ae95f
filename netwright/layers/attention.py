"""Scaled dot-product attention: each query is given a mean of the values, weighted by how well it meets their keys.

T queries, S keys and values, D numbers in a query and a key, E in a value; axes in front (batch, heads) are apart.

    s_tj = c Σ_d q_td k_jd + m_tj          scores: c is 1/√D, m is 0 or −∞ for a mask of bools, or the mask's floats
    w_tj = exp(s_tj) / Σ_i exp(s_ti)       weights: softmax over the keys; 0 for a query that sees no key at all
    a_tj = w_tj z_tj / (1 − p)             dropout, while training: z is drawn, 0 with chance p, else 1
    o_te = Σ_j a_tj v_je                   the mean

c keeps scores of one size: a sum of D products of numbers of variance 1 has variance D.

The gradient g = ∂L/∂o comes back through the same four lines, last line first.

4. o is a matrix product, o = a v, so as in `linear.py` each factor gets g times the other one:

    ∂L/∂v_je = Σ_t a_tj g_te                                        aᵀ g
    ∂L/∂a_tj = Σ_e g_te v_je                                        g vᵀ

3. a is w times a number that is given:  h_tj = ∂L/∂w_tj = ∂L/∂a_tj z_tj / (1 − p), and, where somebody used the weights
   themselves, their own gradient on top.

2. Softmax. With n_t = Σ_i exp(s_ti), a score s_tj is in its own numerator and in the denominator of its whole row:

    ∂w_ti/∂s_tj = [i = j] exp(s_tj)/n_t − exp(s_ti) exp(s_tj)/n_t² = w_ti ([i = j] − w_tj)
    ∂L/∂s_tj = Σ_i h_ti ∂w_ti/∂s_tj = w_tj (h_tj − Σ_i h_ti w_ti)

   What is subtracted is one number a row, the mean of h by the weights. If nobody used the weights, no sum over keys
   is needed to find it: Σ_i h_ti w_ti = Σ_i Σ_e g_te v_ie a_ti = Σ_e g_te o_te.
   A hidden key has w = 0, so it gets 0, and so does a row without any key.

1. s is a sum of a product and the mask:

    ∂L/∂m_tj = ∂L/∂s_tj                                             summed over the axes along which m was repeated
    ∂L/∂q_td = c Σ_j ∂L/∂s_tj k_jd                                  c ∂L/∂s k
    ∂L/∂k_jd = c Σ_t ∂L/∂s_tj q_td                                  c (∂L/∂s)ᵀ q

Sources: Vaswani et al., "Attention Is All You Need" (2017); the row's number from the output: Dao et al.,
"FlashAttention" (2022).
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.masks import causal, summed_to
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of

Output = tuple[Tensor, Tensor]
Cache = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None, Tensor, Tensor, float, float]


def forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    keep: Tensor | None = None,
    dropout_p: float = 0.0,
    scale: float = 1.0,
) -> tuple[Output, Cache]:
    """query (…, T, D), key (…, S, D), value (…, S, E) → output (…, T, E) and weights before dropout (…, T, S).

    The axes in front are the same for all three. mask: bools, True takes part, or floats, that broadcast to (…, T, S).
    keep: bools (…, T, S), False where dropout takes a weight away, or None; `dropout_p` is its chance.
    """
    scores = (query * scale) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask if mask.is_floating_point() else torch.where(mask, scores, -torch.inf)
    weights = softmax(scores)
    output = dropped(weights, keep, dropout_p) @ value
    return (output, weights), (query, key, value, mask, keep, output, weights, dropout_p, scale)


def softmax(scores: Tensor) -> Tensor:
    """(…, S) → shares (…, S) of 1; zeros for a row of −∞. Writes into the scores, for they are the largest tensor.

    The largest is subtracted first, which changes no share, so that exp can't overflow. A row that sees a key then has
    exp(0) = 1 in its sum: the sum is below 1 only where it is 0.
    """
    if not scores.shape[-1]:
        return scores
    largest = scores.detach().amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).min)
    exponentials = scores.sub_(largest).exp_()
    return exponentials / exponentials.sum(-1, keepdim=True).clamp(min=1.0)


def dropped(weights: Tensor, keep: Tensor | None, dropout_p: float) -> Tensor:
    """The weights with those taken away that `keep` does not name, and the others made larger in turn."""
    return weights if keep is None else weights * keep * (1 / (1 - dropout_p) if dropout_p < 1 else 0.0)


def backward(
    grad_outputs: tuple[Tensor, Tensor | None], cache: Cache, needed: tuple[bool, ...] = (True,) * 7
) -> tuple[Any, ...]:
    """∂L/∂output (…, T, E) and ∂L/∂weights (…, T, S), or None → ∂L/∂ query, key, value and the mask of floats."""
    grad_output, grad_weights = grad_outputs
    query, key, value, mask, keep, output, weights, dropout_p, scale = cache
    grad_value = dropped(weights, keep, dropout_p).transpose(-1, -2) @ grad_output if needed[2] else None
    through = dropped(grad_output @ value.transpose(-1, -2), keep, dropout_p)
    row = (grad_output * output).sum(-1, keepdim=True)
    if grad_weights is not None:
        through = through + grad_weights
        row = row + (grad_weights * weights).sum(-1, keepdim=True)
    grad_scores = weights * (through - row)
    grad_query = (grad_scores @ key) * scale if needed[0] else None
    grad_key = grad_scores.transpose(-1, -2) @ (query * scale) if needed[1] else None
    floats = mask is not None and mask.is_floating_point() and needed[3]
    grad_mask = summed_to(grad_scores, mask.shape) if floats else None
    return grad_query, grad_key, grad_value, grad_mask, None, None, None


class AttentionFunction(Function):
    """The pair as PyTorch's autograd calls it: gives the output and the weights."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Output:
        """The output and the weights."""
        output, weights = forward(*arguments)[0]
        return own(output), own(weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Output) -> None:
        """Keep what `backward` needs."""
        *tensors, ctx.dropout_p, ctx.scale = inputs
        ctx.save_for_backward(*tensors, *output)
        keep_precision(ctx, inputs[0])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        grad_output, grad_weights = grad_outputs
        saved = ctx.saved_tensors  # read once: under activation checkpointing a second reading fails
        if grad_output is None:
            grad_output = torch.zeros_like(saved[5])
        cache = (*saved, ctx.dropout_p, ctx.scale)
        with precision_of(ctx):
            return backward((grad_output, grad_weights), cache, ctx.needs_input_grad)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """torch.nn.functional.scaled_dot_product_attention, by hand: (…, T, D), (…, S, D), (…, S, E) → (…, T, E).

    attn_mask: bools, True takes part, or floats that are added. is_causal: query t sees keys 0 … t. `scale` is 1/√D
    unless given. Raises InputError for a mask together with is_causal, and for enable_gqa.

    >>> scaled_dot_product_attention(torch.zeros(1, 2), torch.zeros(3, 2), torch.arange(3.0)[:, None])
    tensor([[1.]])
    """
    refuse(attn_mask, is_causal, enable_gqa)
    mask = causal(query.shape[-2], key.shape[-2], query.device) if is_causal else attn_mask
    shapes = [x.shape[:-2] for x in (query, key, value, *(() if mask is None else (mask,)))]
    front = torch.broadcast_shapes(*shapes)
    query, key, value = (x if x.shape[:-2] == front else x.expand(*front, *x.shape[-2:]) for x in (query, key, value))
    keep = kept((*query.shape[:-1], key.shape[-2]), dropout_p, query)
    return AttentionFunction.apply(query, key, value, mask, keep, dropout_p, scaled(query, scale))[0]


def scaled(query: Tensor, scale: float | None = None) -> float:
    """c, 1/√D unless it is given."""
    return 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale


def kept(shape: tuple[int, ...], dropout_p: float, like: Tensor) -> Tensor | None:
    """Draw what dropout leaves: bools, False with chance `dropout_p`; None where it leaves all."""
    if not dropout_p:
        return None
    return torch.empty(shape, dtype=torch.bool, device=like.device).bernoulli_(1 - dropout_p)


def refuse(attn_mask: Tensor | None, is_causal: bool, enable_gqa: bool) -> None:
    """Raise InputError for options that are not here."""
    if enable_gqa:
        raise InputError(
            "Attention by hand has no grouped queries.",
            got="enable_gqa=True",
            wanted="as many heads of keys and values as of queries",
            fix="Leave enable_gqa out, and give key.repeat_interleave(groups, -3), and value the same way.",
        )
    if is_causal and attn_mask is not None:
        raise InputError(
            "is_causal makes a mask of its own, beside which another can't be given.",
            got=f"is_causal=True and attn_mask of shape {tuple(attn_mask.shape)}",
            wanted="one of the two",
            fix="Leave is_causal out, and give attn_mask=attn_mask & torch.ones_like(attn_mask).tril().",
        )
