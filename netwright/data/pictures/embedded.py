"""Pictures inside a table: as bytes, as paths, or as one column a pixel.

N pictures, C channels, H height, W width.
"""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import IMAGE, labels_table, numbered, shown, told
from netwright.data.pictures.loaders import ArrayPictures, BytesPictures, FilePictures
from netwright.data.pictures.sniff import named_as_picture
from netwright.data.table import Table, matrix_of, picture_bytes, series_of, storage

MOSTLY = 0.5
"""Share of a column's values that must be names of pictures, and of those that must be there."""
PIXEL = re.compile(r"(?:pixel|pix|px|x)?[ _.-]?(\d+)(?:[_x.,-](\d+))?", re.IGNORECASE)
PIXEL_WORD = re.compile(r"pix|px", re.IGNORECASE)
FEWEST_PIXELS = 9


def album_in(
    table: Table, folder: Path | None, *, pixels: bool, called: bool = False, target: Sequence[str] = ()
) -> Album | None:
    """The album inside a table already read, or None where it holds no pictures.

    Looked for are a column of bytes that are pictures; a column of text that names pictures which exist, relative to
    `folder` or absolute; and, where `pixels` is given, columns called pixel0 … or x0 …, H·H or 3·H·H of them, beside
    which there is nothing but `target`; with `called` they must be called pixels. Raises InputError where
    most of the files named do not exist.
    """
    others = [name for name in table.columns if name not in target]
    for name in others:
        if storage(table[name]) in ("bytes", "nested"):
            found = picture_bytes(table[name])
            if found is not None:
                return _of_bytes(table, name, *found)
    for name in others:
        if storage(table[name]) == "text":
            album = _of_paths(table, name, folder)
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
    rows = np.array([i for i, item in enumerate(data) if item is not None], dtype=np.int64)
    notices = []
    if len(rows) < len(data):
        what = f"{len(data) - len(rows):,} rows of {table.name} have no picture in {name!r} and are left out"
        notices.append(told(what, "fill them in", serious=True))
    changed = table.with_columns({name: series_of(name, names)}).take(rows)
    return Album(changed, name, BytesPictures(tuple(d for d in data if d is not None)), None, {}, tuple(notices))


def _of_paths(table: Table, name: str, folder: Path | None) -> Album | None:
    values: list[str | None] = table[name].to_list()
    present = [value for value in values if value is not None]
    named = [value for value in present if named_as_picture(value) and "://" not in value]
    if not named or len(named) < MOSTLY * len(present):
        return None
    root = os.path.abspath(folder or ".")  # noqa: PTH100
    paths = [None if value is None else _existing(root, value) for value in values]
    rows = np.array([i for i, path in enumerate(paths) if path is not None], dtype=np.int64)
    lost = [f"{values[i] or '(no name)'} (row {i + 1})" for i, path in enumerate(paths) if path is None]
    if len(rows) < MOSTLY * len(values):
        raise InputError(
            f"{table.name}: column {name!r} does not match the files.",
            got=f"{len(lost):,} of {len(values):,} pictures are not there, looked for in {root}: {shown(lost)}",
            wanted=f"paths of pictures, absolute or from the folder of the table, {root}",
            fix=f"Correct {name!r}, move the table beside the pictures, or leave the column out: --exclude {name}.",
        )
    notices = []
    if lost:
        what = (
            f"{len(lost):,} pictures named in {name!r} of {table.name} do not exist and are left out: {shown(lost, 5)}"
        )
        notices.append(told(what, "correct their paths", serious=True))
    found = tuple(path for path in paths if path is not None)
    return Album(table.take(rows), name, FilePictures(found), None, {}, tuple(notices))


def _existing(root: str, value: str) -> str | None:
    """The file that is meant, its path also taken as one of another system or with white space around it."""
    for text in dict.fromkeys((value, value.strip(), value.strip().replace("\\", "/"))):
        path = os.path.join(root, os.path.expanduser(text))  # noqa: PTH111, PTH118
        if os.path.isfile(path):  # noqa: PTH113
            return path
    return None


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
