"""Every family for sequences: it learns, sees no padding, is the same after a state dict, builds without memory."""

import numpy as np
import pytest
import torch
from torch import nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.forms import SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family, Training
from netwright.families.rocket.family import FAMILY as ROCKET
from netwright.families.rocket.network import RocketNetwork, pooled
from netwright.families.sequence.linear import FAMILY as LINEAR
from netwright.families.sequence.recurrent import GRU, LSTM, RNN
from netwright.families.sequence.transformer import FAMILY as TRANSFORMER
from netwright.tasks import Classification, MultiLabel, Regression, Task

FAMILIES = (ROCKET, RNN, LSTM, GRU, TRANSFORMER, LINEAR)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
every_trained = pytest.mark.parametrize("family", [f for f in FAMILIES if f.phases], ids=lambda f: f.name)
every_task = pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
ROWS, STEPS, CHANNELS = 60, 30, 2
TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")


def task_of(kind: str, slow: np.ndarray) -> tuple[Task, torch.Tensor]:
    every = np.arange(len(slow))
    match kind:
        case "classification":
            values = {"y": np.where(slow > 0, "slow", "quick")}
            task: Task = Classification.fit(values, {"y": TEXT}, every, balanced=True)
        case "regression":
            values = {"y": slow * 5.0 + 20}
            task = Regression.fit(values, {"y": NUMBER}, every)
        case _:
            values = {"a": slow > 0, "b": slow < 0}
            task = MultiLabel.fit(values, dict.fromkeys(values, TEXT), every)
    return task, torch.from_numpy(task.encode(values))


