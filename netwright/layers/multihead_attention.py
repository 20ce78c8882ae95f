"""Multi-head attention: several attentions side by side, each in a smaller space of its own.

T queries, S keys and values, D numbers in each, H heads, E = D / H numbers a head; B rows stand in front of T and S, or
behind them where `batch_first` is not set, or there are none.

    q, k, v = x_q Wqᵀ + bq, x_k Wkᵀ + bk, x_v Wvᵀ + bv       (…, T, D), (…, S, D), (…, S, D)      three linear layers
    q_h, k_h, v_h = the h-th E numbers of each               (…, H, T, E)                         `apart`
    o_h = attention(q_h, k_h, v_h)                           (…, H, T, E)                         `attention.py`
    y = [o_1 … o_H] Woᵀ + bo                                 (…, T, D)                            a linear layer

Nothing here needs a derivative of its own. `forward` calls the forwards of the smaller layers one after the other and
keeps what each of them keeps; `backward` calls their backwards in reverse order, each with the gradient that the one
before it gave:

    ∂L/∂y  → linear         → ∂L/∂[o_1 … o_H], ∂L/∂Wo, ∂L/∂bo
           → attention      → ∂L/∂q_h, ∂L/∂k_h, ∂L/∂v_h
           → three linears  → ∂L/∂x_q, ∂L/∂x_k, ∂L/∂x_v, and the gradients of their weights

`apart` and `together` move numbers without changing them, so a gradient takes the way back through the other one of the
two. The three weights may lie in one, [Wq; Wk; Wv]: its gradient is theirs, one below the other. Where one x is query,
key and value it acts on L in three ways, and its gradient is the sum of the three.

So the cache holds the smaller layers' caches, not inputs and outputs alone as theirs do. The module has no Function of
its own: it calls theirs, and autograd chains the same backwards.

add_bias_kv puts a learned key and value behind the others, add_zero_attn one of zeros: the last rows of ∂L/∂k_h and
∂L/∂v_h belong to them.

Source: Vaswani et al., "Attention Is All You Need" (2017).
"""

from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers import attention, linear
from netwright.layers.attention import AttentionFunction, dropped, kept, scaled
from netwright.layers.heads import apart, followed, thirds, together, unfollowed
from netwright.layers.init import xavier_normal_, xavier_uniform_, zeros_
from netwright.layers.linear import Linear, LinearFunction
from netwright.layers.masks import merged, widened


def forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    in_proj_weight: Tensor | None,
    q_proj_weight: Tensor | None,
    k_proj_weight: Tensor | None,
    v_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    out_weight: Tensor,
    out_bias: Tensor | None,
    mask: Tensor | None,
    keep: Tensor | None,
    dropout: float,
    heads: int,
    batch_first: bool,
    zero: bool,
) -> tuple[tuple[Tensor, Tensor], tuple]:
    """query (…, T, D), key and value (…, S, D) → output (…, T, D) and the weights of each head (…, H, T, S).

    mask and keep: as `attention.forward` takes them, for the keys with those behind them; `zero` adds one of zeros.
    The cache is made of those of the smaller layers.
    """
    weights = thirds(in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight)
    biases = thirds(in_proj_bias)
    q, cache_q = linear.forward(query, weights[0], biases[0])
    k, cache_k = linear.forward(key, weights[1], biases[1])
    v, cache_v = linear.forward(value, weights[2], biases[2])
    q_h, k_h, v_h = (apart(x, heads, batch_first) for x in (q, k, v))
    k_h, v_h = followed(k_h, bias_k, zero), followed(v_h, bias_v, zero)
    (o_h, shares), cache_o = attention.forward(q_h, k_h, v_h, mask, keep, dropout, scaled(q_h))
    y, cache_y = linear.forward(together(o_h, batch_first), out_weight, out_bias)
    given = (in_proj_weight, in_proj_bias, bias_k, bias_v, out_bias)
    return (y, shares), (cache_q, cache_k, cache_v, cache_o, cache_y, given, heads, batch_first, zero)


