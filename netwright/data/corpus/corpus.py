"""Texts of one source, joined into one that a network learns to continue."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netwright.core.notice import Notice
from netwright.data.table import Table, series_of, table_of

SEPARATOR = "\n\n"
"""Between two files, so that the end of one does not run into the beginning of the next."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Texts, each with the name of its file, in the order in which they are read. None of them is empty."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    name: str = "text"
    """What messages call the whole."""
    notices: tuple[Notice, ...] = ()

    @cached_property
    def text(self) -> str:
        """All of it, an empty line between two files."""
        return SEPARATOR.join(self.texts)

    @property
    def starts(self) -> np.ndarray:
        """(F,) the character of the joined text at which each of the F files begins."""
        lengths = np.asarray([len(text) + len(SEPARATOR) for text in self.texts])
        return np.cumsum(lengths) - lengths

    @property
    def table(self) -> Table:
        """One row a file: its name and its characters."""
        columns = [series_of("file", list(self.names)), series_of("characters", [len(text) for text in self.texts])]
        return table_of(columns, self.name)
