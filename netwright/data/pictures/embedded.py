"""Pictures inside a table: as bytes, as paths of files, or as one column a pixel.

N pictures, C channels, H height, W width.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import IMAGE, labels_table, numbered, picture_notice
from netwright.data.pictures.loaders import ArrayPictures, BytesPictures
from netwright.data.pictures.paths import path_columns, paths_album
from netwright.data.table import Table, matrix_of, picture_bytes, series_of, storage

PIXEL = re.compile(r"(?:pixel|pix|px|x)?[ _.-]?(\d+)(?:[_x.,-](\d+))?", re.IGNORECASE)
PIXEL_WORD = re.compile(r"pix|px", re.IGNORECASE)
FEWEST_PIXELS = 9


def album_in(
    table: Table,
    folder: Path | None,
    *,
    pixels: bool,
    called: bool = False,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    sure: bool = False,
) -> Album | None:
    """The album inside a table already read, a picture a row, or None where it holds no pictures.

    Looked for are a column of bytes that are pictures; a column of text that names pictures which exist, relative to
    `folder` or absolute; and, where `pixels` is given, columns called pixel0 … or x0 …, H·H or 3·H·H of them, beside
    which there is nothing but `target` and `exclude`, which are not looked at; with `called` they must be called
    pixels. A row whose picture is missing stays: it can't be read. Raises InputError where fewer than half of the files
    named exist; where none does, only if one is `sure` that the table is one of pictures.
    """
    others = [name for name in table.columns if name not in target and name not in exclude]
    for name in others:
        if storage(table[name]) in ("bytes", "nested"):
            found = picture_bytes(table[name])
            if found is not None:
                return _of_bytes(table, name, *found)
    texts = [name for name in others if storage(table[name]) == "text"]
    album = paths_album(table, path_columns(table, texts, folder), sure=sure)
    if album is not None:
        return album
    named = all(PIXEL_WORD.match(name.strip()) for name in others)
    return _of_pixels(table, others, target) if pixels and (named or not called) else None


def refuse_pictures(table: Table) -> None:
    """Raise InputError where a column holds pictures, for a network that sees numbers and categories alone."""
    for name in table.columns:
        if storage(table[name]) in ("bytes", "nested"):
            raise InputError(
                f"{table.name}: column {name!r} holds pictures, which this family does not see.",
                got=f"column {name!r} of bytes",
                wanted="a family that sees pictures, such as cnn, or a table of numbers and words",
                fix=f"Leave --family out, or write the table without {name!r}.",
            )


def _of_bytes(table: Table, name: str, data: list[bytes | None], paths: list[str | None]) -> Album:
    names = [path or f"picture {i}" for i, path in enumerate(paths, start=1)]
    lacking = sum(not item for item in data)
    what = f"{lacking:,} of {table.rows:,} rows of {table.name} have no picture in {name!r}"
    notices = [picture_notice(what, "fill them in", column=name, serious=True)] if lacking else []
    changed = table.with_columns({name: series_of(name, names)})
    return Album(changed, name, BytesPictures(tuple(item or b"" for item in data)), notices=tuple(notices))


def _of_pixels(table: Table, columns: Sequence[str], target: Sequence[str]) -> Album | None:
    """One column a pixel, in the order of their numbers."""
    places = {name: PIXEL.fullmatch(name.strip()) for name in columns}
    if len(columns) < FEWEST_PIXELS or not all(places.values()):
        return None
    ordered = sorted(columns, key=lambda name: tuple(int(n) for n in places[name].groups() if n))  # type: ignore[union-attr]
    channels = next((c for c in (1, 3) if math.isqrt(len(columns) // c) ** 2 * c == len(columns)), None)
    values = matrix_of(table, ordered) if channels else None
    if values is None or channels is None:
        return None
    side = math.isqrt(len(columns) // channels)
    rest = {name: table[name] for name in table.columns if name in target and name != IMAGE}
    album = labels_table(numbered(table.rows), rest, table.name)
    return Album(album, IMAGE, ArrayPictures(_shaped(values, channels, side)), None, {}, table.notices)


def _shaped(values: np.ndarray, channels: int, side: int) -> np.ndarray:
    """(N, P) → (N, C, H, H). Whether colours come plane by plane or pixel by pixel is told by which is smoother."""
    planar = values.reshape(-1, channels, side, side)
    if channels == 1:
        return planar
    mixed = values.reshape(-1, side, side, channels).transpose(0, 3, 1, 2)
    sample = slice(0, 500)
    return min((planar, mixed), key=lambda v: float(np.abs(np.diff(v[sample].astype(np.float64), axis=3)).mean()))