def backward(grad_outputs: tuple[Tensor, Tensor | None], cache: tuple) -> tuple[Tensor | None, ...]:
    """∂L/∂output (…, T, D) and ∂L/∂weights (…, H, T, S), or None → a gradient for each argument of `forward`."""
    grad_y, grad_shares = grad_outputs
    cache_q, cache_k, cache_v, cache_o, cache_y, given, heads, batch_first, zero = cache
    in_proj_weight, in_proj_bias, bias_k, bias_v, out_bias = given
    grad_o, grad_out_weight, grad_out_bias = through_linear(grad_y, cache_y, out_bias)
    grad_o_h = apart(grad_o, heads, batch_first)
    grad_q_h, grad_k_h, grad_v_h, grad_mask, *_ = attention.backward((grad_o_h, grad_shares), cache_o)
    grad_k_h, grad_bias_k = unfollowed(grad_k_h, bias_k, zero)
    grad_v_h, grad_bias_v = unfollowed(grad_v_h, bias_v, zero)
    grad_q, grad_k, grad_v = (together(g, batch_first) for g in (grad_q_h, grad_k_h, grad_v_h))
    grad_query, grad_q_weight, grad_q_bias = through_linear(grad_q, cache_q, in_proj_bias)
    grad_key, grad_k_weight, grad_k_bias = through_linear(grad_k, cache_k, in_proj_bias)
    grad_value, grad_v_weight, grad_v_bias = through_linear(grad_v, cache_v, in_proj_bias)
    grad_weights: list[Any] = [None, grad_q_weight, grad_k_weight, grad_v_weight]
    if in_proj_weight is not None:
        grad_weights = [torch.cat(grad_weights[1:]), None, None, None]
    grad_bias = None if in_proj_bias is None else torch.cat([grad_q_bias, grad_k_bias, grad_v_bias])
    grads = (grad_query, grad_key, grad_value, *grad_weights, grad_bias, grad_bias_k, grad_bias_v)
    return (*grads, grad_out_weight, grad_out_bias, grad_mask, None, None, None, None, None)


def through_linear(grad: Tensor, cache: tuple, bias: Tensor | None) -> tuple[Any, ...]:
    """∂L/∂y → ∂L/∂x, ∂L/∂W, and ∂L/∂b where there is a bias."""
    return linear.backward(grad, cache, (True, True, bias is not None))


