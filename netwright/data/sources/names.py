"""Column names: every column has one, and no two have the same."""

from collections import Counter
from collections.abc import Sequence

from netwright.core.errors import InputError
from netwright.core.notice import Notice


def name_empty(names: Sequence[str], source: str) -> tuple[list[str], list[Notice]]:
    """Names for the columns that have none, by their place from 1, and a notice of them."""
    taken, given, named = set(names), [], []
    for place, name in enumerate(names, start=1):
        if not name:
            name = f"column_{place}"
            while name in taken:
                name += "_"
            taken.add(name)
            given.append(name)
        named.append(name)
    if not given:
        return named, []
    shown = ", ".join(given[:5]) + (" …" if len(given) > 5 else "")
    what = f"{source}: {len(given)} columns have no name and are called {shown}"
    return named, [Notice(what=what, fix="name them in the header")]


def check_different(names: Sequence[str], source: str) -> None:
    """Raise InputError where two columns have the same name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not twice:
        return
    places = {name: [str(i) for i, other in enumerate(names, start=1) if other == name] for name in twice[:5]}
    raise InputError(
        f"{source}: columns have the same name.",
        got="; ".join(f"{name!r} in columns {', '.join(at[:5])}" for name, at in places.items()),
        wanted="names that differ",
        fix="Rename or remove the duplicates.",
    )
