"""A column of a table that names pictures, to an album of their files.

N rows.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import picture_notice, shown
from netwright.data.pictures.loaders import FilePictures
from netwright.data.pictures.sniff import named_as_picture
from netwright.data.sources.missing import MARKERS
from netwright.data.table import Table

MOSTLY = 0.5
"""Share of a column's values that must be names of pictures, and of those that must be there."""


@dataclass(frozen=True)
class PathColumn:
    """A column of names of pictures."""

    name: str
    cells: tuple[str | None, ...]
    """(N,) as they stand in the table."""
    root: str
    """The folder they are looked for in."""
    paths: tuple[str, ...]
    """(N,) the files that are meant; empty where a cell is, or says that its value is missing."""
    there: np.ndarray
    """(N,) bool: whether there is such a file."""

    @property
    def share(self) -> float:
        """Of the files named, those that are there."""
        named = sum(path != "" for path in self.paths)
        return float(self.there.sum()) / max(1, named)

    @property
    def lost(self) -> list[str]:
        """In words, the cells without a file."""
        return [f"{self.cells[row] or '(no name)'} (row {row + 1})" for row in np.flatnonzero(~self.there)]


def path_columns(table: Table, names: Sequence[str], folder: Path | None) -> list[PathColumn]:
    """Those of these columns of text whose values are mostly names of pictures, relative to `folder` or absolute."""
    root = os.path.abspath(folder or ".")  # noqa: PTH100
    found = []
    for name in names:
        cells: list[str | None] = table[name].to_list()
        filled = [cell for cell in cells if cell is not None and not _is_empty(cell)]
        pictures = sum(named_as_picture(cell) and "://" not in cell for cell in filled)
        if pictures and pictures >= MOSTLY * len(filled):
            paths, there = zip(*(_meant(root, cell) for cell in cells), strict=True)
            found.append(PathColumn(name, tuple(cells), root, paths, np.array(there)))
    return found


def paths_album(table: Table, columns: Sequence[PathColumn], *, sure: bool) -> Album | None:
    """The album of the first column most of whose files are there, with every row; the lost ones can't be read.

    None where no file is there, unless one is `sure` that there are pictures. Raises InputError where fewer than half
    of the files are there.
    """
    fitting = next((column for column in columns if column.share >= MOSTLY), None)
    if fitting is None:
        doubtful = next((column for column in columns if sure or column.share > 0), None)
        if doubtful is not None:
            raise _mismatch(table, doubtful, sure)
        return None
    notices = []
    if lost := fitting.lost:
        name = fitting.name
        what = f"{len(lost):,} of {table.rows:,} pictures named in {name!r} of {table.name} do not exist: "
        notices = [picture_notice(what + shown(lost, 5), "correct their paths", column=name, serious=True)]
    return Album(table, fitting.name, FilePictures(fitting.paths), notices=tuple(notices))


def _is_empty(cell: str | None) -> bool:
    return cell is None or cell.strip() in MARKERS


def _meant(root: str, cell: str | None) -> tuple[str, bool]:
    """The file that is meant, its path also taken as one of another system or with white space around it."""
    if cell is None or _is_empty(cell):
        return "", False
    texts = dict.fromkeys((cell, cell.strip(), cell.strip().replace("\\", "/")))
    paths = [os.path.join(root, os.path.expanduser(text)) for text in texts]  # noqa: PTH111, PTH118
    found = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113
    return found or paths[0], found is not None


def _mismatch(table: Table, column: PathColumn, sure: bool) -> InputError:
    name, lost = column.name, column.lost
    mend = f"Correct {name!r}, or move the table beside the pictures"
    return InputError(
        f"{table.name}: column {name!r} does not match the files.",
        got=f"{len(lost):,} of {table.rows:,} pictures are not there, looked for in {column.root}: {shown(lost)}",
        wanted=f"paths of pictures, absolute or from the folder of the table, {column.root}",
        fix=f"{mend}." if sure else f"{mend}; or leave the column out: --exclude {name}.",
    )