class MultiheadAttention(nn.Module):
    """torch.nn.MultiheadAttention, by hand: query (…, T, D), keys (…, S, D), values (…, S, D) → (…, T, D), and weights.

    Inputs have the batch in front where `batch_first` is set, else behind the positions. Unlike torch.nn's, a query
    that sees no key is given zeros, never NaN. Weights start as torch.nn's, by Xavier's rule. Raises InputError where
    the heads do not divide the size.

    >>> MultiheadAttention(4, 2, batch_first=True)(*[torch.zeros(3, 5, 4)] * 3)[0].shape
    torch.Size([3, 5, 4])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        refuse(embed_dim, num_heads)
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn

        def parameter(present: bool, *shape: int) -> nn.Parameter | None:
            return nn.Parameter(torch.empty(*shape, device=device, dtype=dtype)) if present else None

        same = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = parameter(same, 3 * embed_dim, embed_dim)
        self.q_proj_weight = parameter(not same, embed_dim, embed_dim)
        self.k_proj_weight = parameter(not same, embed_dim, self.kdim)
        self.v_proj_weight = parameter(not same, embed_dim, self.vdim)
        self.in_proj_bias = parameter(bias, 3 * embed_dim)
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.bias_k, self.bias_v = (parameter(add_bias_kv, 1, 1, embed_dim) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, all but those of `out_proj`."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                zeros_(bias)
        for own in (self.bias_k, self.bias_v):
            if own is not None:
                xavier_normal_(own)

    def arguments(self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, **options: Any) -> tuple:
        """What the pair is called with: `query` is also what keys and values are made of, unless they are given."""
        key, value = query if key is None else key, query if value is None else value
        mask, keep = self.masks(query, key, **options)
        weights = (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight, self.in_proj_bias)
        own = (*weights, self.bias_k, self.bias_v, self.out_proj.weight, self.out_proj.bias)
        chosen = (self.dropout, self.num_heads, self.batch_first, self.add_zero_attn)
        return query, key, value, *own, mask, keep, *chosen

    def masks(
        self,
        query: Tensor,
        key: Tensor,
        key_padding_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> tuple[Tensor | None, Tensor | None]:
        """The two masks as one, in attention's form, and what dropout leaves of the weights, drawn anew."""
        refuse_hint(attn_mask, is_causal)
        mask = merged(attn_mask, key_padding_mask, query, self.num_heads)
        behind = (self.bias_k is not None) + self.add_zero_attn
        time = -2 if self.batch_first else 0
        rows = query.shape[:-2] if self.batch_first else query.shape[1:-1]
        shape = (*rows, self.num_heads, query.shape[time], key.shape[time] + behind)
        return widened(mask, behind), kept(shape, self.dropout if self.training else 0.0, query)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(…, T, D), (…, S, D), (…, S, D) → (…, T, D), and weights (…, T, S), or (…, H, T, S) unless averaged.

        key_padding_mask (…, S) and attn_mask (T, S) or (B·H, T, S): bools, True *hides*, or floats that are added.
        is_causal says that attn_mask is causal, and changes nothing. Weights are None where not needed.
        """
        mask, keep = self.masks(query, key, key_padding_mask, attn_mask, is_causal)
        q, k, v = self.projected(query, key, value)
        k, v = followed(k, self.bias_k, self.add_zero_attn), followed(v, self.bias_v, self.add_zero_attn)
        o, shares = AttentionFunction.apply(q, k, v, mask, keep, self.dropout, scaled(q))
        y = self.out_proj(together(o, False))  # lies in memory as torch.nn's, so that dropout draws the same after it
        y = y.transpose(0, 1) if self.batch_first and y.dim() == 3 else y
        if not need_weights:
            return y, None
        shares = dropped(shares, keep, self.dropout)
        return y, shares.mean(-3) if average_attn_weights else shares

    def projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values of the heads. One product makes all three where they are made of one input."""
        if query is key and key is value and self.in_proj_weight is not None:
            packed = LinearFunction.apply(query, self.in_proj_weight, self.in_proj_bias)
            parts = packed.unflatten(-1, (3, self.embed_dim)).unbind(-2)
        else:
            weights = thirds(self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            given = zip((query, key, value), weights, thirds(self.in_proj_bias), strict=True)
            parts = [LinearFunction.apply(*one) for one in given]
        return tuple(apart(part, self.num_heads, self.batch_first) for part in parts)


def refuse(size: int, heads: int) -> None:
    """Raise InputError where the heads do not divide the size."""
    if size < 1 or heads < 1 or size % heads:
        raise InputError(
            "The heads of attention divide its size into even parts.",
            got=f"embed_dim={size}, num_heads={heads}",
            wanted="an embed_dim that is a multiple of num_heads, both above 0",
            fix=f"Give embed_dim={max(heads, 1) * max(1, round(size / max(heads, 1)))}, or another num_heads.",
        )


def refuse_hint(attn_mask: Tensor | None, is_causal: bool) -> None:
    """Raise InputError for is_causal without the mask it speaks of."""
    if is_causal and attn_mask is None:
        raise InputError(
            "is_causal only says that attn_mask is causal; there is none.",
            got="is_causal=True and attn_mask=None",
            wanted="the mask as well",
            fix="Give attn_mask=torch.nn.Transformer.generate_square_subsequent_mask(T).",
        )
