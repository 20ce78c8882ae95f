"""What every family that foretells must do."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family, Training
from netwright.families.forecast import blend, linear, naive, patches, recurrent
from netwright.families.forecast.line import LinearMap
from netwright.families.forecast.training import epochs_for
from netwright.tasks import Forecasting
from tests.families.forecast.made import cut, rows_of, schema_of, task_of, walk, wave

EVERY = (blend.FAMILY, linear.FAMILY, naive.FAMILY, patches.FAMILY, recurrent.LSTM, recurrent.GRU, recurrent.RNN)
every_family = pytest.mark.parametrize("family", EVERY, ids=lambda f: f.name)
every_trained = pytest.mark.parametrize("family", [f for f in EVERY if f.phases], ids=lambda f: f.name)
FORMS = {
    "one": {},
    "several": {"targets": 3, "season": 7},
    "beside": {"targets": 2, "past": 1, "known": 2, "parts": 2},
    "short": {"window": 1, "horizon": 1, "season": 7},
}


@dataclass
class Made:
    """A family built and prepared."""

    module: nn.Module
    config: Record
    schema: Schema
    task: Forecasting
    training: Batch
    held: Batch

    @property
    def loss(self) -> float:
        self.module.eval()
        with torch.no_grad():
            return float(self.task.losses(self.module(*self.held.inputs), self.held.target).mean())


def made(family: Family, schema: Schema, values: np.ndarray, known: np.ndarray | None = None, **asked: object) -> Made:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    every, task = cut(values, schema, known), task_of(schema)
    training, held = rows_of(every, slice(0, -60)), rows_of(every, slice(-40, None))
    config = family.configured(family.defaults(len(training), 1, schema, task).model_dump() | asked)
    module = family.build(config, schema, task, nn)
    if family.prepare is not None:
        family.prepare(module, config, task, training, held)
    return Made(module, config, schema, task, training, held)


def train(family: Family, it: Made, steps: int) -> None:
    if family.phases is None:
        return
    assert isinstance(it.config, Training)
    (phase,) = family.phases(it.module, it.config, it.task, steps, lambda: 0.0)
    draw = torch.Generator().manual_seed(0)
    it.module.train()
    for _ in range(steps):
        rows = torch.randint(len(it.training), (64,), generator=draw)
        batch = Batch(tuple(x[rows] for x in it.training.inputs), it.training.target[rows], it.training.fold[rows])
        phase.optimizer.zero_grad()
        loss = phase.loss(it.module, batch)
        assert isinstance(loss, Tensor)
        loss.backward()
        phase.optimizer.step()
        assert phase.scheduler is not None
        phase.scheduler.step()
    it.module.eval()
    if family.finish is not None:
        family.finish(it.module, it.config, it.task, it.training, it.held)


def some(schema: Schema, steps: int = 140, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values and what is known ahead, of the widths of this schema."""
    form, draw = schema.form, np.random.default_rng(seed)
    assert form is not None and form.kind == "series"
    columns = len(form.targets) + len(form.past) + len(form.known)
    ahead = len(form.known) + 2 * len(schema.columns[0].parts)  # type: ignore[union-attr]
    return wave(steps) + 0.1 * draw.normal(size=(steps, columns)), draw.normal(size=(steps, ahead))


@every_family
def test_it_learns_a_season_on_a_line(family: Family):
    schema = schema_of(window=14, horizon=7, season=7)
    it = made(family, schema, wave(360))
    train(family, it, 120)
    last = it.held.inputs[0][:, -1:].expand(-1, 7, -1)
    constant = float((last - it.held.target).abs().mean())
    assert it.loss < 0.35 * constant


@every_family
@pytest.mark.parametrize("form", FORMS)
def test_any_columns_any_number_of_windows(family: Family, form: str):
    schema = schema_of(**FORMS[form])
    it = made(family, schema, *some(schema))
    train(family, it, 2)
    for count in (1, 2, 40):
        outputs = it.module(*(x[:count] for x in it.held.inputs))
        assert outputs.shape == (count, it.task.horizon, len(it.task.targets), 3) and torch.isfinite(outputs).all()
    alone = it.module(*(x[:1] for x in it.held.inputs))
    assert torch.allclose(alone, it.module(*it.held.inputs)[:1], atol=1e-5), "windows do not see each other"


