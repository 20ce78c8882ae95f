"""Reduction is never worse than PCA."""

import pytest
import torch

from tests.families.autoencoder.made import DATA, Made


def errors(made: Made) -> tuple[float, float]:
    """Of the network and of PCA, on validation rows."""
    with torch.no_grad():
        x = made.module.flat(*made.validation.inputs)
        found = [f(*made.validation.inputs) for f in (made.module.reconstruct, made.module.reconstruct_linear)]
    return tuple(float((again - x).square().mean()) for again in found)  # type: ignore[return-value]


@pytest.mark.parametrize("data", DATA)
def test_it_begins_as_pca(data: str):
    made = Made("reduction", data)
    x = made.module.flat(*made.batch.inputs)
    assert torch.equal(made.module.code(x), made.module.principal.encode(x))
    code = made.module.code(x)
    assert torch.equal(made.module.decode(code), made.module.principal.decode(code))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("rate", [1e-12, 3e-3, 30.0])
def test_it_is_never_worse_than_pca(data: str, rate: float):
    made = Made("reduction", data, learning_rate=rate)
    made.step(60)
    made.finish()
    network, linear = errors(made)
    assert network <= linear * (1 + 1e-6)
    assert float(made.module.alone) == (rate == 30.0) or rate != 3e-3


def test_a_ruined_network_gives_the_answers_of_pca():
    made = Made("reduction", "grey")
    with torch.no_grad():
        for p in made.module.parameters():
            p.fill_(torch.nan)
    made.finish()
    assert made.module.alone == 1
    with torch.no_grad():
        codes = made.module(*made.batch.inputs)
    assert torch.equal(codes, made.module.principal.encode(made.module.flat(*made.batch.inputs)))


def test_as_many_dimensions_as_there_are():
    made = Made("reduction", "table", task={"size": 20})
    made.step(2)
    made.finish()
    assert errors(made)[0] < 1e-4
