import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import Forecasting
from netwright.tasks.forecasting import steps_in_words

NUMBER = CellType(kind="number")


def task(horizon: int = 3, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9), **values: list[float]) -> Forecasting:
    columns = {name: np.asarray(column) for name, column in (values or {"units": [1.0, 2.0, 3.0]}).items()}
    rows = np.arange(len(next(iter(columns.values()))))
    cells = dict.fromkeys(columns, NUMBER)
    return Forecasting.fit(columns, cells, rows, horizon=horizon, quantiles=quantiles, step="1d")


def slow_losses(outputs: np.ndarray, target: np.ndarray, levels: tuple[float, ...]) -> list[float]:
    found = []
    for forecast, truth in zip(outputs, target, strict=True):
        losses = [
            2 * (level * (y - f) if y > f else (1 - level) * (f - y))
            for at in np.ndindex(truth.shape)
            if not np.isnan(y := truth[at])
            for level, f in zip(levels, forecast[at], strict=True)
        ]
        found.append(float(np.mean(losses)) if losses else 0.0)
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(0.5,), (0.1, 0.5, 0.9), (0.5, 0.95)]), st.floats(0, 1))
def test_pinball_is_that_of_a_slow_reference(seed: int, levels: tuple[float, ...], missing: float):
    draw = np.random.default_rng(seed)
    outputs, target = draw.normal(size=(4, 3, 2, len(levels))), draw.normal(size=(4, 3, 2))
    target[draw.random(target.shape) < missing] = np.nan
    target[0] = np.nan
    asked = task(3, levels, a=[1.0, 2.0], b=[3.0, 5.0])
    losses = asked.losses(torch.from_numpy(outputs), torch.from_numpy(target))
    assert np.allclose(losses, slow_losses(outputs, target, levels)) and losses[0] == 0


def test_what_was_not_observed_has_no_gradient():
    target = torch.tensor([[[1.0], [float("nan")], [2.0]], [[float("nan")]] * 3])
    outputs = torch.zeros(2, 3, 1, 3, requires_grad=True)
    task().losses(outputs, target).sum().backward()
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()
    assert not outputs.grad[0, 1].any() and not outputs.grad[1].any() and outputs.grad[0, 0].all()


def test_quantiles_never_cross():
    outputs = torch.randn(5, 3, 1, 3, generator=torch.Generator().manual_seed(0))
    found = task().predictions(outputs)
    assert found.dtype == np.float64 and (np.diff(found, axis=-1) >= 0).all()


def test_targets_are_measured_where_they_were_observed():
    found = task(units=[1.0, float("nan"), 3.0], flat=[0.1, 0.1, 0.1])
    assert found.center == (2.0, pytest.approx(0.1)) and found.scale == (1.0, 1.0)
    assert found.output_size == 3 * 2 * 3 and found.middle == 1
    assert Forecasting.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("values", [[float("nan")] * 3, [1e300, -1e300, 1e300]])
def test_a_target_that_cannot_be_measured(values: list[float]):
    with pytest.raises(InputError, match="can't be foretold") as error:
        task(units=values)
    assert "--target" in error.value.fix


@pytest.mark.parametrize("quantiles", [(0.1, 0.9), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0), ()])
def test_quantiles_that_are_none(quantiles: tuple[float, ...]):
    with pytest.raises(ValueError, match="quantiles"):
        task(3, quantiles)


@pytest.mark.parametrize(
    ("count", "step", "words"),
    [
        (28, "1d", "28 days"),
        (1, "1mo", "1 month"),
        (96, "15m", "96 steps of 15 minutes"),
        (5, "1b", "5 business days"),
        (12, "1i", "12 rows"),
        (2, "?", "2 steps of ?"),
    ],
)
def test_the_horizon_in_words(count: int, step: str, words: str):
    assert steps_in_words(count, step) == words


def test_it_says_what_it_foretells():
    assert task(28).title == "forecast of the next 28 days of units"
    assert task(a=[1.0, 2], b=[1.0, 2]).title.endswith("of a and b")
    assert task(a=[1.0, 2], b=[1.0, 2], c=[1.0, 2]).title.endswith("of 3 targets")


def test_columns_for_a_person():
    answers = np.arange(6.0).reshape(2, 1, 3)
    one = task().columns(answers)
    assert list(one) == ["prediction", "quantile_0.1", "quantile_0.9"] and one["prediction"].tolist() == [1, 4]
    two = task(a=[1.0, 2], b=[1.0, 2]).columns(np.zeros((4, 2, 3)))
    assert list(two)[:4] == ["prediction_a", "quantile_0.1_a", "quantile_0.9_a", "prediction_b"]


def test_decode_keeps_what_is_missing():
    assert np.isnan(task().decode(torch.tensor([[[float("nan")]]]))).all()
