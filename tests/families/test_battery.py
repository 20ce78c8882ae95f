"""What every family that predicts from tables must do, on every task. A new one is a new line in the registry alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.plan import Plan
from netwright.core.record import Record
from netwright.core.schema import CategoryColumn, NumberColumn, Schema
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.tally import Tally
from netwright.families.family import Family, Training
from netwright.families.registry import FAMILIES, find
from netwright.tasks import Classification, MultiLabel, Regression, Task

ROWS = 96
TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
COUNTS = {"plain": (3, (4, 30)), "numbers alone": (2, ()), "categories alone": (0, (3, 12, 300)), "one": (0, (2,)),
          "nothing to tell": (0, (1,))}  # fmt: skip


def schema_of(numbers: int, cardinalities: tuple[int, ...]) -> Schema:
    common = {"why": "", "center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0}
    made = [NumberColumn(name=f"n{i}", cell=NUMBER, **common) for i in range(numbers)]
    words = [tuple(f"v{k}" for k in range(size - 1)) for size in cardinalities]
    return Schema(
        columns=(*made, *(CategoryColumn(name=f"c{i}", cell=TEXT, why="", values=w) for i, w in enumerate(words)))
    )


def task_of(kind: str, signal: np.ndarray) -> tuple[Task, np.ndarray]:
    """A task and its encoded target, which follows from the signal (N,)."""
    rows = np.arange(len(signal))
    match kind:
        case "regression":
            values = {"y": signal * 30 + 100, "z": -signal}
            task = Regression.fit(values, dict.fromkeys(values, NUMBER), rows)
        case "classification":
            values = {"y": np.array(["a", "b", "c"])[np.digitize(signal, [-0.4, 0.4])]}
            task = Classification.fit(values, {"y": TEXT}, rows, balanced=True)
        case _:
            values = {"y": signal > 0, "z": signal > 0.7}
            task = MultiLabel.fit(values, dict.fromkeys(values, TEXT), rows)
    return task, task.encode(values)


class Made:
    """One family built for one table and task, ready to train."""

    def __init__(self, family: Family, kind: str, table: str = "plain", dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        numbers, cardinalities = COUNTS[table]
        x = torch.randn(ROWS, numbers, dtype=dtype)
        c = torch.stack([torch.randint(0, n, (ROWS,)) for n in cardinalities] or [torch.zeros(ROWS)], 1)[
            :, : len(cardinalities)
        ].long()
        signal = (
            x[:, 0]
            if numbers
            else (c[:, 0].to(dtype) - c[:, 0].to(dtype).mean()) + 0.1 * torch.randn(ROWS, dtype=dtype)
        )
        signal = (signal - signal.mean()) / signal.std()
        self.task, target = task_of(kind, signal.numpy().astype(np.float64))
        target = torch.from_numpy(target)
        target = target.to(dtype) if target.is_floating_point() else target
        self.schema, self.family = schema_of(numbers, cardinalities), family
        folds, share = family.folds(ROWS, {})
        fold = torch.arange(ROWS) % folds if folds > 1 else torch.where(torch.arange(ROWS) < share * ROWS, 0, -1)
        self.all = Batch(inputs=(x, c), target=target, fold=fold)
        held = self.take(torch.nonzero(fold >= 0).flatten())
        self.training = self.all if folds > 1 else self.take(torch.nonzero(fold < 0).flatten())
        self.config: Record = family.defaults(ROWS, 1, self.schema, self.task)
        self.module = family.build(self.config, self.schema, self.task, nn).to(dtype)
        if family.prepare is not None:
            family.prepare(self.module, self.config, self.task, self.training, held)

    def take(self, rows: Tensor) -> Batch:
        inputs = tuple(x[rows] for x in self.all.inputs)
        return Batch(inputs=inputs, target=self.all.target[rows], fold=self.all.fold[rows])

    def phases(self, steps: int = 100, spent: Callable[[], float] = lambda: 0.0):
        assert self.family.phases is not None
        return self.family.phases(self.module, self.config, self.task, steps, spent)

    def loss(self) -> float:
        self.module.eval()
        with torch.no_grad():
            return float(self.task.losses(self.module(*self.training.inputs), self.training.target).mean())

    def step(self, steps: int = 1) -> None:
        self.module.train()
        phases = self.phases()
        job = Job(module=self.module, phases=phases, source=None)
        eager = Eager(job, Cursor(job), Averages(phases), Plan())
        for _ in range(steps):
            eager.step([self.training], phases, Tally(Position()))


PREDICTING = [f for f in FAMILIES if "regression" in f.fits.get("table", ())]
every_family = pytest.mark.parametrize("family", PREDICTING, ids=lambda f: f.name)
every_trained = pytest.mark.parametrize("family", [f for f in PREDICTING if f.phases], ids=lambda f: f.name)
every_task = pytest.mark.parametrize("kind", ["regression", "classification", "multilabel"])


@every_family
@every_task
def test_training_lowers_the_loss(family: Family, kind: str):
    made = Made(family, kind)
    constant = torch.zeros(len(made.training), made.task.output_size)
    before = made.loss()
    if family.phases is None:
        assert before < float(made.task.losses(constant, made.training.target).mean())
        return
    made.step(8)
    assert made.loss() < before


@every_family
@every_task
@pytest.mark.parametrize("table", COUNTS)
def test_shapes_and_finite_numbers_for_any_columns(family: Family, kind: str, table: str):
    made = Made(family, kind, table)
    if family.phases is not None:
        made.step()
    made.module.eval()
    numbers, categories = made.all.inputs
    for rows in (1, 2, ROWS):
        for index in (categories[:rows], torch.zeros_like(categories[:rows])):
            outputs = made.module(numbers[:rows], index)
            assert outputs.shape[0] == rows and outputs.shape[-1] == made.task.output_size and outputs.dim() in (2, 3)
            assert torch.isfinite(outputs).all()
            assert np.isfinite(made.task.predictions(outputs.detach())).all()
    last = torch.tensor([list(COUNTS[table][1])], dtype=torch.long) - 1
    assert torch.isfinite(made.module(numbers[:1], last)).all(), "the last place of every column is there"


@every_family
@every_task
def test_weights_survive_a_state_dict(family: Family, kind: str):
    made, blank = Made(family, kind), Made(family, kind)
    if family.phases is not None:
        made.step(3)
    fresh = family.build(made.config, made.schema, made.task, nn)
    assert [n for n, _ in fresh.named_parameters()] == [n for n, _ in made.module.named_parameters()]
    fresh.load_state_dict(made.module.state_dict())
    for module in (fresh, made.module):
        module.eval()
    assert torch.equal(fresh(*made.all.inputs), made.module(*made.all.inputs)), "everything prepared is in the weights"
    if family.phases is not None:
        assert not torch.equal(fresh(*made.all.inputs), blank.module.eval()(*made.all.inputs))


@every_family
@every_task
def test_double_precision_agrees_with_single(family: Family, kind: str):
    single = Made(family, kind)
    fresh = family.build(single.config, single.schema, single.task, nn)
    fresh.load_state_dict(single.module.state_dict())
    single.module.eval()
    outputs = fresh.double().eval()(single.all.inputs[0].double(), single.all.inputs[1])
    assert outputs.dtype == torch.float64
    assert torch.allclose(outputs.float(), single.module(*single.all.inputs), atol=1e-4)
    double = Made(family, kind, dtype=torch.float64)
    if family.phases is not None:
        double.step()
    assert all(p.dtype == torch.float64 for p in double.module.parameters())


@every_family
def test_a_seed_gives_the_same_network(family: Family):
    first, second = Made(family, "classification"), Made(family, "classification")
    if family.phases is not None:
        for made in (first, second):
            torch.manual_seed(1)
            made.step(2)
    states = first.module.state_dict(), second.module.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@every_family
@every_task
def test_rows_do_not_see_each_other(family: Family, kind: str):
    made = Made(family, kind)
    made.module.eval()
    whole = made.module(*made.all.inputs)
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    mixed = made.module(*made.take(order).inputs)
    assert torch.allclose(mixed, whole[order], atol=1e-5)
    alone = torch.cat([made.module(*made.take(torch.tensor([i])).inputs) for i in range(5)])
    assert torch.allclose(alone, whole[:5], atol=1e-5)


@every_trained
def test_phases_train_every_parameter_once(family: Family):
    made = Made(family, "regression")
    trained = [p for phase in made.phases() for group in phase.optimizer.param_groups for p in group["params"]]
    assert len({id(p) for p in trained}) == len(trained) and {id(p) for p in trained} == {
        id(p) for p in made.module.parameters()
    }
    before = {name: p.clone() for name, p in made.module.named_parameters()}
    made.step(2)
    still = [name for name, p in made.module.named_parameters() if torch.equal(p, before[name])]
    assert not still


@every_family
@pytest.mark.parametrize("rows", [1, 5, 100, 1000, 50_000, 10_000_000])
def test_defaults_suit_any_size(family: Family, rows: int):
    made = Made(family, "regression")
    for schema in (made.schema, schema_of(5000, ()), schema_of(0, (2,))):
        config = family.defaults(rows, 1, schema, made.task)
        assert family.config.model_validate(config.model_dump()) == config
        if isinstance(config, Training):
            assert 1 <= config.batch_size <= max(rows, 32) * 2 and config.epochs >= 1
    folds, share = family.folds(rows, {})
    assert folds >= 1 and 0 < share <= 1 and folds * share <= 1 + 1e-9


@every_family
def test_it_says_what_it_is(family: Family):
    assert find(family.name) is family and family.phrase
    with pytest.raises(ValueError, match="extra"):
        family.config.model_validate({"no_such_setting": 1})
