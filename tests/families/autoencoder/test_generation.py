"""The variational autoencoder as a family's network, and the mixture it draws from."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical, Normal

from netwright.core.batch import Batch
from netwright.families.autoencoder import likelihoods
from netwright.families.autoencoder.family import FAMILY
from netwright.families.autoencoder.mixture import Mixture
from netwright.families.autoencoder.rows import seeded
from tests.families.autoencoder.made import ROWS, Made, labelled, picture_schema, task_of

MAKER = torch.Generator().manual_seed(4)


def test_likelihoods_are_those_of_torch():
    logits, x = torch.randn(5, 4, generator=MAKER), torch.randint(0, 2, (5, 4), generator=MAKER).float()
    assert torch.allclose(likelihoods.bernoulli(x, logits), Bernoulli(logits=logits).log_prob(x).sum(1), atol=1e-5)
    spread = torch.tensor([0.5, 1.0, 2.0, 3.0])
    there = Normal(logits, spread).log_prob(x).sum(1)
    assert torch.allclose(likelihoods.gaussian(x, logits, spread.log()), there, atol=1e-5)
    index = torch.tensor([[0, 1], [1, 0], [0, 0], [1, 1], [0, 1]])
    one_hot = nn.functional.one_hot(index, 2).flatten(1).float()
    there = sum(Categorical(logits=logits[:, 2 * i : 2 * i + 2]).log_prob(index[:, i]) for i in range(2))
    assert torch.allclose(likelihoods.categorical(one_hot, logits, [2, 2]), there, atol=1e-5)


def test_the_bound_of_a_case_worked_out_by_hand():
    """An encoder that says N(0, 1) whatever it sees, a decoder that says one half: D·ln 2 and no divergence."""
    made = Made("generation", "grey", likelihood="bernoulli")
    with torch.no_grad():
        for p in made.module.parameters():
            p.zero_()
    assert made.judged() == pytest.approx(64 * math.log(2), rel=1e-6)
    with torch.no_grad():
        made.module.down.layers[-1].bias.copy_(torch.tensor([1.0, 2 * math.log(0.5)]).repeat_interleave(32))
    one = 0.5 * (1 + 0.25 - 1 - math.log(0.25))
    assert made.judged() == pytest.approx(64 * math.log(2) + 32 * one, rel=1e-6)


@pytest.mark.parametrize(("extreme", "binary"), [(0.9, True), (0.7, False)])
def test_nearly_binary_pictures_are_taken_for_coins(extreme: float, binary: bool):
    pixels = torch.full((40, 100), 128, dtype=torch.uint8)
    pixels[:, : int(extreme * 100)] = 255
    batch = Batch(inputs=(pixels.view(40, 1, 10, 10),), target=torch.zeros(40).long(), fold=torch.zeros(40).long())
    schema, task = picture_schema(1, 10, 10), task_of("generation")
    for likelihood in ("auto", "bernoulli", "gaussian"):
        config = FAMILY.configured({"hidden_sizes": (8,), "likelihood": likelihood})
        module = FAMILY.build(config, schema, task, nn)
        assert FAMILY.prepare is not None
        FAMILY.prepare(module, config, task, batch, batch)
        assert bool(module.binary) is (binary if likelihood == "auto" else likelihood == "bernoulli")
        trained = FAMILY.phases(module, config, task, 10, lambda: 0.0)[0].optimizer.param_groups[1]["params"]
        assert any(p is module.log_spread for p in trained) is not bool(module.binary)


def test_coins_are_thrown_anew_and_fall_as_often_as_the_pixel_is_bright():
    made = Made("generation", "grey", likelihood="bernoulli")
    thrown = torch.stack([made.module.seen(made.batch, True) for _ in range(200)])
    assert set(thrown.unique().tolist()) == {0.0, 1.0} and not torch.equal(thrown[0], thrown[1])
    assert torch.allclose(thrown.mean(0), made.module.flat(*made.batch.inputs), atol=0.2)


def test_the_divergence_counts_little_at_first_and_free_bits_cost_nothing():
    made = Made("generation", "grey", kl_warmup=10, free_bits=0.5)
    torch.manual_seed(0)
    first = made.module.loss(made.training, True).item()
    made.module.updates.fill_(100)
    torch.manual_seed(0)
    likely, divergence = made.module.terms(made.training, True)
    torch.manual_seed(0)
    late = made.module.loss(made.training, True).item()
    paid = divergence.mean(0).clamp(min=0.5).sum().item()
    assert late == pytest.approx(paid - likely.mean().item(), rel=1e-5)
    assert late - first == pytest.approx(0.9 * paid, rel=1e-3)


def test_a_mixture_finds_what_codes_were_drawn_from():
    labels = torch.arange(3000) % 3
    centers = torch.tensor([[0.0, 5.0], [5.0, 0.0], [-5.0, -5.0]])
    codes = centers[labels] + torch.randn(3000, 2, generator=MAKER) * torch.tensor([0.3, 1.0])
    mixture = Mixture(2, 3, 2)
    mixture.fit(codes, labels)
    assert torch.isclose(mixture.weights.sum(), torch.tensor(1.0), atol=1e-5)
    for label in range(3):
        drawn = mixture.draw(4000, torch.full((4000,), label), torch.Generator().manual_seed(0))
        assert torch.allclose(drawn.mean(0), centers[label], atol=0.15)
        assert torch.allclose(drawn.std(0), torch.tensor([0.3, 1.0]), atol=0.15)
    free = mixture.draw(6000, None, torch.Generator().manual_seed(0))
    nearest = torch.cdist(free, centers).argmin(1).bincount() / 6000
    assert torch.allclose(nearest, torch.full((3,), 1 / 3), atol=0.03)


def test_a_mixture_bears_few_rows_and_none():
    mixture = Mixture(4, 3, 8)
    mixture.fit(torch.randn(3, 4, generator=MAKER), torch.tensor([0, 0, 1]))
    assert torch.isfinite(mixture.draw(50, None, torch.Generator().manual_seed(0))).all()
    assert torch.isfinite(mixture.draw(50, torch.full((50,), 2), torch.Generator().manual_seed(0))).all()


@pytest.mark.parametrize("data", ["table", "grey", "colour"])
def test_rows_are_made_as_the_network_takes_them(data: str):
    label, _ = labelled(ROWS)
    made = Made("generation", data, task={"label": label})
    made.step(20)
    made.finish()
    for labels in (None, torch.tensor([0, 1, 1])):
        first, again = (made.module.generate(3, labels, seeded(torch.device("cpu"))) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        for made_row, row in zip(first, made.batch.inputs, strict=True):
            assert made_row.shape == (3, *row.shape[1:]) and made_row.dtype == row.dtype
        assert torch.isfinite(made.module(*first)).all()