@every_family
def test_it_is_built_without_numbers_and_filled_from_a_file(family: Family):
    schema = schema_of(**FORMS["beside"])
    it = made(family, schema, *some(schema))
    train(family, it, 2)
    with torch.device("meta"):
        fresh = family.build(it.config, it.schema, it.task, nn)
    fresh = fresh.to_empty(device="cpu")
    fresh.load_state_dict(it.module.state_dict())
    fresh.eval()
    assert torch.equal(fresh(*it.held.inputs), it.module.eval()(*it.held.inputs))
    double = copy.deepcopy(fresh).double()(*(x.double() for x in it.held.inputs))
    assert double.dtype == torch.float64 and torch.allclose(double.float(), fresh(*it.held.inputs), atol=1e-3)


@every_family
def test_a_level_that_training_never_had_is_no_problem(family: Family):
    it = made(family, schema_of(season=7), wave())
    train(family, it, 20)
    past, ahead = it.held.inputs
    there = it.module(past, ahead)
    assert torch.allclose(it.module(past + 50, ahead) - 50, there, atol=2e-3)
    moved = it.module(3 * past, ahead)[..., 1]
    assert torch.allclose(moved, 3 * there[..., 1], atol=0.02, rtol=0.02)


@every_trained
def test_what_was_not_observed_never_touches_the_weights(family: Family):
    values = wave()
    values[100:108] = np.nan
    both = []
    for stand_in in (0.0, 7.0):
        it = made(family, schema_of(season=7), np.nan_to_num(values, nan=stand_in))
        holes = cut(values, it.schema)
        clean = tuple(x[:-60] for x in cut(wave(), it.schema).inputs)
        it.training = Batch(clean, rows_of(holes, slice(0, -60)).target, it.training.fold)
        if family.prepare is not None:
            family.prepare(it.module, it.config, it.task, it.training, it.held)
        train(family, it, 3)
        both.append(it.module.state_dict())
    assert all(torch.equal(value, both[1][name]) and torch.isfinite(value).all() for name, value in both[0].items())


@every_trained
def test_every_weight_that_can_be_trained_is(family: Family):
    schema = schema_of(**FORMS["beside"])
    it = made(family, schema, *some(schema))
    before = {name: p.clone() for name, p in it.module.named_parameters() if p.requires_grad}
    train(family, it, 3)
    still = [name for name, p in it.module.named_parameters() if p.requires_grad and torch.equal(p, before[name])]
    assert not still


@every_trained
def test_the_rate_ends_with_the_time(family: Family):
    it = made(family, schema_of(), wave())
    gone = [0.0]
    assert family.phases is not None
    (phase,) = family.phases(it.module, it.config, it.task, 1000, lambda: gone[0])
    gone[0] = 1.0
    phase.optimizer.step()
    assert phase.scheduler is not None
    phase.scheduler.step()
    assert phase.optimizer.param_groups[0]["lr"] < 0.01 * it.config.learning_rate  # type: ignore[attr-defined]


@every_trained
def test_windows_are_judged_by_their_own_loss(family: Family):
    it = made(family, schema_of(), wave())
    assert family.judge is not None
    losses = family.judge(it.module, it.config, it.task, it.held)
    assert losses.shape == (len(it.held),) and not losses.requires_grad


@every_family
@pytest.mark.parametrize("rows", [1, 5, 100, 10_000, 3_000_000])
def test_defaults_suit_any_size(family: Family, rows: int):
    for schema in (schema_of(), schema_of(window=512, horizon=720, targets=50)):
        config = family.defaults(rows, 1, schema, task_of(schema))
        assert family.config.model_validate(config.model_dump()) == config
        assert not isinstance(config, Training) or (config.epochs >= 1 and config.batch_size >= 1)


def test_the_naive_forecast_is_exactly_that():
    it = made(naive.FAMILY, schema_of(window=10, horizon=9, season=4), wave())
    past, ahead = it.held.inputs
    expected = [past[:, 6 + step % 4] for step in range(9)]
    assert torch.equal(it.module(past, ahead)[..., 1], torch.stack(expected, 1))


