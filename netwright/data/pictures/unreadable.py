"""Pictures that can't be read, named."""

from netwright.core.notice import Notice
from netwright.data.pictures.album import Album
from netwright.data.pictures.decoding import Decoded

NAMED = 5
"""Pictures named one by one at most."""


def unreadable(album: Album, decoded: Decoded) -> list[Notice]:
    """A notice that names them, each with its reason; none where all could be read."""
    problems = decoded.problems
    if not problems:
        return []
    names = album.names
    first = "; ".join(f"{names[row]} ({why})" for row, why in problems[:NAMED])
    more = f"; and {len(problems) - NAMED:,} more" if len(problems) > NAMED else ""
    what = f"{len(problems):,} picture(s) of {album.table.name} can't be read: {first}{more}"
    return [Notice(what=what, fix="replace or delete them", column=album.image, serious=True)]