class Made:
    """Waves of two speeds, of many lengths, and a family for them."""

    def __init__(self, family: Family, kind: str = "classification") -> None:
        torch.manual_seed(0)
        slow = np.where(np.arange(ROWS) % 2, 1.0, -1.0)
        lengths = torch.randint(STEPS // 2, STEPS + 1, (ROWS,))
        phase = 6 * torch.rand(ROWS, 1, CHANNELS)
        speed = torch.from_numpy(np.where(slow > 0, 0.4, 0.9)).float()[:, None, None]
        x = torch.sin(phase + speed * torch.arange(STEPS)[:, None]) + 0.1 * torch.randn(ROWS, STEPS, CHANNELS)
        x[torch.arange(STEPS) >= lengths[:, None]] = 0.0
        self.form = SequenceForm(channels=("a", "b"), length=STEPS, shortest=STEPS // 2, mean=(0, 0), scale=(1, 1))
        self.schema, self.family = Schema(columns=(), form=self.form), family
        self.task, target = task_of(kind, slow)
        self.all = Batch(inputs=(x, lengths), target=target, fold=torch.full((ROWS,), -1))
        self.training, self.validation = self.take(slice(0, 40)), self.take(slice(40, None))
        self.config = family.defaults(40, 1, self.schema, self.task)
        if isinstance(self.config, Training):
            small = {"hidden_size": 16, "members": 2, "learning_rate": 1e-2, "fold": 3}
            self.config = self.config.model_copy(update=small)
        else:
            self.config = family.configured({"features": 500} if family.name == "rocket" else {})
        self.module = self.blank()
        if family.prepare is not None:
            family.prepare(self.module, self.config, self.task, self.training, self.validation)

    def blank(self) -> nn.Module:
        return self.family.build(self.config, self.schema, self.task, nn)

    def take(self, rows: slice) -> Batch:
        return Batch(inputs=tuple(x[rows] for x in self.all.inputs), target=self.all.target[rows],
                     fold=self.all.fold[rows])  # fmt: skip

    def train(self, epochs: int = 8) -> None:
        if self.family.phases is None:
            return
        self.module.train()
        (phase,) = self.family.phases(self.module, self.config, self.task, 4 * epochs, lambda: 0.0)
        for step in range(4 * epochs):
            loss = phase.loss(self.module, self.take(slice(10 * (step % 4), 10 * (step % 4) + 10)))
            phase.optimizer.zero_grad()
            loss.backward()
            phase.optimizer.step()
            phase.scheduler.step()
        if self.family.finish is not None:
            self.family.finish(self.module, self.config, self.task, self.training, self.validation)

    def answers(self, batch: Batch) -> np.ndarray:
        with torch.no_grad():
            return self.task.predictions(self.module.eval()(*batch.inputs))


@every_family
@every_task
def test_it_learns_on_sequences_it_has_not_seen(family: Family, kind: str):
    made = Made(family, kind)
    made.train()
    found, truth = made.answers(made.validation), made.task.decode(made.validation.target)
    assert np.isfinite(found).all()
    if kind == "regression":
        assert np.abs(found - truth).mean() < 0.5 * np.abs(truth - truth.mean()).mean()
    else:
        right = found.argmax(1) == truth if kind == "classification" else (found > 0.5) == truth
        assert right.mean() >= 0.85


@every_family
def test_padding_and_company_change_no_answer(family: Family):
    made = Made(family)
    made.module.eval()
    (x, lengths), longer = made.all.inputs, torch.zeros(ROWS, STEPS + 11, CHANNELS)
    whole = made.module(x, lengths)
    longer[:, :STEPS] = x
    torch.testing.assert_close(made.module(longer, lengths), whole, rtol=1e-4, atol=1e-4)
    for row in range(4):
        alone = made.module(x[row : row + 1, : lengths[row]], lengths[row : row + 1])
        torch.testing.assert_close(alone, whole[row : row + 1], rtol=1e-4, atol=1e-4)


@every_family
def test_any_length_gives_finite_answers(family: Family):
    made = Made(family)
    made.module.eval()
    for steps in (1, 2, 9, STEPS, 200):
        lengths = torch.tensor([steps, steps // 2, 0])
        assert torch.isfinite(made.module(torch.randn(3, steps, CHANNELS), lengths)).all()


@every_family
def test_weights_survive_a_state_dict_on_a_module_built_without_memory(family: Family):
    made = Made(family)
    made.train(1)
    with torch.device("meta"):
        fresh = made.blank()
    assert all(t.is_meta for t in (*fresh.parameters(), *fresh.buffers()))
    fresh.load_state_dict(made.module.state_dict(), assign=True, strict=True)
    assert torch.equal(fresh.eval()(*made.all.inputs), made.module.eval()(*made.all.inputs))


@every_family
def test_a_seed_gives_the_same_network(family: Family):
    first, second = (Made(family).module.state_dict() for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@every_family
@pytest.mark.parametrize("rows", [1, 5, 40, 300, 5000, 1_000_000])
def test_defaults_suit_any_size(family: Family, rows: int):
    made = Made(LINEAR)
    for length in (1, 8, 150, 5000, 100_000):
        form = made.form.model_copy(update={"length": length, "shortest": 1})
        config = family.defaults(rows, 1, Schema(columns=(), form=form), made.task)
        assert family.config.model_validate(config.model_dump()) == config
        if isinstance(config, Training):
            assert config.epochs >= 1 and 1 <= config.batch_size <= max(rows, 32) * 2


@every_trained
def test_a_time_limit_ends_the_schedule(family: Family):
    made = Made(family)
    assert family.phases is not None
    (phase,) = family.phases(made.module, made.config, made.task, 100, lambda: 1.0)
    first = phase.optimizer.param_groups[0]["lr"]
    phase.optimizer.step()
    phase.scheduler.step()
    assert 0 < first < 1e-2 and phase.optimizer.param_groups[0]["lr"] <= 1.1e-3 * 1e-2
    assert phase.clip_norm == 1.0


@every_trained
def test_every_parameter_is_trained(family: Family):
    made = Made(family)
    before = {name: p.clone() for name, p in made.module.named_parameters()}
    made.train(2)
    assert not [name for name, p in made.module.named_parameters() if torch.equal(p, before[name])]
    losses = family.judge(made.module.eval(), made.config, made.task, made.validation)
    assert losses.shape == (20,)


def test_rocket_normalises_where_that_helps_and_not_where_it_hurts():
    for by_level in (True, False):
        made = Made(LINEAR)
        x, lengths = made.all.inputs
        level = torch.where(torch.arange(ROWS) % 2 == 1, 1.0, -1.0)[:, None, None]
        noise = 0.3 * torch.randn(ROWS, STEPS, CHANNELS)
        x = noise + level if by_level else x * torch.exp(2 * torch.randn(ROWS, 1, 1)) + 5 * torch.randn(ROWS, 1, 1)
        batch = Batch(inputs=(x, lengths), target=made.all.target, fold=made.all.fold)
        config = ROCKET.configured({"features": 500})
        module = ROCKET.build(config, made.schema, made.task, nn)
        ROCKET.prepare(module, config, made.task, batch, made.take(slice(0, 0)))
        assert bool(module.own) is not by_level


def test_rocket_trains_on_all_sequences_in_parts(monkeypatch: pytest.MonkeyPatch):
    made = Made(ROCKET)
    config = ROCKET.configured({"features": 168, "dilations": 1, "normalise": "yes"})
    seen = []
    features = RocketNetwork.features
    monkeypatch.setattr(RocketNetwork, "features", lambda self, x, n: seen.append(len(x)) or features(self, x, n))
    monkeypatch.setattr("netwright.families.rocket.family.PART", 64)
    inputs = tuple(x.repeat(10, *[1] * (x.dim() - 1)) for x in made.all.inputs)
    batch = Batch(inputs=inputs, target=made.all.target.repeat(10), fold=made.all.fold.repeat(10))
    found = []
    for kept in (10_000, 0):
        monkeypatch.setattr("netwright.families.rocket.family.KEPT", kept)
        module = made.family.build(config, made.schema, made.task, nn)
        ROCKET.prepare(module, config, made.task, batch, made.take(slice(0, 0)))
        found.append(module(*made.all.inputs).argmax(1))
    assert bool(module.own) and seen[0] == 600 and sum(seen[2:-1]) == 600 and max(seen[3:-1]) == 64
    assert (found[0] == found[1]).float().mean() > 0.95


def test_rocket_looks_at_long_sequences_less_finely():
    made = Made(ROCKET)

    def config(rows: int, length: int) -> Record:
        form = made.form.model_copy(update={"length": length})
        return ROCKET.defaults(rows, 1, made.schema.model_copy(update={"form": form}), made.task)

    for rows, length in ((50, 150), (67, 24), (40, 100), (500, 140)):
        small = config(rows, length)
        assert (small.features, small.dilations, small.pool) == (10_000, 32, 1)
    assert 1 < config(600, 1500).pool <= 4 < config(1_000_000, 1500).pool
    assert config(1_000_000, 150).features < 1000
    module = made.family.build(ROCKET.configured({"features": 336, "pool": 3}), made.schema, made.task, nn)
    x, lengths = made.all.inputs
    means, short = pooled(x, lengths, 3)
    assert short.tolist() == [-(-n // 3) for n in lengths.tolist()]
    row, last = int(lengths.argmax()), int(lengths.max()) - 1
    torch.testing.assert_close(means[row, 1], x[row, 3:6].mean(0))
    torch.testing.assert_close(means[row, last // 3], x[row, last - last % 3 : last + 1].mean(0))
    padded = nn.functional.pad(x, (0, 0, 0, 7), value=torch.nan)
    torch.testing.assert_close(module(padded, lengths), module(x, lengths))


def test_rocket_answers_a_batch_without_a_step():
    made = Made(ROCKET)
    none = Batch(
        inputs=(torch.zeros(9, 0, CHANNELS), torch.zeros(9, dtype=torch.int64)),
        target=made.all.target[:9],
        fold=made.all.fold[:9],
    )
    blank = made.blank()
    ROCKET.prepare(blank, made.config, made.task, none, made.take(slice(0, 0)))
    assert blank(*none.inputs).isfinite().all()
    empty = made.module(torch.zeros(3, 0, CHANNELS), torch.zeros(3, dtype=torch.int64))
    torch.testing.assert_close(empty, made.module(torch.zeros(3, 9, CHANNELS), torch.zeros(3, dtype=torch.int64)))


@every_trained
def test_settings_have_bounds(family: Family):
    for name in ("hidden_size", "num_layers", "members", "fold"):
        with pytest.raises(InputError, match="less than or equal"):
            family.configured({name: 160_000})


def test_settings_of_rocket_have_bounds():
    for name in ("features", "dilations", "pool"):
        with pytest.raises(InputError, match="less than or equal"):
            ROCKET.configured({name: 160_000})


def test_a_transformer_needs_heads_that_fit():
    with pytest.raises(ValueError, match="heads"):
        TRANSFORMER.configured({"hidden_size": 30})
