import copy
import importlib
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

import netwright.families.recurrent.body as bodies
from netwright.core import trees
from netwright.core.errors import InputError, InputTypeError
from netwright.layers.gru import GRU
from netwright.layers.lstm import LSTM
from netwright.layers.rnn import RNN
from tests.layers.operators import Elementary
from tests.layers.proof import close, prove

KINDS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
kinds = pytest.mark.parametrize("name", KINDS)


def both_of(name: str, *args: int, **options: object) -> tuple[nn.Module, nn.Module]:
    """Ours and torch.nn's, of the same weights, in float64."""
    torch.manual_seed(0)
    ours, theirs = (kind(*args, **options).double() for kind in (KINDS[name], getattr(nn, name)))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def state(name: str, *shape: int) -> torch.Tensor | tuple:
    return (numbers(*shape, seed=1), numbers(*shape, seed=2)) if name == "LSTM" else numbers(*shape, seed=1)


class Packing(nn.Module):
    """Torch's layer called on padded tensors, packed on the way."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def state_dict(self, **options: object) -> dict:
        return self.layer.state_dict(**options)

    def load_state_dict(self, weights: dict, **options: object) -> object:
        return self.layer.load_state_dict(weights, **options)

    def named_parameters(self, *args: object, **options: object):
        return self.layer.named_parameters(*args, **options)

    def forward(self, x: torch.Tensor, hx: object, lengths: torch.Tensor) -> tuple:
        packed = pack_padded_sequence(x, lengths, self.layer.batch_first, enforce_sorted=False)
        outputs, after = self.layer(packed, hx)
        steps = x.shape[1] if self.layer.batch_first else len(x)
        return pad_packed_sequence(outputs, self.layer.batch_first, total_length=steps)[0], after


@kinds
@settings(max_examples=6)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 2), st.booleans(), st.booleans())
def test_lengths_beside_packed_sequences(name: str, lengths: list[int], layers: int, first: bool, both: bool):
    ours, theirs = both_of(name, 2, 3, layers, batch_first=first, bidirectional=both)
    hx, many = state(name, layers * (1 + both), len(lengths), 3), torch.tensor(lengths)
    x = numbers(len(lengths), 4, 2) if first else numbers(4, len(lengths), 2)
    prove(ours, Packing(theirs), x, hx, many)
    prove(Packing(ours), Packing(theirs), x, hx, many)


@kinds
def test_padding_is_never_looked_at(name: str):
    layer, _ = both_of(name, 2, 3, 2, bidirectional=True)
    lengths = torch.tensor([3, 0, 1])
    x = numbers(4, 3, 2)
    spoiled = x.clone()
    spoiled[3:, 0], spoiled[:, 1], spoiled[1:, 2] = float("nan"), float("inf"), float("nan")
    hx = state(name, 4, 3, 3)
    outputs, after = layer(spoiled, hx, lengths)
    close(outputs.detach(), layer(x, hx, lengths)[0].detach(), 0.0, "outputs")
    assert not outputs[3:, 0].any() and not outputs[:, 1].any() and not outputs[1:, 2].any()
    for mine, begun in zip(trees.leaves(after), trees.leaves(hx), strict=True):
        assert torch.equal(mine[:, 1], begun[:, 1]), "a sequence without a step keeps its state"
    spoiled.requires_grad_()
    outputs = layer(spoiled, hx, lengths)[0]
    (gradient,) = torch.autograd.grad(outputs.sum(), spoiled)
    assert gradient.isfinite().all() and not gradient[:, 1].any()


@kinds
def test_elementary_steps_and_no_look_at_numbers(name: str):
    layer, _ = both_of(name, 2, 3, 2, bidirectional=True, batch_first=True, dropout=0.5)
    x, hx, lengths = numbers(2, 4, 2), state(name, 4, 2, 3), torch.tensor([3, 4])
    with torch.no_grad(), Elementary():  # reading a number on the host is no such step either
        outputs, _ = layer(x, hx, lengths)
    assert outputs.isfinite().all()


@kinds
def test_sorted_packed_sequences(name: str):
    ours, theirs = both_of(name, 2, 3)
    packed = pack_sequence([numbers(4, 2), numbers(2, 2), numbers(2, 2)])
    mine, other = (layer(packed) for layer in (ours, theirs))
    assert torch.equal(mine[0].batch_sizes, other[0].batch_sizes) and mine[0].sorted_indices is None
    for a, b in zip(trees.leaves(list(mine)), trees.leaves(list(other)), strict=True):
        close(a.detach(), b.detach(), 1e-10, "packed")


@kinds
def test_one_sequence_alone(name: str):
    for first in (True, False):
        ours, theirs = both_of(name, 2, 3, 2, batch_first=first, bidirectional=True)
        prove(ours, theirs, numbers(4, 2), state(name, 4, 3))
        assert ours(numbers(4, 2), lengths=torch.tensor(2))[0][2:].eq(0).all()


@kinds
def test_dropout_lies_between_layers(name: str):
    ours, theirs = both_of(name, 3, 4, 3, dropout=0.5, bidirectional=True)
    prove(ours, theirs, numbers(3, 2, 3))
    prove(ours.eval(), theirs.eval(), numbers(3, 2, 3))
    prove(*both_of(name, 3, 4, 2, dropout=1.0), numbers(3, 2, 3))
    with pytest.warns(UserWarning, match="num_layers=1"):
        KINDS[name](3, 4, dropout=0.5)


@kinds
def test_starts_and_reads_as_torch_does(name: str):
    for options in ({}, {"num_layers": 2, "bidirectional": True, "batch_first": True}, {"bias": False}):
        made = []
        for kind in (KINDS[name], getattr(nn, name)):
            torch.manual_seed(0)
            made.append(kind(3, 5, **options))
        ours, theirs = made
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
        assert repr(ours) == repr(theirs)
        public = {k for k in vars(theirs) if not k.startswith("_")}
        assert {k: getattr(ours, k) for k in public} == {k: getattr(theirs, k) for k in public}
        assert ours.flatten_parameters() is None
        ours.reset_parameters()
        x = torch.zeros(2, 2, 3)
        for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
            assert torch.equal(other(x)[0], ours(x)[0])
    assert KINDS[name](3, 5, device="meta")(torch.zeros(2, 2, 3, device="meta"))[0].shape == (2, 2, 5)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch.compile's own
@kinds
def test_under_vmap_and_compile(name: str):
    layer, _ = both_of(name, 2, 3, bidirectional=True)
    x, lengths = numbers(3, 2, 2), torch.tensor([3, 2])
    mapped = torch.func.vmap(lambda row: layer(row)[0], in_dims=1, out_dims=1)
    close(mapped(x).detach(), layer(x)[0].detach(), 1e-10, "vmap")
    single = torch.func.vmap(torch.func.grad(lambda row: layer(row)[0].square().sum()), in_dims=1, out_dims=1)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    gradients = []
    for one in (layer, compiled):
        leaf = x.clone().requires_grad_()
        outputs = one(leaf, None, lengths)[0]
        gradients.append((outputs, *torch.autograd.grad(outputs.square().sum(), [leaf, *layer.parameters()])))
    for mine, other in zip(*gradients, strict=True):
        close(other.detach(), mine.detach(), 1e-10, "compiled")
    leaf = x.clone().requires_grad_()
    close(single(x).detach(), torch.autograd.grad(layer(leaf)[0].square().sum(), leaf)[0], 1e-10, "vmap of grad")


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_in_the_family(kind: bodies.Kind, monkeypatch: pytest.MonkeyPatch):
    theirs = bodies.Recurrent(kind, 2, 3, num_layers=2, bidirectional=True).double().eval()
    monkeypatch.setattr(bodies, "getattr", lambda _, name: KINDS[name], raising=False)
    ours = bodies.Recurrent(kind, 2, 3, num_layers=2, bidirectional=True).double().eval()
    monkeypatch.undo()
    assert isinstance(ours.onward[0], KINDS[kind.upper()])
    prove(ours, theirs, numbers(2, 4, 2), torch.tensor([4, 2]), state(kind.upper(), 4, 2, 3))
    prove(ours, theirs, numbers(2, 4, 2))


@kinds
def test_what_does_not_fit(name: str):
    layer, _ = both_of(name, 2, 3)
    for sizes in ((0, 3), (2, 0), (2, 3, 0)):
        with pytest.raises(InputError, match="hidden_size"):
            KINDS[name](*sizes)
    with pytest.raises(InputError, match="dropout"):
        KINDS[name](2, 3, 2, dropout=1.5)
    x, packed = numbers(4, 2, 2), pack_sequence([numbers(2, 2)])
    wrong = [(x[:0],), (x[:, :, :1],), (x[None],), (x, state(name, 2, 2, 3)), (x, state(name, 1, 1, 3))]
    for call in (*wrong, (x, None, torch.tensor([4])), (x, None, torch.tensor([[4, 4]]))):
        with pytest.raises(InputError, match="fit"):
            layer(*call)
    with pytest.raises(InputError, match="Leave lengths away"):
        layer(packed, None, torch.tensor([2]))


@kinds
def test_one_bias_alone(name: str):
    """The pair adds whichever is there."""
    pair = importlib.import_module(KINDS[name].__module__)
    layer, _ = both_of(name, 2, 3)
    x, first = numbers(4, 2, 2), [numbers(2, 3, seed=i) for i in range(2 if name == "LSTM" else 1)]
    w_ih, w_hh, b_ih, b_hh = (w.detach() for w in layer.all_weights[0])
    for biases in ((b_ih, None), (None, b_hh)):
        zeros = tuple(torch.zeros_like(b_ih) if b is None else b for b in biases)
        mine, other = (pair.forward(x, *first, w_ih, w_hh, *b) for b in (biases, zeros))
        passed = trees.mapped(torch.ones_like, mine[0])
        for a, b in zip(trees.leaves(mine[0]), trees.leaves(other[0]), strict=True):
            close(a, b, 1e-12, "outputs")
        gradients = [pair.backward(passed, cache) for _, cache in (mine, other)]
        at = 3 + len(first)
        for i, bias in enumerate(biases):
            assert (gradients[0][at + i] is None) == (bias is None)
        kept = at + (biases[0] is None)
        close(gradients[0][kept], gradients[1][kept], 1e-12, "bias")


@kinds
def test_what_is_frozen_is_not_reckoned(name: str):
    pair = importlib.import_module(KINDS[name].__module__)
    layer, _ = both_of(name, 2, 3)
    x, first = numbers(4, 2, 2), [numbers(2, 3, seed=i) for i in range(2 if name == "LSTM" else 1)]
    outputs, cache = pair.forward(x, *first, *(w.detach() for w in layer.all_weights[0]))
    passed = trees.mapped(torch.ones_like, outputs)
    gradients = pair.backward(passed, cache, (True,) * (1 + len(first)) + (False,) * 4)
    assert all(g is not None for g in gradients[: 1 + len(first)]) and not any(
        g is not None for g in gradients[1 + len(first) :]
    )


@kinds
def test_all_weights(name: str):
    for options in ({}, {"num_layers": 2, "bidirectional": True}, {"bias": False}):
        ours, theirs = both_of(name, 2, 3, **options)
        for mine, other in zip(ours.all_weights, theirs.all_weights, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
        assert {id(w) for place in ours.all_weights for w in place} == {id(w) for w in ours.parameters()}


@kinds
def test_states_and_lengths_of_another_kind(name: str):
    layer, _ = both_of(name, 2, 3)
    x, h = numbers(4, 2, 2), numbers(1, 2, 3)
    with pytest.raises(InputTypeError, match="hx"):
        layer(x, h if name == "LSTM" else (h, h))
    for lengths in ([4, 2], torch.tensor([4.0, 2.0]), torch.tensor([True, True])):
        with pytest.raises(InputTypeError, match="as_tensor"):
            layer(x, None, lengths)
    for wrong in ([5, 2], [-1, 2]):
        with pytest.raises(InputError, match="from 0 to 4"):
            layer(x, None, torch.tensor(wrong))
    mapped = torch.func.vmap(lambda row, many: layer(row, lengths=many)[0], in_dims=(1, 0), out_dims=1)
    many = torch.tensor([4, 2])
    close(mapped(x, many).detach(), layer(x, lengths=many)[0].detach(), 1e-12, "vmap")
