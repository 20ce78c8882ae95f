import pytest
import torch
from torch import nn

from netwright.core.batch import Batch
from netwright.core.schema import Schema
from netwright.families.gan.family import FAMILY
from netwright.families.gan.step import drawn_once
from tests.families.gan.made import picture_schema, row_schema, rows_of, task_of

SCHEMAS = {
    "8×8": picture_schema(8, 8),
    "28×28": picture_schema(28, 28),
    "33×47": picture_schema(33, 47),
    "64×64×3": picture_schema(64, 64, 3),
    "5×6": picture_schema(5, 6),
    "numbers": row_schema(3),
    "numbers and categories": row_schema(2, (3, 300)),
    "categories": row_schema(0, (2, 4)),
}
every_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))


def built(schema: Schema, counts: tuple[int, ...] = (), **values: object) -> tuple[nn.Module, Batch]:
    task = task_of(counts)
    config = FAMILY.defaults(40, 1, schema, task).model_copy(update={"width": 4, **values})
    torch.manual_seed(0)
    module, batch = FAMILY.build(config, schema, task, nn), rows_of(schema, 12, len(counts))
    FAMILY.prepare(module, config, task, batch, batch)
    return module, batch


@every_schema
@pytest.mark.parametrize("counts", [(), (9, 3)], ids=["without classes", "by class"])
def test_new_rows_are_like_the_inputs(schema: Schema, counts: tuple[int, ...]):
    module, batch = built(schema, counts)
    for count in (0, 1, 7):
        made = module.generate(count, None, torch.Generator().manual_seed(0))
        assert [(x.shape[1:], x.dtype) for x in made] == [(x.shape[1:], x.dtype) for x in batch.inputs]
        assert all(len(x) == count for x in made)
    again = module.generate(7, None, torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(made, again, strict=True))
    assert module(*batch.inputs).shape == (12, 1)
    labels = torch.ones(7, dtype=torch.int64) if counts else None
    assert len(module.generate(7, labels, torch.Generator().manual_seed(0))[0]) == 7
    real, fake, labels = drawn_once(module, batch)
    assert real.shape == fake.shape and real.dtype == fake.dtype == torch.float32
    assert (labels is None) == (not counts)
    assert module.discriminator(fake, labels).shape == (12, 1)


@every_schema
def test_weights_survive_a_state_dict_and_are_made_on_the_meta_device(schema: Schema):
    module, _ = built(schema, (3, 0, 1))
    fresh = built(schema, (3, 0, 1))[0]
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in built_alone(schema).state_dict().items()}
    assert shapes == {name: value.shape for name, value in module.state_dict().items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1)
    fresh.load_state_dict(module.state_dict())
    draws = [m.generate(5, None, torch.Generator().manual_seed(0)) for m in (module, fresh)]
    assert all(torch.equal(a, b) for a, b in zip(*draws, strict=True))


def built_alone(schema: Schema) -> nn.Module:
    task = task_of((3, 0, 1))
    return FAMILY.build(FAMILY.defaults(40, 1, schema, task).model_copy(update={"width": 4}), schema, task, nn)


def test_classes_are_drawn_as_often_as_in_training():
    module, _ = built(SCHEMAS["8×8"], (0, 1))
    seen = []
    module.generator.label.register_forward_hook(lambda layer, args, out: seen.append(args[0]))
    module.generate(300)
    assert torch.cat(seen).eq(1).all()


@pytest.mark.parametrize("schema", [SCHEMAS["8×8"], SCHEMAS["numbers"]])
def test_rows_can_be_judged_together(schema: Schema):
    module, batch = built(schema, (3, 3), pack=3)
    assert module(*batch.inputs).shape == (12, 1)
    real, fake, labels = drawn_once(module, batch)
    assert real.shape == fake.shape and len(real) == 4 and labels is not None
    assert torch.equal(labels, batch.target.view(4, 3))