def test_a_window_shorter_than_a_season_repeats_its_last_value():
    it = made(naive.FAMILY, schema_of(window=3, horizon=2, season=7), wave())
    past, ahead = it.held.inputs
    assert torch.equal(it.module(past, ahead)[..., 1], past[:, -1:].expand(-1, 2, -1))


def test_what_cannot_be_foretold_is_the_last_value():
    it = made(blend.FAMILY, schema_of(), walk())
    train(blend.FAMILY, it, 60)
    assert isinstance(it.module, blend.Blend)
    past, ahead = it.held.inputs
    last = past[:, -1:].expand(-1, 4, -1)
    assert torch.allclose(it.module(past, ahead)[..., 1], last, atol=0.05 * float(it.held.target.std()))


def members_and_blend(it: Made) -> dict[str, Tensor]:
    assert isinstance(it.module, blend.Blend)
    with torch.no_grad():
        return it.module.members(*it.held.inputs) | {"blend": it.module(*it.held.inputs)}


def test_the_blend_is_hardly_worse_than_its_best_part_and_says_what_it_is_made_of():
    it = made(blend.FAMILY, schema_of(window=14, horizon=14, season=7), wave(400, noise=0.3))
    train(blend.FAMILY, it, 100)
    losses = {n: float(it.task.losses(x, it.held.target).mean()) for n, x in members_and_blend(it).items()}
    assert list(losses) == ["seasonal naive", "linear map", "network", "blend"]
    assert losses["blend"] <= 1.05 * min(losses.values())
    weights = it.module.weights
    assert isinstance(weights, Tensor)
    assert weights.shape == (14, 3) and torch.allclose(weights.sum(1), torch.ones(14)) and (weights >= 0).all()
    assert all((x.diff(dim=-1) >= 0).all() for x in members_and_blend(it).values())


def test_without_validation_windows_all_parts_count_the_same():
    it = made(blend.FAMILY, schema_of(), wave())
    it.held = rows_of(it.held, slice(0, 0))
    train(blend.FAMILY, it, 2)
    assert torch.allclose(it.module.weights, torch.tensor(1 / 3))  # type: ignore[arg-type]


def test_a_window_shorter_than_a_season_is_not_called_seasonal():
    for window, name in ((3, "last value"), (7, "seasonal naive")):
        it = made(blend.FAMILY, schema_of(window=window, season=7), wave())
        assert isinstance(it.module, blend.Blend) and it.module.names[0] == name


def test_epochs_of_very_many_windows_are_counted_by_what_one_draws():
    assert epochs_for(10**9, 128, 3000) == epochs_for(100_000, 128, 3000) == 4


def short(values: np.ndarray) -> Made:
    """A blend of few windows, one and a bit of which validate; its network is not trained."""
    schema = schema_of(window=24, horizon=24, season=12)
    every = cut(values, schema)
    it = made(blend.FAMILY, schema, values)
    it.training, it.held = rows_of(every, slice(0, -26)), rows_of(every, slice(-2, None))
    blend.prepare(it.module, it.config, it.task, it.training, it.held)
    blend.finish(it.module, it.config, it.task, it.training, it.held)
    return it


def test_few_validation_windows_are_helped_by_training_ones():
    at = np.arange(160)
    rising = (0.05 * at + (1 + 0.01 * at) * np.sin(2 * np.pi * at / 12) + 0.05 * walk(160)[:, 0])[:, None]
    it = short(rising)
    assert isinstance(it.module, blend.Blend) and not it.module.weights[:, 0].any()
    for seed in range(4):
        schema = schema_of(window=24, horizon=24)
        batch = cut(walk(160, seed), schema)
        line = LinearMap(24, 24, 1, 0)
        line.fit(rows_of(batch, slice(0, -26)), rows_of(batch, slice(-2, None)))
        assert line.beside_naive(rows_of(batch, slice(0, -26)), rows_of(batch, slice(-2, None))) > blend.CLEAR
    none = rows_of(batch, slice(0, 0))
    assert line.beside_naive(none, none) == np.inf
