"""A layer of a transformer's encoder: positions look at one another, then each thinks for itself.

B rows, T positions, D numbers in each, F in the hidden layer. x (B, T, D), (T, B, D) or (T, D) → the same shape.

    norm_first                                   otherwise, as the paper has it

    n = norm1(x)                                 a = dropout1(attention(x, x, x))
    a = dropout1(attention(n, n, n))             z = norm1(x + a)
    z = x + a
    m = norm2(z)                                 f = dropout2(feed_forward(z))
    f = dropout2(feed_forward(m))                y = norm2(z + f)
    y = z + f

How a gradient goes through it. A sum hands its gradient g to both of its terms. So where x goes on twice, straight to
the sum and through a branch, its gradient is the sum of what comes back on both ways (norm_first, from the end):

    ∂L/∂f = ∂L/∂y                                                          y is a sum
    ∂L/∂m = feed_forward.backward(dropout.backward(∂L/∂f))                 back through the branch
    ∂L/∂z = ∂L/∂y + norm.backward(∂L/∂m)                                   straight, and through the branch
    ∂L/∂a = ∂L/∂z                                                          z is a sum
    ∂L/∂n = attention.backward(dropout.backward(∂L/∂a))                    three ways: query, key and value, summed
    ∂L/∂x = ∂L/∂z + norm.backward(∂L/∂n)

Straight means: through the whole layer, and any number of such layers, without being multiplied by anything. That is
why deep stacks with norm_first are easy to train, while otherwise each norm stands in the way of the gradient. There:

    s = ∂L/∂(z + f) = norm.backward(∂L/∂y)       ∂L/∂z = s + feed_forward.backward(dropout.backward(s))
    r = ∂L/∂(x + a) = norm.backward(∂L/∂z)       ∂L/∂x = r + attention.backward(dropout.backward(r))

The pair's cache holds the caches of the smaller pairs, not inputs and outputs alone as theirs do, for `backward` only
calls their backwards; and the module calls the smaller layers, whose Functions autograd chains in the same order.

Sources: Vaswani et al., "Attention Is All You Need" (2017); norm_first: Xiong et al., "On layer normalization in the
transformer architecture" (2020).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers import dropout as dropping
from netwright.layers import feed_forward, layer_norm, multihead_attention
from netwright.layers.activations.gelu import GELU
from netwright.layers.activations.relu import ReLU
from netwright.layers.dropout import Dropout
from netwright.layers.functional import gelu, relu
from netwright.layers.layer_norm import LayerNorm
from netwright.layers.linear import Linear
from netwright.layers.multihead_attention import MultiheadAttention

Call = Callable[..., tuple]
Drawn = tuple[Tensor | None, float]


def forward(
    x: Tensor,
    in_proj_weight: Tensor,
    in_proj_bias: Tensor | None,
    out_weight: Tensor,
    out_bias: Tensor | None,
    weight1: Tensor,
    bias1: Tensor | None,
    weight2: Tensor,
    bias2: Tensor | None,
    gain1: Tensor,
    shift1: Tensor | None,
    gain2: Tensor,
    shift2: Tensor | None,
    mask: Tensor | None,
    keep: Tensor | None,
    drawn: tuple[Drawn, Drawn, Drawn],
    dropout: float,
    heads: int,
    activation: nn.Module,
    eps: tuple[float, float],
    batch_first: bool,
    norm_first: bool,
) -> tuple[Tensor, tuple]:
    """x (…, T, D) and the weights, in the order of the state_dict → y (…, T, D), and what each step keeps.

    mask, keep and dropout: as `attention.forward` takes them. drawn: what dropout1, dropout and dropout2 left.
    """
    own = (in_proj_weight, None, None, None, in_proj_bias, None, None, out_weight, out_bias, mask, keep)

    def attend(x: Tensor) -> tuple[Tensor, tuple]:
        (found, _), cache = multihead_attention.forward(x, x, x, *own, dropout, heads, batch_first, False)
        left, cache_left = dropping.forward(found, *drawn[0])
        return left, (cache, cache_left)

    def think(x: Tensor) -> tuple[Tensor, tuple]:
        found, cache = feed_forward.forward(x, weight1, bias1, weight2, bias2, *drawn[1], activation)
        left, cache_left = dropping.forward(found, *drawn[2])
        return left, (cache, cache_left)

    if norm_first:
        n, cache_n = layer_norm.forward(x, gain1, shift1, 1, eps[0])
        a, cache_a = attend(n)
        z = x + a
        m, cache_m = layer_norm.forward(z, gain2, shift2, 1, eps[1])
        f, cache_f = think(m)
        y = z + f
    else:
        a, cache_a = attend(x)
        z, cache_n = layer_norm.forward(x + a, gain1, shift1, 1, eps[0])
        f, cache_f = think(z)
        y, cache_m = layer_norm.forward(z + f, gain2, shift2, 1, eps[1])
    return y, (cache_n, cache_a, cache_m, cache_f, norm_first)


def backward(grad_output: Tensor, cache: tuple) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, T, D) → a gradient, or None, for each argument of `forward`."""
    cache_n, cache_a, cache_m, cache_f, norm_first = cache
    if norm_first:
        grad_m, grads_feed = think_back(grad_output, cache_f)
        through, *grads_norm2 = norm_back(grad_m, cache_m)
        grad_z = grad_output + through
        grad_n, grads_attention = attend_back(grad_z, cache_a)
        through, *grads_norm1 = norm_back(grad_n, cache_n)
        grad_x = grad_z + through
    else:
        s, *grads_norm2 = norm_back(grad_output, cache_m)
        through, grads_feed = think_back(s, cache_f)
        r, *grads_norm1 = norm_back(s + through, cache_n)
        through, grads_attention = attend_back(r, cache_a)
        grad_x = r + through
    *grads_attention, grad_mask = grads_attention
    norms = (*grads_norm1[:2], *grads_norm2[:2])
    return grad_x, *grads_attention, *grads_feed, *norms, grad_mask, *(None,) * 8


