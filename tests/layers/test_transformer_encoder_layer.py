import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from netwright.core import trees
from netwright.core.errors import InputError
from netwright.layers import transformer_encoder_layer as pair
from netwright.layers.activations.silu import SiLU
from netwright.layers.masks import causal
from netwright.layers.transformer_encoder_layer import TransformerEncoderLayer
from tests.layers import samples
from tests.layers.operators import Elementary
from tests.layers.proof import close, drawn, prove, prove_derivatives

KINDS = (TransformerEncoderLayer, nn.TransformerEncoderLayer)


@pytest.fixture(autouse=True)
def plain_torch(monkeypatch: pytest.MonkeyPatch):
    """torch.nn's with attention step by step, which alone has second derivatives, and out_proj by its plain name."""
    monkeypatch.setattr(nn.modules.linear.NonDynamicallyQuantizableLinear, "_get_name", lambda self: "Linear")
    with sdpa_kernel(SDPBackend.MATH):
        yield


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return drawn(torch.empty(shape, dtype=torch.float64), seed)


def masks(kind: str, batch: int | None, time: int) -> tuple[Tensor | None, Tensor | None]:
    """src_mask and src_key_padding_mask. The first query sees no key."""
    later, padding = numbers(time, time, seed=3), numbers(*(() if batch is None else (batch,)), time, seed=4)
    hidden = later > 0
    hidden[0] = True
    given = {"none": (None, None), "padding": (None, padding > 0), "floats": (later, padding)}
    return (given | {"bools": (hidden, padding > 1), "causal": (~torch.ones(time, time).tril().bool(), None)})[kind]


@settings(max_examples=40)
@given(
    sizes=st.sampled_from([(4, 2, 6), (3, 3, 2), (4, 1, 4)]),
    batch=st.sampled_from([None, 1, 3, 0]),
    time=st.integers(1, 4),
    kind=st.sampled_from(["none", "padding", "floats", "bools", "causal"]),
    activation=st.sampled_from(["relu", "gelu", functional.gelu, torch.tanh]),
    options=st.fixed_dictionaries(
        {name: st.booleans() for name in ("bias", "norm_first", "batch_first")}
        | {"dropout": st.sampled_from([0.0, 0.3])}
    ),
    training=st.booleans(),
)
def test_beside_torch(
    sizes: tuple[int, ...],
    batch: int | None,
    time: int,
    kind: str,
    activation: str | Callable[[Tensor], Tensor],
    options: dict[str, Any],
    training: bool,
):
    options = {**options, "activation": activation, "layer_norm_eps": 1e-3, "dtype": torch.float64}
    ours, theirs = (c(*sizes, **options).train(training) for c in KINDS)
    front = (time,) if batch is None else (batch, time) if options["batch_first"] else (time, batch)
    kind = kind if batch != 0 else "none"  # torch.nn's fails there
    given = (numbers(*front, sizes[0]), *masks(kind, batch, time))
    prove(ours, theirs, *given)
    if isinstance(activation, str):
        prove_by_hand(ours, *given)
    single = trees.mapped(lambda t: t.float() if t.is_floating_point() else t, list(given))
    prove(ours.float(), theirs.float(), *single, exact=1e-5, second=False)


def prove_by_hand(layer: TransformerEncoderLayer, x: Tensor, *masks: Tensor | None) -> None:
    """The pair gives what the module gives, and autograd's gradients, in elementary steps."""
    x, *masks = trees.mapped(lambda t: t.detach().clone().requires_grad_(t.is_floating_point()), [x, *masks])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = layer(x, *masks)
        torch.manual_seed(0)
        given = layer.arguments(x, *masks)
    with torch.no_grad(), Elementary():
        output, cache = pair.forward(*given)
    close(output, expected.detach(), 1e-10, "output")
    g = drawn(output, 1)
    with torch.no_grad(), Elementary():
        gradients = pair.backward(g, cache)
    assert len(gradients) == len(given)
    found = {id(t): gradient for t, gradient in zip(given, gradients, strict=True) if isinstance(t, Tensor)}
    named = {"x": x, **dict(layer.named_parameters())}
    for (name, t), other in zip(named.items(), torch.autograd.grad(expected, list(named.values()), g), strict=True):
        close(found[id(t)], other, 1e-10, name)
    assert [t for t in given[1:13] if t is not None] == list(layer.parameters())


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["gelu", SiLU()])
def test_derivatives(norm_first: bool, activation: Any):
    layer = TransformerEncoderLayer(2, 1, 2, 0.0, activation, norm_first=norm_first, dtype=torch.float64)
    prove_derivatives(layer, numbers(2, 1, 2))
    prove_by_hand(layer, numbers(2, 1, 2))


