import itertools
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from netwright.core import trees
from netwright.core.errors import InputError
from netwright.layers import multihead_attention
from netwright.layers.masks import causal
from netwright.layers.multihead_attention import MultiheadAttention
from tests.layers import samples
from tests.layers.operators import Elementary
from tests.layers.proof import close, drawn, prove, prove_derivatives
from tests.layers.samples import Called

NAMES = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights")


@pytest.fixture(autouse=True)
def plain_torch(monkeypatch: pytest.MonkeyPatch):
    """torch.nn's with attention step by step, which alone has second derivatives, and out_proj by its plain name."""
    monkeypatch.setattr(nn.modules.linear.NonDynamicallyQuantizableLinear, "_get_name", lambda self: "Linear")
    with sdpa_kernel(SDPBackend.MATH):
        yield


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return drawn(torch.empty(shape, dtype=torch.float64), seed)


def masks(kind: str, batch: int | None, heads: int, queries: int, keys: int) -> tuple[Tensor | None, Tensor | None]:
    """key_padding_mask and attn_mask. The first key is seen by all, for torch.nn gives NaN where none is."""
    rows = () if batch is None else (batch,)
    padding, later = numbers(*rows, keys, seed=3), numbers(queries, keys, seed=4)
    apart = numbers((1 if batch is None else batch) * heads, queries, keys, seed=5)
    bools = [mask > 0.3 for mask in (padding, later, apart)]
    for mask in bools:
        mask[..., 0] = False
    given = {"none": (None, None), "padding": (bools[0], None), "bools": (bools[0], bools[1])}
    given |= {"floats": (padding, later), "heads": (None, bools[2]), "head floats": (padding, apart)}
    return given[kind]


KINDS = ("none", "padding", "bools", "floats", "heads", "head floats")
SIZES = [(4, 2, None, None), (3, 3, None, None), (4, 1, 3, 5), (6, 2, 6, 2)]


@settings(max_examples=60)
@given(
    sizes=st.sampled_from(SIZES),
    batch=st.sampled_from([None, 1, 3, 0]),
    lengths=st.sampled_from([(3, 3), (2, 4), (1, 1)]),
    kind=st.sampled_from(KINDS),
    options=st.fixed_dictionaries(
        {name: st.booleans() for name in ("bias", "add_bias_kv", "add_zero_attn", "batch_first")}
        | {"dropout": st.sampled_from([0.0, 0.5])}
    ),
    need=st.sampled_from([(False, True), (True, True), (True, False)]),
    training=st.booleans(),
    own=st.booleans(),
)
def test_beside_torch(
    sizes: tuple,
    batch: int | None,
    lengths: tuple[int, int],
    kind: str,
    options: dict[str, Any],
    need: tuple[bool, bool],
    training: bool,
    own: bool,
):
    size, heads, kdim, vdim = sizes
    options |= {"kdim": kdim, "vdim": vdim, "dtype": torch.float64}
    ours, theirs = (c(size, heads, **options).train(training) for c in (MultiheadAttention, nn.MultiheadAttention))
    queries, keys = lengths

    def part(length: int, width: int, seed: int) -> Tensor:
        front = (length,) if batch is None else (batch, length) if options["batch_first"] else (length, batch)
        return numbers(*front, width, seed=seed)

    inputs = [part(queries, size, 0), part(keys, kdim or size, 1), part(keys, vdim or size, 2)]
    own = own and queries == keys and kdim is None and vdim is None
    kind = kind if batch != 0 else "none"  # torch.nn's fails there
    padding, later = masks(kind, batch, heads, queries, keys)
    given = (padding, need[0], later, need[1])
    ours, theirs = (Whole(m, own) for m in (ours, theirs))
    prove(ours, theirs, *inputs, *given)
    prove_composed(ours.module, *(inputs[:1] if own else inputs), key_padding_mask=padding, attn_mask=later)
    single = trees.mapped(lambda t: t.float() if t.is_floating_point() else t, [*inputs, *given])
    prove(ours.float(), theirs.float(), *single, exact=1e-5, second=False)


class Whole(nn.Module):
    """The module called with one input for all three where it is its own key and value."""

    def __init__(self, module: nn.Module, own: bool) -> None:
        super().__init__()
        self.module, self.own = module, own

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *given: Any) -> Any:
        inputs = (query, query, query) if self.own else (query, key, value)
        return self.module(*inputs, **dict(zip(NAMES[3:], given, strict=True)))


