"""The closed table of families: a name in a file or on the command line is looked up here and nowhere else."""

from netwright.core.errors import InputError
from netwright.families import linear, mlp, tabular
from netwright.families.family import Family

FAMILIES: dict[str, Family] = {f.name: f for f in (tabular.FAMILY, mlp.FAMILY, linear.FAMILY)}


def find(name: str) -> Family:
    """The family of this name. Raises InputError for one that is not known."""
    if name not in FAMILIES:
        raise InputError(
            f"There is no family called {name!r}.",
            got=f"--family {name}",
            wanted=", ".join(FAMILIES),
            fix="Leave --family out for the default, or give one of these names.",
        )
    return FAMILIES[name]
