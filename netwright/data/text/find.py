"""Which columns of a table hold text that is to be read, rather than values to be told apart."""

import re
from collections.abc import Collection

import numpy as np

from netwright.core.errors import InputError
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import fit_schema
from netwright.data.table import Series, Table, storage

FEWEST = 20
"""Rows with a value, below which a column is not known to be text where nobody asked for a reader of texts."""
DIFFERENT = 0.5
"""Share of different values above which values are too many to be learned one by one."""
PROSE_WORDS, PROSE_DIFFERENT = 6, 0.8
"""Words of a middling cell, and share of different cells, of sentences."""
NAMED_WORDS = 3
"""Words that are enough in a column with one of these in its name."""
NAMES = frozenset(
    {"text", "texts", "review", "comment", "message", "question", "sentence", "tweet", "body", "content", "headline"}
)
LOOKED_AT = 5_000
"""Rows that are looked at."""
LETTERED = 0.5
"""Share of the cells that hold letters of words: numbers, dates and codes are no text."""
UNSPACED = 10
"""Letters of such a script that are a sentence rather than a name."""
CODE = re.compile(r"https?://|[\w.+-]{1,64}@[\w-]+\.|[0-9a-f]{8}-?[0-9a-f]{4}|\d{4,}")
"""Links, addresses, hashes and long numbers: they name things."""
LOOKED_AT = 1000
"""Letters of a cell in which such are looked for."""


def find_texts(table: Table, targets: Collection[str], exclude: Collection[str], *, sure: bool) -> tuple[str, ...]:
    """The columns, cells as they were read, whose text is to be read; empty where there are none.

    With `sure`, a person asked for a network that reads texts: all columns of sentences or, without any, of names.
    Without, a table is about text only where a column holds sentences, or where no other column could be used.
    """
    names = [name for name in table.columns if name not in targets and name not in exclude]
    fewest = 1 if sure else FEWEST
    some = table.take(np.arange(0, table.rows, max(1, table.rows // LOOKED_AT)))
    words = {name: found for name in names if (found := median_words(some[name], fewest)) is not None}
    free = [name for name, (middle, different) in words.items() if middle >= 2 or _unspaced(some[name])]
    prose = [n for n, (middle, different) in words.items() if _prose(n, some[n], middle, different)]
    if sure:
        return tuple(free or words)
    if prose:
        return tuple(prose)
    others = [name for name in names if name not in words]
    return tuple(free or words) if words and not _usable(some, others) else ()


def median_words(series: Series, fewest: int = FEWEST) -> tuple[float, float] | None:
    """Words of a middling cell, and the share of cells that are different; None where the column is no text, or fewer
    than `fewest` cells have a value.
    """
    if storage(series) != "text":
        return None
    present = series.drop_nulls()
    present = present.filter(present.str.strip_chars() != "")
    if len(present) < fewest or present.n_unique() <= DIFFERENT * len(present):
        return None
    values = present.to_list()
    lettered = sum(any(letter.isalpha() for letter in value) for value in values)
    codes = sum(CODE.search(value[:LOOKED_AT]) is not None and len(value.split()) < 3 for value in values)
    if lettered < LETTERED * len(values) or codes > 0.1 * len(values) or _upper_codes(values):
        return None
    middle = float(np.median([len(value.split()) for value in values]))
    return middle, present.n_unique() / len(present)


def _upper_codes(values: list[str]) -> bool:
    """Cells that mix letters and digits without a space, as part numbers do."""
    mixed = sum(any(c.isdigit() for c in v) and any(c.isalpha() for c in v) and " " not in v.strip() for v in values)
    return mixed > 0.3 * len(values)


def _prose(name: str, series: Series, words: float, different: float) -> bool:
    """Sentences: many words a cell, or many letters of a script without spaces, and nearly all cells different."""
    named = bool(NAMES & set(re.split(r"[\W_]+", name.lower())))
    enough = words >= (NAMED_WORDS if named else PROSE_WORDS) or _unspaced(series)
    return different >= PROSE_DIFFERENT and enough


def _unspaced(series: Series) -> bool:
    """Whether the words of a middling cell have many letters, of a script that writes without spaces."""
    cells = series.drop_nulls().to_list()[:500]
    letters = [sum(letter >= "\u0e00" and letter.isalpha() for letter in cell) for cell in cells]
    words = [max(1, len(cell.split())) for cell in cells]
    return bool(np.median(np.divide(letters, words)) >= UNSPACED)


def _usable(table: Table, names: list[str]) -> bool:
    """Whether a network for tables could learn from these columns: some that vary and don't name the row."""
    if not names:
        return False
    part = table.without([name for name in table.columns if name not in names])
    types, _ = infer_types(part)
    read, _ = read_cells(part, types)
    try:
        return bool(fit_schema(read, types).used)
    except InputError:
        return False