def norm_back(grad: Tensor, cache: tuple) -> tuple[Any, ...]:
    """Back through a norm: ∂L/∂ its input, ∂L/∂ its weights, and None for its options."""
    return layer_norm.backward(grad, cache)  # type: ignore[bad-argument-type]


def attend_back(grad: Tensor, cache: tuple) -> tuple[Tensor, tuple]:
    """Back through dropout1 and attention: ∂L/∂ its input, and ∂L/∂ its weights and the mask."""
    cache_found, cache_left = cache
    grad_found: Any = dropping.backward(grad, cache_left)[0]
    grads: Any = multihead_attention.backward((grad_found, None), cache_found)
    query, key, value, weight, _, _, _, bias, _, _, out_weight, out_bias, mask, *_ = grads
    return query + key + value, (weight, bias, out_weight, out_bias, mask)


def think_back(grad: Tensor, cache: tuple) -> tuple[Tensor, tuple]:
    """Back through dropout2 and the feed-forward part: ∂L/∂ its input, and ∂L/∂ its weights."""
    cache_found, cache_left = cache
    grad_found: Any = dropping.backward(grad, cache_left)[0]
    grad_x, *grads = feed_forward.backward(grad_found, cache_found)
    return grad_x, tuple(grads[:4])


class TransformerEncoderLayer(nn.Module):
    """torch.nn.TransformerEncoderLayer, by hand: (…, T, D) → (…, T, D), for torch.nn.TransformerEncoder as well.

    activation: "relu", "gelu", or a function of a tensor. The other arguments, the weights, their names and how they
    start are torch.nn's. Raises InputError for another name of an activation.

    >>> TransformerEncoderLayer(4, 2, 8, batch_first=True)(torch.zeros(3, 5, 4)).shape
    torch.Size([3, 5, 4])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, **made)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = named(activation) if isinstance(activation, str) else activation

    def arguments(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> tuple:
        """What the pair is called with. Raises InputError for an activation that has no backward function here."""
        attn, norms = self.self_attn, (self.norm1, self.norm2)
        mask, keep = attn.masks(src, src, src_key_padding_mask, src_mask, is_causal)
        found, hidden = src.new_empty(src.shape), src.new_empty(*src.shape[:-1], self.linear1.out_features)
        if attn.batch_first and src.dim() == 3:  # in memory as attention gives it, so that the same is drawn
            found = src.new_empty(src.shape[1], len(src), src.shape[2]).transpose(0, 1)
        layers = ((self.dropout1, found), (self.dropout, hidden), (self.dropout2, src.new_empty(src.shape)))
        drawn = tuple(layer.arguments(x)[1:] for layer, x in layers)
        options = (attn.dropout, attn.num_heads, written(self.activation), tuple(n.eps for n in norms))
        linears = (attn.out_proj, self.linear1, self.linear2, *norms)
        weights = [w for layer in linears for w in (layer.weight, layer.bias)]
        weights = (attn.in_proj_weight, attn.in_proj_bias, *weights)
        return src, *weights, mask, keep, drawn, *options, attn.batch_first, self.norm_first

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """(…, T, D) → (…, T, D). The masks are those of MultiheadAttention: True hides."""
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            z = src + self.attended(self.norm1(src), masks)
            return z + self.thought(self.norm2(z))
        z = self.norm1(src + self.attended(src, masks))
        return self.norm2(z + self.thought(z))

    def attended(self, x: Tensor, masks: dict[str, Any]) -> Tensor:
        """What each position finds in the others."""
        return self.dropout1(self.self_attn(x, x, x, need_weights=False, **masks)[0])

    def thought(self, x: Tensor) -> Tensor:
        """What each position makes of itself."""
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


def named(activation: str) -> Callable[[Tensor], Tensor]:
    """The function of this name. Raises InputError for another one."""
    known: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "gelu": gelu}
    if activation not in known:
        raise InputError(
            "The encoder does not know this activation by name.",
            got=f"activation={activation!r}",
            wanted='"relu", "gelu", or a function of a tensor',
            fix="Give the function itself, for instance activation=torch.tanh.",
        )
    return known[activation]


def written(activation: Callable[[Tensor], Tensor]) -> nn.Module:
    """The layer by hand of an activation. Raises InputError for a function that has none."""
    if activation in (relu, gelu):
        return ReLU() if activation is relu else GELU()
    if isinstance(activation, nn.Module) and type(activation).__module__.startswith("netwright.layers.activations."):
        return activation
    raise InputError(
        "The activation has no backward function written out.",
        got=f"activation={activation!r}",
        wanted='"relu", "gelu", or a layer of netwright.layers',
        fix='Give activation="relu", or use loss.backward(): autograd differentiates anything.',
    )
