"""What every loss must stand: the same battery for all, beside torch.nn's."""

import pickle
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers.losses.bce import BCELoss
from netwright.layers.losses.bce_with_logits import BCEWithLogitsLoss
from netwright.layers.losses.cross_entropy import CrossEntropyLoss
from netwright.layers.losses.kl_div import KLDivLoss
from netwright.layers.losses.l1 import L1Loss
from netwright.layers.losses.mse import MSELoss
from netwright.layers.losses.nll import NLLLoss
from netwright.layers.losses.smooth_l1 import SmoothL1Loss
from tests.layers.proof import derivatives, prove, prove_derivatives, prove_pair
from tests.layers.samples import numeric, prove_samples, same, samples

pytestmark = pytest.mark.filterwarnings(
    "ignore:reduction. 'mean' divides the total loss:UserWarning",
    "ignore:.*target size.*different to the input size:UserWarning",
    "ignore:The target's shape:UserWarning",
)
REDUCTIONS = ("none", "mean", "sum")
ELEMENTWISE = (MSELoss, L1Loss, SmoothL1Loss, BCELoss, BCEWithLogitsLoss, KLDivLoss)
LOSSES = (*ELEMENTWISE, NLLLoss, CrossEntropyLoss)
OPTIONS: dict[type[nn.Module], list[dict[str, Any]]] = {
    MSELoss: [{}],
    L1Loss: [{}],
    SmoothL1Loss: [{}, {"beta": 0.0}, {"beta": 0.3}, {"beta": 2}],
    BCELoss: [{}, {"weight": "last"}, {"weight": "all"}],
    BCEWithLogitsLoss: [
        {},
        {"weight": "last"},
        {"pos_weight": "last"},
        {"weight": "all", "pos_weight": "all"},
    ],
    KLDivLoss: [{}, {"log_target": True}, {"reduction": "batchmean"}, {"reduction": "batchmean", "log_target": True}],
}


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pairs(kind: type[nn.Module], shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Input and target that a loss of elements takes."""
    x, t = numbers(*shape), numbers(*shape, seed=1)
    if kind is BCELoss:
        x = 0.2 + 0.6 * torch.sigmoid(x)  # what torch.nn adds shows more, the nearer to the ends
    return x, t if kind in {MSELoss, L1Loss, SmoothL1Loss} else torch.sigmoid(t)


def made(kind: type[nn.Module], options: dict[str, Any], shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    """Our loss and torch.nn's."""
    last = {"last": shape[-1:], "all": shape}
    options = {k: numbers(*last[v], seed=2).abs() if v in ("last", "all") else v for k, v in options.items()}
    return kind(**options), getattr(nn, kind.__name__)(**options)


def proven(kind: type[nn.Module], options: dict[str, Any], x: Tensor, t: Tensor) -> None:
    """Beside torch.nn's in float64 and float32, and the pair by itself."""
    ours, theirs = made(kind, options, tuple(x.shape))
    prove(ours, theirs, x, t, second=kind is not BCELoss)
    if kind is BCELoss:  # torch.nn adds 1e-12 to the denominator of its second derivative
        prove(ours, theirs, x, t, exact=1e-9)
    prove_pair(ours, x, t)
    prove(ours.float(), theirs.float(), x.float(), t.float() if t.is_floating_point() else t, exact=1e-5)
    assert repr(ours) == repr(theirs)


@settings(max_examples=70)
@given(data=st.data(), kind=st.sampled_from(ELEMENTWISE), shape=st.lists(st.integers(0, 4), max_size=3))
def test_elements_beside_torch(data: st.DataObject, kind: type[nn.Module], shape: list[int]):
    options = data.draw(st.sampled_from(OPTIONS[kind]))
    options = {"reduction": data.draw(st.sampled_from(REDUCTIONS))} | options
    proven(kind, options, *pairs(kind, tuple(shape)))


@settings(max_examples=100)
@given(
    kind=st.sampled_from((NLLLoss, CrossEntropyLoss)),
    rows=st.one_of(st.none(), st.integers(0, 5)),
    classes=st.integers(1, 5),
    more=st.lists(st.integers(0, 3), max_size=2),
    ignored=st.sampled_from((-100, -1, 0, 2)),
    reduction=st.sampled_from(REDUCTIONS),
    weighted=st.booleans(),
    smoothing=st.sampled_from((0.0, 0.2, 1.0)),
    mixed=st.booleans(),
    wanted=st.sampled_from((0.0, 0.3, 1.0)),
)
def test_classes_beside_torch(
    kind: type[nn.Module],
    rows: int | None,
    classes: int,
    more: list[int],
    ignored: int,
    reduction: str,
    weighted: bool,
    smoothing: float,
    mixed: bool,
    wanted: float,
):
    """`wanted` is the share of rows whose class is to be ignored."""
    shape = (classes,) if rows is None else (rows, classes, *more)
    x = numbers(*shape)
    places = () if rows is None else (rows, *more)
    generator = torch.Generator().manual_seed(0)
    t = torch.randint(0, classes, places, generator=generator)
    t = torch.where(torch.rand(places, generator=generator) < wanted, ignored, t) if ignored < classes else t
    options: dict[str, Any] = {"reduction": reduction, "ignore_index": ignored}
    if weighted:
        options["weight"] = torch.linspace(0.5, 2, classes, dtype=torch.float64)
    if kind is CrossEntropyLoss:
        options["label_smoothing"] = smoothing
        if mixed:
            t, options["ignore_index"] = torch.softmax(numbers(*shape, seed=1), min(1, len(shape) - 1)), -100
    proven(kind, options, x, t)


@pytest.mark.parametrize("kind", [MSELoss, L1Loss, SmoothL1Loss, BCEWithLogitsLoss, NLLLoss])
def test_torch_samples(kind: type[nn.Module]):
    prove_samples(kind, f"nn.{kind.__name__}")


@pytest.mark.parametrize(("kind", "exact"), [(KLDivLoss, 1e-10), (CrossEntropyLoss, 1e-10), (BCELoss, 1e-9)])
def test_torch_samples_with_nan(kind: type[nn.Module], exact: float):
    """Some of these have nan in the input or the loss, of which there is no numeric derivative.

    torch.nn adds 1e-12 to the denominator of the second derivative of BCELoss, which shows in the tenth digit.
    """
    for sample in samples(f"nn.{kind.__name__}"):
        ours, theirs = kind(*sample.args, **sample.kwargs), getattr(nn, kind.__name__)(*sample.args, **sample.kwargs)
        prove(ours, theirs, *sample.given, exact=exact)
        prove_pair(ours, *sample.given)
        if ours(*sample.given).isfinite().all():
            numeric(ours, sample.given)
        assert repr(ours) == repr(theirs)
        same(ours, pickle.loads(pickle.dumps(ours)), sample.given)


@pytest.mark.parametrize("kind", ELEMENTWISE)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_derivatives_of_elements(kind: type[nn.Module], reduction: str):
    for options in OPTIONS[kind]:
        prove_derivatives(made(kind, {"reduction": reduction} | options, (2, 3))[0], *pairs(kind, (2, 3)))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)])
