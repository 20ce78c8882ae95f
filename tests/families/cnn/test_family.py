"""What the family must do for pictures of any size and every task."""

import numpy as np
import pytest
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.engine.gate import proven
from netwright.engine.job import Job
from netwright.families.cnn.family import FAMILY, CNNConfig, smoothed
from netwright.families.cnn.network import PictureNetwork
from netwright.families.registry import find
from tests.families.cnn.made import SHAPES, TASKS, Made, schema_of, task_of

every_task = pytest.mark.parametrize("kind", TASKS)
every_network = pytest.mark.parametrize("network", ["residual", "plain"])


@every_task
@every_network
def test_training_lowers_the_loss(kind: str, network: str):
    made = Made(kind, network=network)
    before = made.loss()
    made.step(30)
    made.finish()
    assert made.loss() < before


@every_network
@pytest.mark.parametrize("shape", SHAPES)
def test_any_size_gives_finite_answers_for_any_number_of_rows(shape: tuple, network: str):
    made = Made(shape=shape, rows=10, network=network)
    made.step(2)
    made.step(1, made.first(1))
    made.finish()
    for rows in (1, 2, 10):
        outputs = made.outputs(made.batch.inputs[0][:rows])
        assert outputs.shape == (rows, made.task.output_size) and torch.isfinite(outputs).all()
        assert np.isfinite(made.task.predictions(outputs)).all()


@pytest.mark.parametrize("mirror", ["yes", "no"])
@every_network
def test_rows_do_not_see_each_other(mirror: str, network: str):
    made = Made(mirror=mirror, network=network, shape=(3, 33, 47))
    made.step(2)
    whole = made.outputs()
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(1))
    assert torch.allclose(made.outputs(made.batch.inputs[0][order]), whole[order], atol=1e-5)
    alone = torch.cat([made.outputs(made.batch.inputs[0][i : i + 1]) for i in range(4)])
    assert torch.allclose(alone, whole[:4], atol=1e-5)


@every_task
@every_network
def test_everything_prepared_is_in_the_weights(kind: str, network: str):
    made = Made(kind, network=network, mirror="yes")
    made.step(2)
    fresh = made.fresh()
    fresh.load_state_dict(made.module.state_dict())
    assert torch.equal(fresh.eval()(*made.batch.inputs), made.module.eval()(*made.batch.inputs))
    assert bool(fresh.mirrors)


@every_network
def test_it_can_be_built_without_memory(network: str):
    made = Made(network=network)
    with torch.device("meta"):
        empty = made.fresh()
    assert all(value.is_meta for value in empty.state_dict().values())
    empty.load_state_dict(made.module.state_dict(), assign=True)
    assert torch.equal(empty.eval()(*made.batch.inputs), made.module.eval()(*made.batch.inputs))


@every_network
def test_double_precision_agrees_with_single(network: str):
    made = Made(network=network)
    made.step(2)
    single = made.outputs()
    made.module.double()
    assert made.outputs().dtype == torch.float64
    assert torch.allclose(made.outputs().float(), single, atol=1e-4)


@every_network
def test_a_seed_gives_the_same_network(network: str):
    states = []
    for _ in range(2):
        made = Made(network=network)
        torch.manual_seed(1)
        made.step(2)
        states.append(made.module.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@every_network
def test_every_parameter_is_trained_once(network: str):
    made = Made("regression", network=network)
    trained = [p for phase in made.phases() for group in phase.optimizer.param_groups for p in group["params"]]
    assert len({id(p) for p in trained}) == len(trained) == len(list(made.module.parameters()))
    before = {name: p.detach().clone() for name, p in made.module.named_parameters()}
    made.step(3)
    assert not [name for name, p in made.module.named_parameters() if torch.equal(p, before[name])]


@every_network
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 64, 64)])
def test_the_engine_can_record_a_step(shape: tuple, network: str):
    made = Made(shape=shape, rows=8, network=network, mirror="yes")
    phases = made.phases()
    made.module.train()
    proven(Job(module=made.module, phases=phases, source=None), made.batch, phases)  # type: ignore[arg-type]


def test_a_mirrored_network_answers_a_picture_and_its_mirror_image_alike():
    made = Made(mirror="yes", shape=(3, 20, 20))
    made.step(2)
    pictures = made.batch.inputs[0]
    assert torch.allclose(made.outputs(pictures), made.outputs(pictures.flip(3)), atol=1e-6)
    assert not bool(Made(mirror="no").module.mirrors)


def test_a_few_rows_do_not_spoil_what_normalisation_remembers():
    made = Made(rows=48)
    made.step(2)
    before = {name: b.clone() for name, b in made.module.named_buffers()}
    made.step(1, made.first(1))
    assert all(torch.equal(b, before[name]) for name, b in made.module.named_buffers())
    made.step(1)
    assert any(not torch.equal(b, before[name]) for name, b in made.module.named_buffers())


def test_smoothing_is_cross_entropy_with_the_truth_spread():
    made = Made()
    task = made.task.model_copy(update={"weights": ()})
    outputs, target = torch.randn(48, 3), made.batch.target
    wanted = nn.functional.cross_entropy(outputs, target, label_smoothing=0.1)
    assert torch.allclose(smoothed(task, outputs, target, 0.1), wanted)  # type: ignore[arg-type]
    number, truth = task_of("regression", np.linspace(-1, 1, 48))
    assert torch.equal(smoothed(number, outputs[:, :2], truth, 0.1), number.losses(outputs[:, :2], truth).mean())


def test_the_rate_falls_to_nothing_with_the_time():
    made, gone = Made(), [0.0]
    (phase,) = FAMILY.phases(made.module, made.config, made.task, 100, lambda: gone[0])  # type: ignore[misc]
    rates = []
    for gone[0] in (0.05, 0.15, 0.6, 1.0):
        phase.optimizer.step()
        phase.scheduler.step()  # type: ignore[union-attr]
        rates.append(phase.optimizer.param_groups[0]["lr"])
    assert rates[0] < rates[1] and rates[1] > rates[2] > rates[3] and rates[3] <= made.config.learning_rate / 500


@pytest.mark.parametrize("rows", [1, 5, 100, 1000, 50_000, 10_000_000])
def test_defaults_suit_any_size(rows: int):
    for shape in SHAPES:
        schema = schema_of(shape)
        config = FAMILY.defaults(rows, 1, schema, Made(rows=8).task)
        assert isinstance(config, CNNConfig) and CNNConfig.model_validate(config.model_dump()) == config
        assert 1 <= config.batch_size <= max(rows, 32) and config.epochs >= 1


def test_the_registry_knows_it_and_pictures_are_bounded():
    assert find("cnn", "image") is FAMILY and FAMILY.phrase
    assert FAMILY.most_pixels == 128
    with pytest.raises(InputError, match="no_such"):
        FAMILY.configured({"no_such": 1})


def test_it_becomes_as_sure_as_it_may_be():
    torch.manual_seed(0)
    module = Made().module
    assert isinstance(module, PictureNetwork)
    pictures = torch.randint(0, 255, (64, 1, 8, 8), dtype=torch.uint8)
    module.eval()
    with torch.no_grad():
        target = module(pictures).argmax(1)
        before = torch.nn.functional.cross_entropy(module(pictures), target)
        module.sharpen(pictures, target)
        assert float(module.sharpness) == 8.0 and torch.nn.functional.cross_entropy(module(pictures), target) < before
        module.sharpen(pictures, (target + 1) % module(pictures).shape[1])
        assert float(module.sharpness) == 0.5
