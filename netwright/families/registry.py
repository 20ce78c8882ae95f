"""The closed table of families: a name in a file or on the command line is looked up here and nowhere else."""

from netwright.core.errors import InputError
from netwright.core.schema import DataKind
from netwright.families import linear, mlp, tabular
from netwright.families.autoencoder import family as autoencoder
from netwright.families.cnn import family as cnn
from netwright.families.family import Family
from netwright.families.gan import family as gan

FAMILIES: dict[str, Family] = {
    f.name: f for f in (tabular.FAMILY, cnn.FAMILY, gan.FAMILY, autoencoder.FAMILY, mlp.FAMILY, linear.FAMILY)
}
"""The first that fits is the default."""
DATA = {"table": "a table", "image": "pictures"}


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


def fitting(name: str | None, data: DataKind, kind: str | None) -> Family:
    """The family of this name, or where it is None the default, for this kind of data and the task asked for, if any.

    Raises InputError where they don't fit together, and says what does.
    """
    if name is None:
        able = [f for f in FAMILIES.values() if fits(f, data, kind)]
        if not able:
            raise _unfit(f"No family does this with {DATA[data]}.", f"--task {kind}", data)
        return able[0]
    family = find(name)
    if not fits(family, data, kind):
        what = f"The family {name!r} does not take {DATA[data]}."
        if data in family.fits:
            what = f"The family {name!r} is not for this task."
        raise _unfit(what, f"--family {name} with {DATA[data]}" + (f" and --task {kind}" if kind else ""), data)
    return family


def fits(family: Family, data: DataKind, kind: str | None) -> bool:
    """Whether the family takes this kind of data, for this kind of task or, where None, for any."""
    return data in family.fits and (kind is None or kind in family.fits[data])


def _unfit(what: str, got: str, data: DataKind) -> InputError:
    able = [f"{f.name} ({', '.join(f.fits[data])})" for f in FAMILIES.values() if data in f.fits]
    return InputError(
        what,
        got=got,
        wanted=f"for {DATA[data]}: {'; '.join(able)}",
        fix="Give another --family or --task, or leave one of them out.",
    )