def test_gradient_of_a_mask_by_hand():
    layer = TransformerEncoderLayer(4, 2, 8, 0.0, dtype=torch.float64)
    x, mask = numbers(3, 2, 4), numbers(3, 3, seed=1).requires_grad_()
    given = layer.arguments(x, mask)
    with torch.no_grad():
        _, cache = pair.forward(*given)
        gradients = pair.backward(numbers(3, 2, 4, seed=2), cache)
    (expected,) = torch.autograd.grad(layer(x, mask), mask, numbers(3, 2, 4, seed=2))
    close(gradients[13], expected, 1e-10, "mask")


def test_torch_samples(monkeypatch: pytest.MonkeyPatch):
    found = [
        one for one in samples.samples("nn.TransformerEncoderLayer") if one.training
    ]  # without dropout both are the same
    numeric, count = samples.numeric, itertools.count()
    monkeypatch.setattr(samples, "samples", lambda name: iter(found))
    monkeypatch.setattr(samples, "numeric", lambda *given: next(count) % 7 or numeric(*given))  # slow: some are enough
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Support for mismatched")
        assert samples.prove_samples(TransformerEncoderLayer, "nn.TransformerEncoderLayer") == 39


def test_starts_where_torch_starts():
    for options in ({}, {"bias": False}, {"activation": "gelu", "norm_first": True}):
        made = []
        for kind in KINDS:
            torch.manual_seed(0)
            made.append(kind(8, 2, 16, **options))
        ours, theirs = made
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert torch.equal(a, b), name
        assert repr(ours) == repr(theirs)
        assert [name for name, _ in ours.named_modules()] == [name for name, _ in theirs.named_modules()]
    assert all(p.is_meta for p in TransformerEncoderLayer(8, 2, device="meta").parameters())


@pytest.mark.parametrize("norm", [True, False])
def test_within_torch_encoder(norm: bool):
    mask = ~causal(3, 3)
    encoders = []
    for kind in KINDS:
        torch.manual_seed(0)
        layer = kind(4, 2, 8, dropout=0.2, batch_first=True, dtype=torch.float64)
        last = nn.LayerNorm(4, dtype=torch.float64) if norm else None
        encoders.append(nn.TransformerEncoder(layer, 2, last, enable_nested_tensor=False))
    prove(*encoders, numbers(2, 3, 4), mask)
    for encoder in encoders:
        encoder.eval()
    padding = torch.tensor([[False, False, True], [False, False, False]])
    prove(*encoders, numbers(2, 3, 4), None, padding)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled_and_mapped():
    layer = TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = numbers(2, 3, 4).requires_grad_()
    results = [call(x) for call in (compiled, layer)]
    gradients = [torch.autograd.grad(y.square().sum(), [x, *layer.parameters()]) for y in results]
    for mine, other in zip((results[0], *gradients[0]), (results[1], *gradients[1]), strict=True):
        close(mine.detach(), other.detach(), 1e-12, "compiled")
    mapped = torch.func.vmap(layer)(x)
    close(mapped.detach(), results[1].detach(), 1e-12, "mapped")


def test_scattered_inputs():
    ours, theirs = (kind(4, 2, 6, dropout=0.0, dtype=torch.float64) for kind in KINDS)
    prove(ours, theirs, numbers(4, 2, 3).permute(2, 1, 0))


def test_activations_that_are_not_here_are_refused():
    with pytest.raises(InputError, match=r"activation=torch\.tanh"):
        TransformerEncoderLayer(4, 2, activation="swish")
    layer = TransformerEncoderLayer(4, 2, activation=torch.tanh)
    with pytest.raises(InputError, match=r"loss\.backward"):
        layer.arguments(torch.zeros(3, 4))
