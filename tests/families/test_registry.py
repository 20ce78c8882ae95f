"""The closed table."""

import pytest

from netwright.core.errors import InputError
from netwright.families.registry import FAMILIES, NAMES, find, fitting, takes


def test_a_family_is_found_by_its_name_and_kind_of_data():
    for family in FAMILIES:
        for data in family.fits:
            assert find(family.name, data) is family
            assert data in takes(family.name)


def test_no_two_families_of_one_name_take_the_same_data():
    pairs = [(family.name, data) for family in FAMILIES for data in family.fits]
    assert len(pairs) == len(set(pairs))


def test_data_that_a_family_does_not_take_is_refused():
    with pytest.raises(InputError, match="does not take pictures") as error:
        find("tabular", "image")
    assert "cnn" in error.value.wanted
    with pytest.raises(InputError, match="not for this task"):
        fitting("cnn", "image", "anomaly")
    with pytest.raises(InputError, match="No family does this"):
        fitting(None, "text", "anomaly")


@pytest.mark.parametrize("name", ["forest", "", "os.system", "MLP"])
def test_any_other_name_is_refused(name: str):
    with pytest.raises(InputError, match="no family called") as error:
        find(name)
    assert all(known in error.value.wanted for known in NAMES)
