import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers.fused import linear_cross_entropy
from netwright.layers.fused.linear_cross_entropy import LinearCrossEntropyLoss
from tests.layers.proof import derivatives, prove, prove_derivatives, prove_pair
from tests.layers.samples import numeric, same, samples


@pytest.fixture(autouse=True, scope="module")
def few_at_a_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_cross_entropy, "LOGITS", 12)
        yield


def drawn(rows: tuple[int, ...], inputs: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*rows, inputs, dtype=torch.float64, generator=generator)
    target = torch.randint(0, classes, rows, generator=generator)
    return x, torch.where(torch.rand(rows, generator=generator) < 0.2, -100, target)


@settings(max_examples=40)
@given(
    rows=st.one_of(st.just(()), st.tuples(st.integers(0, 9))),
    classes=st.integers(1, 6),
    reduction=st.sampled_from(("none", "mean", "sum")),
    smoothing=st.sampled_from((0.0, 0.2)),
    bias=st.booleans(),
    weighted=st.booleans(),
)
def test_beside_torch(
    rows: tuple[int, ...], classes: int, reduction: str, smoothing: float, bias: bool, weighted: bool
):
    x, target = drawn(rows, 3, classes)
    options: dict[str, Any] = {"bias": bias, "reduction": reduction, "label_smoothing": smoothing}
    options["dtype"] = torch.float64
    if weighted:
        options["weight"] = torch.linspace(0.5, 2, classes, dtype=torch.float64)
    ours, theirs = (kind(3, classes, **options) for kind in (LinearCrossEntropyLoss, nn.LinearCrossEntropyLoss))
    prove(ours, theirs, x, target)
    prove_pair(ours, x, target)
    assert repr(ours) == repr(theirs)
    prove(ours.float(), theirs.float(), x.float(), target, exact=1e-5)


def test_torch_samples():
    """Those without what is not had here: several losses a row, probabilities, parts of a chosen size."""
    had = [
        sample
        for sample in samples("nn.LinearCrossEntropyLoss")
        if not (sample.kwargs["out_features"] or sample.kwargs["options"] or sample.given[1].is_floating_point())
    ]
    assert len(had) > 100
    for sample in had[::4]:
        ours = LinearCrossEntropyLoss(*sample.args, **sample.kwargs)
        theirs = nn.LinearCrossEntropyLoss(*sample.args, **sample.kwargs)
        prove(ours, theirs, *sample.given)
        if ours(*sample.given).isfinite().all():
            numeric(ours, sample.given)
        assert repr(ours) == repr(theirs)
        same(ours, pickle.loads(pickle.dumps(ours)), sample.given)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_derivatives(reduction: str):
    x, target = drawn((5,), 2, 4)
    weight = torch.linspace(0.5, 2, 4, dtype=torch.float64)
    prove_derivatives(
        LinearCrossEntropyLoss(2, 4, bias=True, weight=weight, reduction=reduction, label_smoothing=0.1).double(),
        x,
        target,
    )


def test_starts_where_torch_starts():
    torch.manual_seed(0)
    ours = LinearCrossEntropyLoss(5, 7, bias=True)
    torch.manual_seed(0)
    theirs = nn.LinearCrossEntropyLoss(5, 7, bias=True)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_the_logits_are_never_all_there():
    """What is saved for the way back is inputs, weights and a few numbers for each row."""
    loss, (x, target) = LinearCrossEntropyLoss(3, 1000), drawn((500,), 3, 1000)
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        loss(x.float(), target)
    assert sum(saved) < 10_000 < 500 * 1000


def test_rows_of_rows_and_maps():
    loss, (x, target) = LinearCrossEntropyLoss(3, 4, reduction="none").double(), drawn((2, 5), 3, 4)
    expected = loss(x.reshape(10, 3), target.reshape(10)).reshape(2, 5)
    torch.testing.assert_close(loss(x, target), expected)
    torch.testing.assert_close(torch.func.vmap(loss)(x, target), expected)
    slope = torch.func.grad(lambda x, target: loss(x, target).sum())
    torch.testing.assert_close(
        torch.func.vmap(slope)(x, target), torch.stack([slope(*pair) for pair in zip(x, target, strict=True)])
    )
    prove(loss, nn.LinearCrossEntropyLoss(3, 4, reduction="none").double(), x[:, 0].T.contiguous().T, target[:, 0])


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch.compile's own
def test_compiled():
    torch.compiler.reset()
    loss, given = LinearCrossEntropyLoss(3, 4, bias=True).double(), drawn((5,), 3, 4)
    expected = list(derivatives(loss, given, second=False).values())
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(list(derivatives(compiled, given, second=False).values()), expected)


def test_what_is_refused():
    for options in ({"out_features": (2,)}, {"options": 3}):
        with pytest.raises(InputError, match="how many rows"):
            LinearCrossEntropyLoss(3, 4, **options)
    for target in (torch.zeros(4), torch.zeros(5, dtype=torch.int64), torch.zeros(4, 4)):
        with pytest.raises(InputError, match="one class index for each row"):
            LinearCrossEntropyLoss(3, 4)(torch.randn(4, 3), target)
    for wrong in (4, -1):
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            LinearCrossEntropyLoss(3, 4)(torch.randn(4, 3), torch.tensor([0, 1, wrong, 2]))