def prove_composed(layer: MultiheadAttention, *inputs: Tensor, **named: Any) -> None:
    """The pair gives what the module gives, and autograd's gradients, in elementary steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        arguments = layer.arguments(*inputs, **named)
        torch.manual_seed(0)
        module = layer(*(inputs * 3 if len(inputs) == 1 else inputs), need_weights=False, **named)[0]
    arguments = tuple(
        t.detach().requires_grad_(t.is_floating_point()) if isinstance(t, Tensor) else t for t in arguments
    )
    with torch.no_grad(), Elementary():
        (output, weights), cache = multihead_attention.forward(*arguments)
    passed = drawn(output, 1), drawn(weights, 2)
    with torch.no_grad(), Elementary():
        gradients = multihead_attention.backward(passed, cache)
    close(output, module.detach(), 1e-10, "output")
    assert len(gradients) == len(arguments)
    expected = multihead_attention.forward(*arguments)[0]
    sources = [t for t in arguments if isinstance(t, Tensor) and t.requires_grad]
    wanted = torch.autograd.grad(expected, sources, passed)
    mine = [g for g, t in zip(gradients, arguments, strict=True) if isinstance(t, Tensor) and t.requires_grad]
    for i, (g, other) in enumerate(zip(mine, wanted, strict=True)):
        close(g, other, 1e-10, f"gradient of argument {i}")


def test_gradients_by_hand_are_those_of_the_module():
    layer = MultiheadAttention(4, 2, batch_first=True, dropout=0.3, dtype=torch.float64)
    x = numbers(2, 3, 4).requires_grad_()
    torch.manual_seed(0)
    layer(x, x, x)[0].backward(numbers(2, 3, 4, seed=1))
    torch.manual_seed(0)
    with torch.no_grad():
        arguments = layer.arguments(x)
        _, cache = multihead_attention.forward(*arguments)
        gradients = multihead_attention.backward((numbers(2, 3, 4, seed=1), None), cache)
    close(sum(gradients[:3]), x.grad, 1e-10, "x, by its three ways")
    by_weight = {id(a): g for a, g in zip(arguments, gradients, strict=True)}
    for name, weight in layer.named_parameters():
        close(by_weight[id(weight)], weight.grad, 1e-10, name)


@pytest.mark.parametrize("options", [{}, {"add_bias_kv": True, "add_zero_attn": True}, {"kdim": 1, "vdim": 3}])
def test_derivatives(options: dict[str, Any]):
    layer = MultiheadAttention(2, 2, **options, batch_first=True, dtype=torch.float64)
    inputs = (numbers(1, 2, 2), numbers(1, 3, layer.kdim, seed=1), numbers(1, 3, layer.vdim, seed=2))
    prove_derivatives(layer, *inputs)


def test_torch_samples(monkeypatch: pytest.MonkeyPatch):
    found = [
        one for one in samples.samples("nn.MultiheadAttention") if one.training
    ]  # without dropout both are the same
    numeric, count = samples.numeric, itertools.count()
    monkeypatch.setattr(samples, "samples", lambda name: iter(found))
    monkeypatch.setattr(samples, "numeric", lambda *given: next(count) % 7 or numeric(*given))  # slow: some are enough
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Support for mismatched")
        assert samples.prove_samples(MultiheadAttention, "nn.MultiheadAttention") == 64


def test_starts_where_torch_starts():
    for options in ({}, {"add_bias_kv": True}, {"kdim": 3}, {"bias": False}):
        made = []
        for kind in (MultiheadAttention, nn.MultiheadAttention):
            torch.manual_seed(0)
            made.append(kind(8, 2, **options))
        for (name, a), (_, b) in zip(*(m.named_parameters() for m in made), strict=True):
            assert torch.equal(a, b), name
        assert list(made[0].state_dict()) == list(made[1].state_dict())
        assert repr(made[0]) == repr(made[1])
    assert MultiheadAttention(8, 2, device="meta").in_proj_weight.is_meta


def test_a_query_that_sees_no_key_is_given_the_bias_of_the_output():
    layer = MultiheadAttention(4, 2, batch_first=True)
    x = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    output, weights = layer(x, x, x, key_padding_mask=torch.ones(1, 3, dtype=torch.bool))
    assert weights.abs().max() == 0
    assert torch.equal(output, layer.out_proj.bias.expand(1, 3, 4))
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert gradient.abs().max() == 0


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled_and_mapped():
    layer = MultiheadAttention(4, 2, batch_first=True, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = numbers(2, 3, 4).requires_grad_()
    results = [call(x, x, x) for call in (compiled, layer)]
    gradients = [torch.autograd.grad(y.square().sum(), [x, *layer.parameters()]) for y, _ in results]
    for mine, other in zip((*results[0], *gradients[0]), (*results[1], *gradients[1]), strict=True):
        close(mine.detach(), other.detach(), 1e-12, "compiled")
    mapped = torch.func.vmap(lambda x: layer(x, x, x)[0])(x)
    close(mapped.detach(), results[1][0].detach(), 1e-12, "mapped")


def test_scattered_inputs():
    ours, theirs = (kind(4, 2, dtype=torch.float64) for kind in (MultiheadAttention, nn.MultiheadAttention))
    inputs = [numbers(4, 2, 3, seed=i).permute(2, 1, 0) for i in range(3)]
    prove(ours, theirs, *inputs)


def test_what_does_not_fit_is_refused():
    for size, heads in ((5, 2), (0, 1), (4, 0)):
        with pytest.raises(InputError, match="embed_dim="):
            MultiheadAttention(size, heads)
    with pytest.raises(InputError, match="attn_mask="):
        MultiheadAttention(4, 2)(*[torch.zeros(3, 4)] * 3, is_causal=True)


def test_a_causal_hint_changes_nothing():
    ours, theirs = (kind(4, 2, dtype=torch.float64) for kind in (MultiheadAttention, nn.MultiheadAttention))
    x = numbers(3, 4)
    mask = ~causal(3, 3)
    names = ("attn_mask", "need_weights", "is_causal")
    prove(Called(ours, names), Called(theirs, names), x, x, x, mask, False, True, second=False)
