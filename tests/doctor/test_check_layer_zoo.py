"""A zoo of layers: each wrong one has one planted mistake, which is to be found; no right one may be accused."""

import pytest

from netwright.doctor.check_layer import check_layer
from tests.doctor.zoo.careless import CARELESS
from tests.doctor.zoo.right import RIGHT
from tests.doctor.zoo.wrong import WRONG

PLANTED = WRONG | CARELESS


@pytest.mark.parametrize("name", PLANTED)
def test_the_mistake_is_found(name: str):
    animal = PLANTED[name]
    report = check_layer(animal.make(), *animal.inputs(), name=name, slow=False)
    found = {finding.check for finding in report.findings if finding.verdict == "failed"}
    assert found, f"nothing was found in {name}\n{report}"
    assert found & animal.check, f"{name}: wanted one of {sorted(animal.check)}\n{report}"


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_against_a_right_layer(name: str):
    animal = RIGHT[name]
    report = check_layer(animal.make(), *animal.inputs(), name=name, slow=False)
    assert not report.failed, f"{name} is right\n{report}"
