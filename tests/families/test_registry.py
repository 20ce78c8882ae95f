"""The closed table."""

import pytest

from netwright.core.errors import InputError
from netwright.families.registry import FAMILIES, find


def test_a_family_is_found_by_its_name():
    assert {name: find(name) for name in FAMILIES} == FAMILIES


@pytest.mark.parametrize("name", ["forest", "", "os.system", "MLP"])
def test_any_other_name_is_refused(name: str):
    with pytest.raises(InputError, match="no family called") as error:
        find(name)
    assert all(known in error.value.wanted for known in FAMILIES)
