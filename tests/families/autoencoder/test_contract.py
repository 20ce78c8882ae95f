"""What each of the four networks must do, on a table, grey pictures and coloured ones."""

import numpy as np
import pytest
import torch
from torch import nn

from netwright.families.autoencoder.family import FAMILY
from tests.families.autoencoder.made import DATA, KINDS, ROWS, Made, picture_schema, table_schema, task_of

every = pytest.mark.parametrize(("kind", "data"), [(k, d) for k in KINDS for d in DATA])


def outputs_of(made: Made, module: nn.Module | None = None) -> torch.Tensor:
    with torch.no_grad():
        return (module or made.module).eval()(*made.batch.inputs)


@every
def test_training_lowers_the_loss_and_answers_have_their_shape(kind: str, data: str):
    made = Made(kind, data)
    before = made.judged()
    made.step(40)
    assert made.judged() < before
    made.finish()
    outputs = outputs_of(made)
    values = made.module.flat(*made.batch.inputs).shape[1]
    shape = {"reduction": (2,), "anomaly": (4,)}.get(
        kind, (values,) if data == "table" else made.batch.inputs[0].shape[1:]
    )
    assert outputs.shape == (ROWS, *shape) and torch.isfinite(outputs).all()
    if kind != "generation":
        assert np.isfinite(made.task.predictions(outputs)).all()
    if data != "table" and kind in ("denoising", "generation"):
        assert outputs.min() >= 0 and outputs.max() <= 1
    assert made.module.reconstruct(*made.batch.inputs).shape == (ROWS, values)


@every
def test_everything_measured_is_in_the_weights(kind: str, data: str):
    made = Made(kind, data)
    made.step(3)
    made.finish()
    with torch.device("meta"):
        fresh = made.blank()
    assert all(p.is_meta for p in fresh.parameters())
    fresh.load_state_dict(made.module.state_dict(), assign=True)
    assert torch.equal(outputs_of(made, fresh), outputs_of(made))
    if kind == "generation":
        both = [module.generate(7, None, torch.Generator().manual_seed(3)) for module in (fresh, made.module)]
        assert all(torch.equal(a, b) for a, b in zip(*both, strict=True))


@every
def test_a_seed_gives_one_network(kind: str, data: str):
    states = []
    for _ in range(2):
        made = Made(kind, data)
        torch.manual_seed(1)
        made.step(2)
        made.finish()
        states.append(made.module.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@every
def test_rows_do_not_see_each_other(kind: str, data: str):
    made = Made(kind, data)
    made.step(2)
    made.finish()
    whole, order = outputs_of(made), torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(made.module(*made.take(order).inputs), whole[order], atol=1e-4)
        alone = torch.cat([made.module(*made.take(torch.tensor([i])).inputs) for i in range(4)])
    assert torch.allclose(alone, whole[:4], atol=1e-4)


@every
def test_every_parameter_that_is_trained_moves(kind: str, data: str):
    made = Made(kind, data)
    before = {name: p.clone() for name, p in made.module.named_parameters()}
    made.step(3)
    still = [name for name, p in made.module.named_parameters() if torch.equal(p, before[name])]
    assert not still


@every
def test_double_precision_agrees_with_single(kind: str, data: str):
    made = Made(kind, data)
    made.step(2)
    made.finish()
    single = outputs_of(made)
    inputs = tuple(x.double() if x.is_floating_point() else x for x in made.batch.inputs)
    with torch.no_grad():
        double = made.module.double()(*inputs)
    assert double.dtype == torch.float64
    assert torch.allclose(double.float(), single, atol=2e-3)


@every
def test_judging_repeats(kind: str, data: str):
    made = Made(kind, data)
    assert made.judged() == made.judged()


@pytest.mark.parametrize("kind", ["reduction", "generation", "denoising"])
def test_convolutions_or_none(kind: str):
    for convolutional in (True, False):
        made = Made(kind, "colour", convolutional=convolutional, hidden_sizes=(8, 16))
        assert any(isinstance(part, nn.Conv2d) for part in made.module.modules()) is convolutional
        before = made.judged()
        made.step(30)
        assert made.judged() < before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schema", [table_schema(0, (3, 300)), table_schema(2, ()), table_schema(0, (1,))])
def test_any_columns(kind: str, schema):
    task = task_of(kind)
    config = FAMILY.defaults(50, 1, schema, task)
    module = FAMILY.build(config, schema, task, nn)
    batch = Made("reduction", "table").take(torch.arange(50))
    numbers = torch.randn(50, len(schema.number_features), generator=torch.Generator().manual_seed(0))
    index = [torch.arange(50) % places for places in schema.cardinalities]
    categories = torch.stack(index, 1) if index else torch.zeros(50, 0, dtype=torch.int64)
    batch = type(batch)(inputs=(numbers, categories), target=batch.target, fold=batch.fold)
    assert FAMILY.prepare and FAMILY.finish and FAMILY.judge
    FAMILY.prepare(module, config, task, batch, batch)
    FAMILY.finish(module, config, task, batch, batch)
    assert torch.isfinite(module(*batch.inputs)).all()
    assert torch.isfinite(FAMILY.judge(module, config, task, batch)).all()


@pytest.mark.parametrize("rows", [1, 30, 1000, 60_000, 10_000_000])
@pytest.mark.parametrize("kind", KINDS)
def test_defaults_suit_any_size(kind: str, rows: int):
    for schema in (picture_schema(1, 8, 8), picture_schema(3, 224, 224), table_schema(3, (4,)), table_schema(5000, ())):
        config = FAMILY.defaults(rows, 1, schema, task_of(kind))
        assert FAMILY.config.model_validate(config.model_dump()) == config
        assert config.epochs >= 1 and 1 <= config.batch_size <= max(rows, 32) * 2
        assert FAMILY.dimensions(schema) >= 1


def test_the_rate_rises_and_falls_with_the_time():
    made = Made("reduction", "grey")
    assert FAMILY.phases is not None
    gone = [0.0]
    (phase,) = FAMILY.phases(made.module, made.config, made.task, 1000, lambda: gone[0])
    rates = []
    for gone[0] in (0.0, 0.1, 0.5, 1.0):
        phase.optimizer.step()
        phase.scheduler.step()
        rates.append(phase.scheduler.get_last_lr()[0])
    assert rates[0] < rates[1] and rates[1] > rates[2] > rates[3] == 0
