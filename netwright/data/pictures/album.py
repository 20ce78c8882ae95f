"""Pictures that are not decoded yet, and the table of what stands beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from netwright.core.notice import Notice
from netwright.data.pictures.loaders import ArrayPictures, BytesPictures, FilePictures
from netwright.data.table import Table


@dataclass(frozen=True)
class Album:
    """N pictures. Nothing of them is decoded."""

    table: Table
    """One row a picture: column `image` with its name, then what the source says of it."""
    image: str
    """The column with the names: a path as the source has it (None where it has none), or "picture 17"."""
    loader: FilePictures | BytesPictures | ArrayPictures
    """How the pixels are got."""
    target: str | None = None
    """The column that names the class, where the source itself has one."""
    given: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Rows of "test" and "validation", where the source divides itself."""
    notices: tuple[Notice, ...] = ()
    named: bool = False
    """Whether the classes in `target` are names of folders: text as it stands, also where it is NA, null or 01."""

    @property
    def names(self) -> list[str]:
        """(N,) what messages call each picture."""
        names = self.table[self.image].to_list()
        return [f"picture {i}" if name is None else str(name) for i, name in enumerate(names, start=1)]

    def take(self, rows: np.ndarray) -> "Album":
        """The pictures with these positions (from 0), in this order, no longer divided."""
        return replace(self, table=self.table.take(rows), loader=self.loader.take(np.asarray(rows)), given={})


def digests(album: Album) -> np.ndarray:
    """(N,) uint64, equal for equal content: the bytes of a file, or the values of an array.

    A file is read only where another one has as many bytes; the rest get a number of their own.
    """
    return album.loader.digests()
