"""A zoo of layers: each wrong one has one planted mistake, which is to be found; no right one may be accused."""

import pytest

from netwright.doctor.check_layer import check_layer
from tests.doctor.layer.layers import found
from tests.doctor.zoo.careless import CARELESS
from tests.doctor.zoo.right import RIGHT
from tests.doctor.zoo.wrong import WRONG

PLANTED = WRONG | CARELESS


@pytest.mark.parametrize("name", PLANTED)
def test_the_mistake_is_found(name: str):
    animal = PLANTED[name]
    report = check_layer(animal.make(), *animal.inputs(), name=name, slow=False)
    failed = {finding.check for finding in report.findings if finding.verdict == "failed"}
    assert failed, f"nothing was found in {name}\n{report}"
    assert failed & animal.check, f"{name}: wanted one of {sorted(animal.check)}\n{report}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sigmoid: 1 − y forgotten", "(0.1764 to 0.8983 times would be right): the factor (1 − y) is missing"),
        ("sigmoid: derivative taken at x instead of y", "the formula is one in y, and gets x"),
        ("sine: the saved output used as the input", "the formula is one in x, and gets y"),
        ("tanh: 1 − y, not 1 − y²", "the factor (1 + y) is missing"),
        ("gelu: the second half of the product rule is missing", "a summand is missing"),
        ("quotient: the divisor not squared", "the factor b is one too many"),
        ("softmax: without the sum over the row", "also moves output [2, 0]; backward leaves that out: the terms off"),
        ("cumulative sum: not turned round", "also moves output [1, 4]; backward leaves that out."),
        ("embedding: repeated ids overwrite each other", "also moves output [2, 0, 0]; backward leaves that out."),
        ("linear: forgotten transpose, square weight", "With the transpose of weight in backward it is right"),
        ("linear: the gradient of a square weight not transposed", "It is the transpose of what it should be"),
    ],
)
def test_usual_mistakes_are_named(name: str, words: str):
    report = found(WRONG[name].make(), *WRONG[name].inputs(), check="first derivative")
    assert words in report.seen, report


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_against_a_right_layer(name: str):
    animal = RIGHT[name]
    report = check_layer(animal.make(), *animal.inputs(), name=name, slow=False)
    assert not report.failed, f"{name} is right\n{report}"
