import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from netwright.core.errors import InputError
from netwright.layers.attention import AttentionFunction, kept, scaled, scaled_dot_product_attention
from netwright.layers.multihead_attention import MultiheadAttention
from tests.layers.proof import close, drawn, prove, prove_derivatives, prove_pair

MASKS = (None, "bool", "float", "rows", "wide")


class Attention(nn.Module):
    """The pair as a layer, so that it can be proven as one."""

    __module__ = AttentionFunction.__module__

    def __init__(self, dropout: float = 0.0, causal: bool = False, scale: float | None = None) -> None:
        super().__init__()
        self.dropout, self.causal, self.scale = dropout, causal, scale

    def arguments(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple:
        keep = kept((*query.shape[:-1], key.shape[-2]), self.dropout, query)
        return query, key, value, mask, keep, self.dropout, scaled(query, self.scale)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        return scaled_dot_product_attention(query, key, value, mask, self.dropout, self.causal, self.scale)


class Theirs(Attention):
    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            return functional.scaled_dot_product_attention(
                query, key, value, mask, self.dropout, self.causal, scale=self.scale
            )


def made(front: tuple[int, ...], queries: int, keys: int, size: int, values: int) -> tuple[Tensor, Tensor, Tensor]:
    shapes = ((*front, queries, size), (*front, keys, size), (*front, keys, values))
    query, key, value = (drawn(torch.empty(shape, dtype=torch.float64), i) for i, shape in enumerate(shapes))
    return query, key, value


def masked(kind: str | None, front: tuple[int, ...], queries: int, keys: int) -> Tensor | None:
    """A mask of a kind. The first query sees no key."""
    scores = drawn(torch.empty(*front, queries, keys, dtype=torch.float64), 5)
    seen = scores > 0
    seen[..., :1, :] = False
    if kind in (None, "bool"):
        return seen if kind else None
    if kind == "float":
        return scores.masked_fill(~seen, -torch.inf)
    return drawn(torch.empty(queries if kind == "wide" else 1, keys, dtype=torch.float64), 6)


fronts = st.sampled_from([(), (2,), (2, 3), (0,)])
few = st.integers(1, 4)


@settings(max_examples=40)
@given(
    front=fronts,
    sizes=st.tuples(few, few, few, few),
    mask=st.sampled_from(MASKS),
    dropout=st.sampled_from([0.0, 0.4, 1.0]),
    scale=st.sampled_from([None, 0.3]),
)
def test_beside_torch(
    front: tuple[int, ...], sizes: tuple[int, ...], mask: str | None, dropout: float, scale: float | None
):
    inputs = (*made(front, *sizes), masked(mask, front, *sizes[:2]))
    ours, theirs = Attention(dropout, scale=scale), Theirs(dropout, scale=scale)
    prove(ours, theirs, *inputs)
    prove_pair(ours, *inputs)
    single = tuple(x.float() if x is not None and x.is_floating_point() else x for x in inputs)
    prove(ours, theirs, *single, exact=1e-5)


def test_causal():
    for queries, keys in ((3, 3), (4, 2), (2, 4)):
        prove(Attention(causal=True), Theirs(causal=True), *made((2,), queries, keys, 3, 2))


@pytest.mark.parametrize("mask", MASKS)
def test_derivatives(mask: str | None):
    for dropout in (0.0, 0.5):
        inputs = made((2,), 2, 3, 2, 1)
        seen = masked(mask, (2,), 2, 3)
        if mask == "float":
            seen = seen.clamp(min=-1)  # finite differences of -inf have no meaning
        prove_derivatives(Attention(dropout), *inputs, seen)


def test_the_weights_have_gradients_too():
    query, key, value = (x.requires_grad_() for x in made((2,), 3, 4, 2, 2))

    def weights(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        return AttentionFunction.apply(query, key, value, None, None, 0.0, 0.5)

    assert torch.autograd.gradcheck(weights, (query, key, value))
    assert torch.autograd.gradgradcheck(weights, (query, key, value))
    assert torch.autograd.gradcheck(lambda q, k, v: weights(q, k, v)[1], (query, key, value))
    torch.testing.assert_close(weights(query, key, value)[1].sum(-1), torch.ones(2, 3, dtype=torch.float64))


def test_a_query_without_keys_is_given_zeros_and_zero_gradients():
    inputs = [x.requires_grad_() for x in made((), 3, 2, 2, 2)]
    for mask in (torch.tensor([[True], [False], [True]]), torch.tensor([[0.0], [-torch.inf], [0.0]]).double()):
        output = scaled_dot_product_attention(*inputs, mask)
        assert output[1].abs().max() == 0
        gradients = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
        again = torch.autograd.grad(sum(g.square().sum() for g in gradients), inputs)
        assert all(g.isfinite().all() for g in (*gradients, *again))
        assert gradients[0][1].abs().max() == 0


def test_large_scores_do_not_overflow():
    query, key, value = (x.float() for x in made((), 3, 3, 4, 2))
    output = scaled_dot_product_attention(query * 1e15, key * 1e15, value)
    assert output.isfinite().all()
    close(output, functional.scaled_dot_product_attention(query * 1e15, key * 1e15, value), 1e-5, "output")


def test_shapes():
    query, key, value = made((2, 3), 4, 5, 2, 6)
    for q, k, v in ((query, key[:1], value[0, 0]), (query[0, 0], key, value[:, :1])):
        close(
            scaled_dot_product_attention(q, k, v),
            Theirs()(*(x.expand(2, 3, *x.shape[-2:]) for x in (q, k, v))),
            1e-10,
            "",
        )
    empty = made((2,), 3, 0, 2, 4)
    prove(Attention(), Theirs(), *empty)
    prove_pair(Attention(), *empty)
    assert scaled_dot_product_attention(*made((), 3, 5, 0, 2)).isfinite().all()
    turned = tuple(x.transpose(0, 1).contiguous().transpose(0, 1) for x in made((2,), 3, 4, 2, 2))
    prove(Attention(), Theirs(), *turned)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled_and_mapped():
    inputs = [x.requires_grad_() for x in made((2,), 3, 3, 2, 2)]
    mask = masked("float", (2,), 3, 3)
    call = torch.compile(scaled_dot_product_attention, fullgraph=True, backend="aot_eager")
    for option in ({"attn_mask": mask}, {"is_causal": True}):
        results = [f(*inputs, **option) for f in (call, scaled_dot_product_attention)]
        gradients = [torch.autograd.grad(r.square().sum(), inputs) for r in results]
        for mine, other in zip((results[0], *gradients[0]), (results[1], *gradients[1]), strict=True):
            close(mine.detach(), other.detach(), 1e-12, "compiled")
    mapped = torch.func.vmap(scaled_dot_product_attention)(*inputs, mask)
    close(mapped.detach(), scaled_dot_product_attention(*inputs, mask).detach(), 1e-12, "mapped")
    only_query = torch.func.vmap(scaled_dot_product_attention, (0, None, None))
    close(only_query(inputs[0], inputs[1][0], inputs[2][0])[0].detach(), mapped_one(inputs).detach(), 1e-12, "mapped")


def mapped_one(inputs: list[Tensor]) -> Tensor:
    return scaled_dot_product_attention(*(x[0] for x in inputs))


def test_what_is_not_here_is_refused():
    query, key, value = made((), 3, 3, 2, 2)
    with pytest.raises(InputError, match="repeat_interleave"):
        scaled_dot_product_attention(query, key, value, enable_gqa=True)
    with pytest.raises(InputError, match="Leave is_causal out"):
        scaled_dot_product_attention(query, key, value, torch.ones(3, 3, dtype=torch.bool), is_causal=True)


def test_the_weights_alone_under_checkpointing():
    layer, x = MultiheadAttention(4, 2), torch.randn(3, 2, 4, requires_grad=True)
    plain = torch.autograd.grad(layer(x, x, x)[1].square().sum(), x)[0]
    again = checkpoint(lambda x: layer(x, x, x)[1], x, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(again.square().sum(), x)[0], plain)