def test_derivatives_of_classes(reduction: str, weight: Tensor | None):
    x, t = numbers(3, 3), torch.tensor([1, -100, 2])
    prove_derivatives(NLLLoss(weight, reduction=reduction), x, t)
    for smoothing in (0.0, 0.2):
        loss = CrossEntropyLoss(weight, reduction=reduction, label_smoothing=smoothing)
        prove_derivatives(loss, x, t)
        prove_derivatives(loss, x, torch.softmax(numbers(3, 3, seed=1), 1))


@pytest.mark.parametrize("kind", LOSSES)
def test_rows_scattered_in_memory_and_maps(kind: type[nn.Module]):
    ours, theirs = made(kind, {}, (3, 4))
    if kind in ELEMENTWISE:
        x, t = pairs(kind, (3, 4))
        prove(ours, theirs, x.T, t.T)
    else:
        x, t = numbers(3, 4), torch.tensor([1, 3, 0])
        prove(ours, theirs, numbers(4, 3).T, t)
    each = torch.stack([ours(*row) for row in zip(x, t, strict=True)])
    torch.testing.assert_close(torch.func.vmap(ours)(x, t), each)
    slopes = torch.func.vmap(torch.func.grad(ours))(x, t)
    alone = torch.stack([torch.func.grad(ours)(*row) for row in zip(x, t, strict=True)])
    torch.testing.assert_close(slopes, alone)
    slopes = torch.func.vmap(torch.func.grad(ours), (None, 0))(x[0], t)  # rows of one of the two alone
    torch.testing.assert_close(slopes, torch.stack([torch.func.grad(ours)(x[0], one) for one in t]))
    slopes = torch.func.vmap(torch.func.grad(ours), (0, None))(x, t[0])
    torch.testing.assert_close(slopes, torch.stack([torch.func.grad(ours)(row, t[0]) for row in x]))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("kind", LOSSES)
