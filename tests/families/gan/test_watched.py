import torch
from torch import nn

from netwright.families.gan.family import FAMILY
from netwright.families.gan.watched import collapsed, figures, warning
from tests.families.gan.made import picture_schema, row_schema, rows_of, task_of


def test_real_rows_have_not_collapsed():
    draw = torch.Generator().manual_seed(0)
    for shape in ((512, 1, 28, 28), (512, 2)):
        rows = torch.randn(shape, generator=draw)
        found = figures(rows[:256], rows[256:])
        assert 0.9 < found["diversity"] < 1.1 and found["coverage"] > 0.9 and not collapsed(found)


def test_a_constant_generator_has_collapsed():
    for schema in (picture_schema(8, 8), row_schema(2, (3,))):
        task, batch = task_of((20, 20)), rows_of(schema, 40, 2)
        config = FAMILY.defaults(40, 1, schema, task)
        module = FAMILY.build(config, schema, task, nn)
        FAMILY.prepare(module, config, task, batch, batch)
        with torch.no_grad():
            for parameter in module.generator.parameters():
                parameter.zero_()
            if schema.image is None:
                module.generator.layers[-1].bias[2:] = torch.tensor([0.0, 90.0, 0.0])
        state = torch.get_rng_state()
        found = FAMILY.watched(module.eval(), config, task, batch)
        assert found["diversity"] < 1e-3 and collapsed(found)
        assert found == FAMILY.watched(module, config, task, batch) and torch.equal(state, torch.get_rng_state())


def test_one_row_for_each_class_is_a_collapse_too():
    labels = torch.arange(256) % 4
    real = 10.0 * labels[:, None] + torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    fake = 10.0 * labels[:, None].expand(256, 2)
    assert collapsed(figures(real, fake, labels)) and not collapsed(figures(real, fake))


def test_few_rows_and_rows_all_alike():
    assert figures(torch.zeros(1, 2), torch.ones(1, 2))["diversity"] == 1
    assert not collapsed(figures(torch.zeros(9, 2), torch.zeros(9, 2)))
    assert collapsed({"diversity": float("nan"), "coverage": 0.0})


def test_a_collapse_is_told_in_words():
    assert warning({"diversity": 0.9, "coverage": 1.0}) == ""
    assert "20% as varied" in warning({"diversity": 0.2, "coverage": 0.1})
    assert "0% as varied" in warning({"diversity": float("nan"), "coverage": 0.0})
