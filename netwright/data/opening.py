"""What a source holds: a table, or pictures."""

from collections.abc import Sequence
from pathlib import Path

from netwright.data.pictures.album import Album
from netwright.data.pictures.embedded import refuse_pictures
from netwright.data.pictures.read import album_in, holds_pictures, read_album
from netwright.data.sources.bundled import DATASETS
from netwright.data.sources.read import read
from netwright.data.table import Table, storage


def open_source(
    source: object,
    *,
    query: str | None = None,
    target: Sequence[str] = (),
    sees: bool = True,
    pixels: bool = False,
    called: bool = False,
    sure: bool = False,
    exclude: Sequence[str] = (),
) -> Table | Album:
    """One source as a table or as an album of pictures, not yet decoded.

    `sees` is False where a table is wanted even if a column of it names pictures; `pixels` is True where columns of
    numbers may be the pixels of a picture, with `called` only if they are called so. With `sure` a column that names
    pictures which are not there is an error, not words. Columns in `exclude` are not looked at. Raises InputError for
    what is neither.
    """
    if isinstance(source, Album):
        return source
    bundled = isinstance(source, str) and source in DATASETS and not Path(source).is_file()
    if not bundled and holds_pictures(source):
        return read_album(source, target=target[0] if target else None)
    table = read(source, query=query)
    if not sees:
        refuse_pictures(table.without(exclude))
        return table.without(
            [name for name in exclude if name in table.columns and storage(table[name]) in ("bytes", "nested")]
        )
    folder = Path(source).expanduser().parent if isinstance(source, str | Path) else None
    return album_in(table, folder, pixels=pixels, called=called, target=target, exclude=exclude, sure=sure) or table