def test_compiled(kind: type[nn.Module]):
    torch.compiler.reset()
    options = {"weight": torch.ones(4, dtype=torch.float64)} if kind in {NLLLoss, CrossEntropyLoss} else {}
    ours, _ = made(kind, options, (3, 4))
    x, t = pairs(kind, (3, 4)) if kind in ELEMENTWISE else (numbers(3, 4), torch.tensor([1, 3, -100]))
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    for name, found in derivatives(compiled, (x, t), second=False).items():
        torch.testing.assert_close(found, derivatives(ours, (x, t), second=False)[name])


@pytest.mark.parametrize("kind", (MSELoss, L1Loss, SmoothL1Loss, KLDivLoss))
@pytest.mark.parametrize("shapes", [((3, 1), (3,)), ((2, 3), (3,)), ((1,), (2, 1, 3)), ((), (2,))])
def test_shapes_that_broadcast(kind: type[nn.Module], shapes: tuple):
    for reduction in REDUCTIONS:
        ours, theirs = made(kind, {"reduction": reduction}, shapes[0])
        x, t = numbers(*shapes[0]), torch.sigmoid(numbers(*shapes[1], seed=1))
        prove(ours, theirs, x, t)
        prove_pair(ours, x, t)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", (MSELoss, L1Loss, SmoothL1Loss))
def test_shapes_that_broadcast_are_told(kind: type[nn.Module]):
    with pytest.warns(UserWarning, match="Reshape one of the two"):
        kind()(torch.zeros(3, 1), torch.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind()(torch.zeros(3, 1), torch.zeros(3, 1))


@pytest.mark.parametrize("kind", LOSSES)
def test_unknown_reduction(kind: type[nn.Module]):
    for word in ("average", "batchmean")[: 1 if kind is KLDivLoss else 2]:
        with pytest.raises(InputError, match="reduction"):
            kind(reduction=word)


@pytest.mark.parametrize("kind", (BCELoss, BCEWithLogitsLoss))
def test_shapes_that_must_match(kind: type[nn.Module]):
    with pytest.raises(InputError, match="same shape"):
        kind()(torch.rand(3, 1), torch.rand(3))


def test_smooth_l1_beta():
    with pytest.raises(InputError, match="beta"):
        SmoothL1Loss(beta=-1.0)


def test_targets_of_integers():
    x, t = numbers(3), torch.tensor([0, 1, 2])
    for kind in (MSELoss, L1Loss, SmoothL1Loss):
        torch.testing.assert_close(kind()(x, t), kind()(x, t.double()))
        assert kind()(x.float(), t.double()).dtype == torch.float64
        x32 = x.float().requires_grad_()
        (gradient,) = torch.autograd.grad(kind()(x32, t.double()), x32)
        assert gradient.dtype == torch.float32


def test_bce_at_the_ends():
    """Logs stop at −100, the denominator of the slope at 1e−12, as in torch.nn; what is no probability gives nan."""
    x, t = torch.tensor([0.0, 0.0, 1.0, 1.0]).double(), torch.tensor([0.0, 1.0, 0.0, 1.0]).double()
    x.requires_grad_()
    results = []
    for kind in (BCELoss, nn.BCELoss):
        loss = kind(reduction="none")(x, t)
        results.append((loss, *torch.autograd.grad(loss.sum(), x)))
    torch.testing.assert_close(*results)
    assert BCELoss()(torch.tensor([1.5]), torch.tensor([1.0])).isnan()
    assert BCELoss()(torch.tensor([-0.5]), torch.tensor([0.0])).isnan()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bce_of_extreme_logits(dtype: torch.dtype):
    x = torch.tensor([-1e4, -200.0, -90.0, -1.0, 0.0, 1.0, 90.0, 1e4], dtype=dtype)
    for t in (torch.zeros_like(x), torch.ones_like(x), torch.full_like(x, 0.3)):
        for p in (None, torch.full((8,), 3.0, dtype=dtype)):
            options = {"pos_weight": p, "reduction": "none"}
            prove(BCEWithLogitsLoss(**options), nn.BCEWithLogitsLoss(**options), x, t, exact=1e-6)


def test_kl_where_the_target_is_zero():
    x, t = numbers(2, 3).requires_grad_(), torch.tensor([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0]]).double()
    results = []
    for kind in (KLDivLoss, nn.KLDivLoss):
        loss = kind(reduction="none")(x, t)
        results.append((loss, *torch.autograd.grad(loss.sum(), x)))
    torch.testing.assert_close(*results)
    t.requires_grad_()
    (gradient,) = torch.autograd.grad(KLDivLoss(reduction="sum")(x, t), t)
    assert gradient.isfinite().all()
