"""The closed table of families: a name in a file or on the command line is looked up here and nowhere else."""

from netwright.core.errors import InputError
from netwright.core.schema import DataKind
from netwright.families import linear, mlp, tabular
from netwright.families.autoencoder import family as autoencoder
from netwright.families.bert import family as bert
from netwright.families.cnn import family as cnn
from netwright.families.family import Family
from netwright.families.forecast import blend, naive, patches
from netwright.families.forecast import linear as line
from netwright.families.forecast import recurrent as unrolled
from netwright.families.gan import family as gan
from netwright.families.language import family as language
from netwright.families.rocket import family as rocket
from netwright.families.sequence import linear as statistics
from netwright.families.sequence import recurrent, transformer
from netwright.families.text import family as text

FAMILIES: tuple[Family, ...] = (
    tabular.FAMILY,
    cnn.FAMILY,
    gan.FAMILY,
    autoencoder.FAMILY,
    mlp.FAMILY,
    linear.FAMILY,
    rocket.FAMILY,
    recurrent.LSTM,
    recurrent.GRU,
    recurrent.RNN,
    transformer.FAMILY,
    statistics.FAMILY,
    blend.FAMILY,
    line.FAMILY,
    naive.FAMILY,
    unrolled.LSTM,
    unrolled.GRU,
    unrolled.RNN,
    patches.FAMILY,
    *text.FAMILIES,
    bert.FAMILY,
    language.GPT,
    language.LSTM,
    language.GRU,
    language.RNN,
)
"""The first that fits is the default. A name may be here several times, for different kinds of data."""
NAMES = tuple(dict.fromkeys(family.name for family in FAMILIES))
DATA: dict[DataKind, str] = {
    "table": "a table",
    "image": "pictures",
    "sequence": "sequences",
    "series": "series to be forecast",
    "text": "a table of texts",
    "corpus": "a text to be continued",
}


def find(name: str, data: DataKind = "table") -> Family:
    """The family of this name for this kind of data. Raises InputError for one that is not there."""
    named = [family for family in FAMILIES if family.name == name]
    if not named:
        raise InputError(
            f"There is no family called {name!r}.",
            got=f"--family {name}",
            wanted=", ".join(NAMES),
            fix="Leave --family out for the default, or give one of these names.",
        )
    able = [family for family in named if data in family.fits]
    if not able:
        raise _unfit(f"The family {name!r} does not take {DATA[data]}.", f"--family {name} with {DATA[data]}", data)
    return able[0]


def takes(name: str) -> frozenset[DataKind]:
    """The kinds of data that the families of this name take. Raises InputError for a name that is not known."""
    if name not in NAMES:
        find(name)
    return frozenset(data for family in FAMILIES if family.name == name for data in family.fits)


def fitting(name: str | None, data: DataKind, kind: str | None) -> Family:
    """The family of this name, or where it is None the default, for this kind of data and the task asked for, if any.

    Raises InputError where they don't fit together, and says what does.
    """
    if name is None:
        able = [f for f in FAMILIES if fits(f, data, kind)]
        if not able:
            raise _unfit(f"No family does this with {DATA[data]}.", f"--task {kind}", data)
        return able[0]
    family = find(name, data)
    if not fits(family, data, kind):
        asked = f"--family {name} with {DATA[data]} and --task {kind}"
        raise _unfit(f"The family {name!r} is not for this task.", asked, data)
    return family


def fits(family: Family, data: DataKind, kind: str | None) -> bool:
    """Whether the family takes this kind of data, for this kind of task or, where None, for any."""
    return data in family.fits and (kind is None or kind in family.fits[data])


def _unfit(what: str, got: str, data: DataKind) -> InputError:
    able = [f"{f.name} ({', '.join(f.fits[data])})" for f in FAMILIES if data in f.fits]
    return InputError(
        what,
        got=got,
        wanted=f"for {DATA[data]}: {'; '.join(able)}",
        fix="Give another --family or --task, or leave one of them out.",
    )
