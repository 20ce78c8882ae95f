"""Padding reaches no answer and no gradient, and the numbers are those of torch.nn's own packed layers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from netwright.core.errors import InputError
from netwright.families.recurrent.body import NAMES, Recurrent

B, T, D, H = 5, 7, 3, 4
LENGTHS = torch.tensor([7, 3, 1, 5, 7])
every_kind = pytest.mark.parametrize("kind", NAMES)
every_shape = pytest.mark.parametrize(("layers", "both"), [(1, False), (1, True), (2, False), (3, True)])


def made(kind: str, layers: int, both: bool) -> tuple[Recurrent, nn.Module]:
    """Ours, and torch.nn's own with the same weights, in float64."""
    torch.manual_seed(0)
    ours = Recurrent(kind, D, H, num_layers=layers, bidirectional=both).double()  # type: ignore[arg-type]
    theirs = getattr(nn, NAMES[kind])(D, H, layers, batch_first=True, bidirectional=both).double()
    weights = {}
    for side, ending in ((ours.onward, ""), (ours.back, "_reverse")):
        for i, layer in enumerate(side):
            weights |= {name.replace("l0", f"l{i}") + ending: p for name, p in layer.named_parameters()}
    theirs.load_state_dict(weights)
    return ours, theirs


def data(steps: int = T) -> Tensor:
    return torch.randn(B, steps, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@every_kind
@every_shape
def test_it_is_what_torch_packs(kind: str, layers: int, both: bool):
    ours, theirs = made(kind, layers, both)
    x, other = data().requires_grad_(), data().requires_grad_()
    found, state = ours(x, LENGTHS)
    packed, _ = theirs(pack_padded_sequence(other, LENGTHS, batch_first=True, enforce_sorted=False))
    wanted, _ = pad_packed_sequence(packed, batch_first=True, total_length=T)
    torch.testing.assert_close(found, wanted)
    assert state is None
    found.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(x.grad, other.grad)
    for i, layer in enumerate(ours.onward):
        torch.testing.assert_close(layer.weight_ih_l0.grad, getattr(theirs, f"weight_ih_l{i}").grad)


@every_kind
@every_shape
def test_without_lengths_it_is_torchs_own_and_its_state_goes_on(kind: str, layers: int, both: bool):
    ours, theirs = made(kind, layers, both)
    x = data()
    found, state = ours(x)
    wanted, last = theirs(x)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(state, last)
    if not both:
        first, between = ours(x[:, :4])
        second, end = ours(x[:, 4:], None, between)
        torch.testing.assert_close(torch.cat([first, second], 1), found)
        torch.testing.assert_close(end, state)


@every_kind
@every_shape
def test_rows_alone_give_what_they_give_among_others(kind: str, layers: int, both: bool):
    ours, _ = made(kind, layers, both)
    x = data()
    spoilt = x.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        spoilt[row, length:] = float("nan")
    spoilt.requires_grad_()
    outputs, _ = ours(spoilt, LENGTHS)
    ends = ours.ends(outputs, LENGTHS)
    ends.sum().backward()
    assert torch.isfinite(spoilt.grad).all()
    for row, length in enumerate(LENGTHS.tolist()):
        alone = x[row : row + 1, :length].clone().requires_grad_()
        own, _ = ours(alone)
        torch.testing.assert_close(outputs[row : row + 1, :length], own)
        assert not outputs[row, length:].any()
        torch.testing.assert_close(ends[row : row + 1], ours.ends(own))
        ours.ends(own).sum().backward()
        torch.testing.assert_close(spoilt.grad[row, :length], alone.grad[0])
        assert not spoilt.grad[row, length:].any()


@every_kind
@pytest.mark.parametrize("both", [False, True])
def test_nothing_at_all_is_finite(kind: str, both: bool):
    ours, _ = made(kind, 2, both)
    outputs, _ = ours(data(), torch.tensor([0, 7, 0, 1, 0]))
    assert torch.isfinite(outputs).all() and not outputs[0].any()
    assert torch.isfinite(ours.ends(outputs, torch.tensor([0, 7, 0, 1, 0]))).all()
    none, state = ours(data(0))
    assert none.shape == (B, 0, ours.output_size) and ours.ends(none).shape == (B, ours.output_size)
    again, _ = ours(data(), None, state)
    torch.testing.assert_close(again, ours(data())[0])
    outputs, (kept, *_) = ours(data(0), None, state if kind == "lstm" else (state,)[0])[0], [state]
    assert outputs.shape[1] == 0 and kept is state


def test_dropout_lies_between_layers():
    torch.manual_seed(0)
    body = Recurrent("gru", D, H, num_layers=2, dropout=0.5)
    x = data().float()
    assert not torch.equal(body(x)[0], body(x)[0])
    body.eval()
    assert torch.equal(body(x)[0], body(x)[0])
    single = Recurrent("gru", D, H, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])


def test_sizes_that_cannot_be():
    with pytest.raises(InputError, match="hidden_size"):
        Recurrent("lstm", 3, 0)
