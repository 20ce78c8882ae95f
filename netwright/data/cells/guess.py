"""What the cells of a column of text are: tried on some cells, then held against all of them."""

from dataclasses import dataclass, field

import numpy as np

from netwright.core.cells import CellType
from netwright.core.notice import Notice
from netwright.data.cells.number_text import PLAIN, Reading, codes, find_reading, has_marks, matching, to_numbers
from netwright.data.cells.time_text import find_formats, offsets, to_times
from netwright.data.table import Series

MOST = 0.95
"""Share of the cells that must be of a kind for the column to be of it."""
FEW = 20
"""Different texts that the other cells may hold; more of them mean something."""
SAMPLE = 2000
WORDS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
"""Words for true and false, in any case. Single letters must both occur; of the longer words one is enough."""
SIGNED = r"^[+-]?\s?[$€£¥]\s?\d[\d.,' ]*$|^[+-]?\d[\d.,' ]*\s?[%$€£¥]$"


@dataclass
class Guess:
    """How a column is read. `either` is a second reading that explains the cells as well as the first."""

    cell: CellType
    either: CellType | None = None
    marks: bool = False
    """Whether the column shows which decimal mark, or which order of day and month, the table uses."""
    notices: list[Notice] = field(default_factory=list)


def guess_text(series: Series) -> Guess:
    """The kind of a column of text, numbers being tried first, then booleans, date-times, and text at last."""
    text = series.drop_nulls().str.strip_chars()
    if not len(text):
        return Guess(CellType(kind="string"))
    sample = text.gather(np.linspace(0, len(text) - 1, min(SAMPLE, len(text))).astype(int))
    number, readings = find_reading(text, sample)
    if number == 1 or (number >= MOST and _few(text, to_numbers(text, readings[0]))):
        return _number(series.name, text, sample, readings)
    words = _boolean(text, sample)
    if words:
        return Guess(CellType(kind="boolean", true=words[0], false=words[1]))
    share, formats, zoned = find_formats(text, sample)
    if share == 1 or (share >= MOST and _few(text, to_times(text, formats[0])[0])):
        return _times(series.name, text, formats, zoned)
    guess = Guess(CellType(kind="string"))
    guess.notices += _mixed(series.name, text, max((number, "number"), (share, "datetime")), readings)
    return guess


def guess_plain(series: Series) -> Guess:
    """The guess for a column all of whose numbers can be read in one way only."""
    return Guess(CellType(kind="number"), marks=bool(series.str.contains(".", literal=True).any()))


def _few(text: Series, read: Series) -> bool:
    """Whether the cells that could not be read hold few different texts."""
    return not read.null_count() or text.filter(read.is_null()).n_unique() <= FEW


def _number(name: str, text: Series, sample: Series, readings: list[Reading]) -> Guess:
    why = codes(text) if readings[0] == PLAIN else ""
    if why:
        what = f"{name!r} holds whole numbers with {why}: read as text"
        return Guess(CellType(kind="string"), notices=[Notice(what=what, fix=f"--kind {name}=number", column=name)])
    cells = [CellType(kind="number", decimal=r[0], thousands=r[1]) for r in readings]  # type: ignore[arg-type]
    either = cells[1] if len(cells) > 1 else None
    return Guess(cells[0], either, marks=either is None and has_marks(sample))


def _boolean(text: Series, sample: Series) -> tuple[str, str] | None:
    if sample.n_unique() > 6:
        return None
    found = set(text.str.to_lowercase().unique())
    for pair in WORDS:
        if found <= set(pair) and (len(found) == 2 or len(pair[0]) > 1):
            usual = text.drop_nulls().value_counts(sort=True).to_dict(as_series=False)[text.name]
            written = {word.lower(): word for word in reversed(usual)}
            return written.get(pair[0], pair[0]), written.get(pair[1], pair[1])
    return None


def _times(name: str, text: Series, formats: list[str], zoned: int) -> Guess:
    cells = [CellType(kind="datetime", time_format=form, time_zone=zoned > 0) for form in formats]
    either = cells[1] if len(cells) > 1 else None
    notices = []
    if zoned and zoned < len(text):
        what = f"{name!r}: {zoned:,} of {len(text):,} date-times carry an offset; the others are taken as UTC"
        notices.append(Notice(what=what, fix="write every date-time with its offset", column=name))
    elif zoned and offsets(text) > 1:
        notices.append(Notice(what=f"{name!r}: offsets differ; date-times were brought to UTC", column=name))
    if "%y" in formats[0]:
        what = f"{name!r}: years have two digits; 00 to 68 are taken as 2000 to 2068"
        notices.append(Notice(what=what, fix="write years with four digits", column=name))
    return Guess(cells[0], either, marks=either is None, notices=notices)


def _mixed(name: str, text: Series, near: tuple[float, str], readings: list[Reading]) -> list[Notice]:
    """A notice where text nearly was something else."""
    share, kind = near
    if share >= 0.5:
        count = round(share * len(text))
        said = {"number": "numbers", "datetime": "dates"}[kind]
        what = f"{name!r} is read as text: {count:,} of its {len(text):,} values are {said}"
        if kind == "number":
            other = text.filter(to_numbers(text, readings[0]).is_null())[0]
            what += f", but not {other[:40]!r}"
        return [Notice(what=what, fix=f"--kind {name}={kind} counts the others as missing", column=name)]
    if matching(text, SIGNED) >= MOST:
        what = f"{name!r} holds numbers with a sign such as {text[0][:20]!r}: read as text"
        return [Notice(what=what, fix="remove the signs to have numbers", column=name)]
    return []
