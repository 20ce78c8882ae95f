import math

import pytest
import torch
from torch import nn

from netwright.core.plan import Plan
from netwright.core.schema import Schema
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import proven
from netwright.engine.job import Job, Position
from netwright.engine.tally import Tally
from netwright.families.gan.family import FAMILY, LAST_RATE, GANConfig, penalty_of
from tests.families.gan.made import picture_schema, row_schema, rows_of, task_of

SCHEMAS = {"pictures": picture_schema(8, 8), "rows": row_schema(2, (3,))}
LOSSES = ["relativistic", "non_saturating", "wgan_gp"]
every_loss = pytest.mark.parametrize("loss", LOSSES)


class Made:
    """A small network of the family with its phases."""

    def __init__(self, schema: Schema, counts: tuple[int, ...] = (), **values: object) -> None:
        torch.set_num_threads(1)
        self.task = task_of(counts)
        self.config = FAMILY.defaults(100, 1, schema, self.task).model_copy(update={"width": 4, **values})
        self.batch = rows_of(schema, 16, len(counts))
        torch.manual_seed(0)
        self.module = FAMILY.build(self.config, schema, self.task, nn).train()
        FAMILY.prepare(self.module, self.config, self.task, self.batch, self.batch)
        self.spent = 0.0
        self.phases = FAMILY.phases(self.module, self.config, self.task, 100, lambda: self.spent)
        self.job = Job(module=self.module, phases=self.phases, source=None, share=FAMILY.share)

    def step(self, names: tuple[str, ...] = ("discriminator", "generator")) -> None:
        eager = Eager(self.job, Cursor(self.job), Averages(self.phases), Plan())
        eager.step([self.batch], [p for p in self.phases if p.name in names], Tally(Position()))


@every_loss
@pytest.mark.parametrize("kind", SCHEMAS)
@pytest.mark.parametrize("values", [{}, {"pack": 2}, {"penalty": 0.0}, {"penalized": 0.25}], ids=str)
def test_each_phase_trains_its_own_network_alone(loss: str, kind: str, values: dict):
    for name, other in (("discriminator", "generator"), ("generator", "discriminator")):
        made = Made(SCHEMAS[kind], (9, 7), loss=loss, **values)
        before = {n: p.clone() for n, p in made.module.named_parameters()}
        made.step((name,))
        for n, p in made.module.named_parameters():
            assert torch.isfinite(p).all()
            if n.startswith(other):
                assert torch.equal(p, before[n]), n
        changed = [not torch.equal(p, before[n]) for n, p in made.module.named_parameters() if n.startswith(name)]
        assert sum(changed) >= len(changed) - 1  # the last bias moves no relativistic pair


def test_the_first_layer_on_learns_by_class_and_without():
    for counts in ((), (9, 7)):
        made = Made(SCHEMAS["pictures"], counts)
        assert made.module.classes == len(counts)
        made.step()
    assert Made(SCHEMAS["pictures"], (9, 7), by_class=False).module.classes == 0


def test_one_seed_gives_one_network():
    states = []
    for _ in range(2):
        made = Made(SCHEMAS["rows"])
        torch.manual_seed(1)
        made.step()
        states.append(made.module.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_the_penalty_suits_the_loss_and_the_network():
    assert penalty_of(GANConfig()) == 0.5 and penalty_of(GANConfig(network="dense")) == 0.02
    assert penalty_of(GANConfig(loss="wgan_gp")) == 10 and penalty_of(GANConfig(loss="wgan_gp", penalty=0.0)) == 0


def test_rates_fall_with_steps_or_with_time():
    made = Made(SCHEMAS["rows"], loss="wgan_gp")
    judge, draw = made.phases
    assert judge.every == 1 and draw.every == 5 and draw.average is not None and judge.average is None
    made.spent = 1.0
    for phase in made.phases:
        phase.optimizer.step()
        phase.scheduler.step()
        assert math.isclose(phase.optimizer.param_groups[0]["lr"], LAST_RATE * made.config.learning_rate)


@every_loss
@pytest.mark.parametrize("kind", SCHEMAS)
def test_steps_can_be_written_down(loss: str, kind: str):
    made = Made(SCHEMAS[kind], (9, 7), loss=loss)
    formats = ("contiguous", "channels_last") if kind == "pictures" else ("contiguous",)
    for form in formats:
        plan = Plan(tier="traced", memory_format=form)
        program, _ = proven(made.job, made.batch, made.phases, [made.batch], plan=plan)
        assert len(program.segments) == 2


def test_a_ring_of_eight_gaussians_is_covered():
    draw = torch.Generator().manual_seed(0)
    schema, task = row_schema(2), task_of()
    angle = torch.arange(8) * math.pi / 4
    centers = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    rows = centers[torch.randint(8, (4000,), generator=draw)] + 0.05 * torch.randn(4000, 2, generator=draw)
    config = FAMILY.defaults(len(rows), 1, schema, task)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    module = FAMILY.build(config, schema, task, nn)
    empty = torch.zeros(len(rows), 0, dtype=torch.int64)
    FAMILY.prepare(module, config, task, batch_of(rows, empty), batch_of(rows, empty))
    steps = 600
    phases = FAMILY.phases(module, config, task, steps, lambda: 0.0)
    job = Job(module=module, phases=phases, source=None, share=FAMILY.share)
    averages = Averages(phases)
    eager = Eager(job, Cursor(job), averages, Plan())
    for _ in range(steps):
        index = torch.randint(len(rows), (config.batch_size,), generator=draw)
        eager.step([batch_of(rows[index], empty[index])], phases, Tally(Position()))
    averages.swap()
    made = module.generate(2000, None, torch.Generator().manual_seed(0))[0]
    distance, mode = torch.cdist(made, centers).min(1)
    near = distance < 0.25
    hit = torch.bincount(mode[near], minlength=8)
    assert (hit >= 50).sum() >= 7 and near.float().mean() > 0.5, hit.tolist()


def batch_of(numbers: torch.Tensor, categories: torch.Tensor):
    from netwright.core.batch import Batch

    fold = torch.full((len(numbers),), -1)
    return Batch(inputs=(numbers, categories), target=torch.zeros(len(numbers), dtype=torch.int64), fold=fold)


@pytest.mark.parametrize("rows", [2, 100, 5000, 60_000, 10_000_000])
def test_defaults_suit_any_size(rows: int):
    for schema in (*SCHEMAS.values(), picture_schema(4, 4), picture_schema(224, 224, 3)):
        config = FAMILY.defaults(rows, 1, schema, task_of())
        assert isinstance(config, GANConfig) and config.epochs >= 1
        assert (config.network == "convolutional") == (schema.image is not None and schema.image.height >= 8)
