import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.embedding import Embedding
from tests.layers.handling import prove_handling, seeded
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples


@settings(max_examples=40)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    things=st.integers(2, 5),
    size=st.integers(1, 4),
    padding=st.sampled_from([None, 0, 1, -1]),
    mean=st.booleans(),
    kind=st.sampled_from([torch.int32, torch.int64]),
)
def test_beside_torch(shape: list[int], things: int, size: int, padding: int | None, mean: bool, kind: torch.dtype):
    numbers = torch.randint(things, shape, generator=torch.Generator().manual_seed(0)).to(kind)
    options = {"padding_idx": padding, "scale_grad_by_freq": mean, "dtype": torch.float64}
    ours, theirs = (k(things, size, **options) for k in (Embedding, nn.Embedding))
    second = numbers.numel() > 0 and not mean  # torch.nn has no second derivative for these
    prove(ours, theirs, numbers, second=second)
    if padding is None and not mean:  # both change the gradient on purpose
        prove_pair(ours, numbers)
    prove(ours.float(), theirs.float(), numbers, exact=1e-5, second=second)


def test_derivatives():
    prove_derivatives(Embedding(3, 2, dtype=torch.float64), torch.tensor([0, 2, 2, 0]))


def test_torch_samples():
    assert prove_samples(Embedding, "nn.Embedding") >= 1


def test_beside_torch_in_every_other_way():
    for options in ({}, {"padding_idx": 1}, {"padding_idx": -1}, {"norm_type": 1.0, "scale_grad_by_freq": True}):
        found = []
        for kind in (Embedding, nn.Embedding):
            torch.manual_seed(0)
            found.append(kind(4, 3, **options))
        assert repr(found[0]) == repr(found[1]) and found[0].padding_idx == found[1].padding_idx
        assert torch.equal(found[0].weight, found[1].weight)
    ours, theirs = (k(6, 2, dtype=torch.float64) for k in (Embedding, nn.Embedding))
    prove(ours, theirs, torch.tensor([[0, 5], [1, 1], [2, 3]]).T)
    prove_handling(lambda **kind: Embedding(6, 2, padding_idx=2, **kind), torch.tensor([1, 2, 1]))
    prove_handling(lambda **kind: Embedding(6, 2, scale_grad_by_freq=True, **kind), torch.tensor([1, 2, 1]))


def test_mapped_gradients():
    layer, numbers = Embedding(4, 2, dtype=torch.float64), torch.tensor([[0, 1], [2, 2], [3, 0]])

    def loss(weight: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, row).sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(layer.weight, numbers)
    counts = torch.stack([torch.bincount(row, minlength=4) for row in numbers])
    assert torch.equal(found, counts.unsqueeze(-1).expand(-1, -1, 2).double())


def test_from_pretrained():
    table = seeded(5, 3)
    for options in ({}, {"freeze": False}, {"padding_idx": 1, "scale_grad_by_freq": True}):
        ours, theirs = (k.from_pretrained(table.clone(), **options) for k in (Embedding, nn.Embedding))
        assert torch.equal(ours.weight, table) and repr(ours) == repr(theirs)
        assert ours.weight.requires_grad == theirs.weight.requires_grad


@pytest.mark.parametrize("number", [-1, 4])
def test_a_number_that_is_not_in_the_table(number: int):
    for kind in (Embedding, nn.Embedding):
        with pytest.raises(IndexError):
            kind(4, 3)(torch.tensor([0, number]))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Embedding(4, 3, max_norm=1.0), "max_norm"),
        (lambda: Embedding(4, 3, sparse=True), "sparse"),
        (lambda: Embedding(4, 3, padding_idx=4), "padding_idx"),
        (lambda: Embedding(4, 3, padding_idx=-5), "padding_idx"),
        (lambda: Embedding(4, 3, _weight=torch.zeros(3, 4)), "from_pretrained"),
        (lambda: Embedding.from_pretrained(torch.zeros(3)), "embeddings"),
    ],
)
def test_errors(make, name: str):
    with pytest.raises(InputError, match=name):
        make()


@pytest.mark.parametrize("mean", [True, False])
def test_a_thing_that_comes_often_in_half_precision(mean: bool):
    layer = Embedding(2, 1, scale_grad_by_freq=mean, dtype=torch.bfloat16)
    layer(torch.zeros(1000, dtype=torch.int64)).sum().backward()
    assert layer.weight.grad.dtype == torch.bfloat16
    assert layer.weight.grad.tolist() == [[1.0 if mean else 1000.0], [0.0]]
