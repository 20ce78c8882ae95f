"""`.ts` files, as the UCR and UEA archives of time-series classification have them.

A header of `@name value` lines up to `@data`, then a line a sequence: channels parted by `:`, steps by `,`, the label
last (Bagnall et al. 2018, "The UEA multivariate time series classification archive").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.sequences.collection import NAME, Sequences, channel_names, finite, numbered, padded
from netwright.data.table import series_of, table_of

CLASS, TARGET = "class", "target"
"""What the column of labels is called: of classes, of numbers."""
KNOWN = ("problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength",
         "classlabel", "targetlabel")  # fmt: skip
STAMPED = re.compile(r"\([^()]*,([^(),]*)\)")
"""A step with its time, (2007-01-01 00:00:00,241.97): the value is what stands last."""


@dataclass(kw_only=True)
class Header:
    """What the header of a file says."""

    channels: int | None = None
    length: int | None = None
    stamps: bool = False
    label: str | None = None
    """The column of labels; None where the sequences have none."""
    classes: tuple[str, ...] = ()
    seen: set[str] = field(default_factory=set)


def read_archive(path: Path, *, target: str | None = None) -> Sequences:
    """The sequences of one file; `target` is what the column of labels is to be called.

    Raises InputError for a header or a line that is not of the form, naming the file and the line.
    """
    lines = _lines(path)
    header = _header(lines, path)
    parts, labels = [], []
    for number, line in lines:
        part, label = _sequence(line, header, f"{path}, line {number}")
        header.channels = header.channels or part.shape[1]
        parts.append(part)
        labels.append(label)
    if not parts:
        raise _broken(f"{path} has no sequences.", "a header alone", "a line a sequence below @data")
    values, lengths = padded(parts, str(path))
    values, notices = finite(values, str(path))
    columns = [series_of(NAME, numbered(len(parts)))]
    key = None
    if header.label is not None:
        key = target or header.label
        columns.append(series_of(key, [_label(x, header) for x in labels]))
    return Sequences(
        table=table_of(columns, str(path)),
        values=values,
        lengths=lengths,
        channels=channel_names(values.shape[2]),
        target=key,
        classes=header.label == CLASS,
        notices=(*notices, *_odd(header, lengths, path)),
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is neither empty nor a comment."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} can't be opened.",
            got=error.strerror or error,
            wanted="a .ts file",
            fix="Look at its path and its permissions.",
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", "%")):
            yield number, stripped


def _header(lines: Iterator[tuple[int, str]], path: Path) -> Header:
    """All up to `@data`, which the next line of `lines` then follows."""
    header = Header()
    for number, line in lines:
        where = f"{path}, line {number}"
        if not line.startswith("@"):
            raise _broken(f"{where}: the sequences begin before @data.", line[:60], "the line @data above them")
        name, *values = line[1:].split()
        if name.lower() == "data":
            if header.label is None and not header.seen & {"classlabel", "targetlabel"}:
                raise _broken(f"{path}: the header does not say whether there are labels.", "no @classLabel",
                              "@classLabel true and the classes, @targetLabel true, or @classLabel false")  # fmt: skip
            return header
        if name.lower() in KNOWN:
            _take(header, name.lower(), values, line, where)
    raise _broken(f"{path}: the line @data is missing.", "a header alone", "@data, and a line a sequence below it")


def _take(header: Header, name: str, values: list[str], line: str, where: str) -> None:
    """One line of the header."""
    header.seen.add(name)
    match name:
        case "dimension" | "dimensions" | "serieslength":
            if not values or not values[0].isascii() or not values[0].isdigit() or not 1 <= int(values[0]) < 10**9:
                raise _broken(f"{where}: the header is broken.", line[:60], "a whole number, one or more")
            if name == "serieslength":
                header.length = int(values[0])
            else:
                header.channels = int(values[0])
        case "classlabel" | "targetlabel":
            if _truth(values, line, where):
                header.label = CLASS if name == "classlabel" else TARGET
                header.classes = tuple(values[1:]) if name == "classlabel" else ()
        case "univariate":
            if _truth(values, line, where):
                header.channels = 1
        case "timestamps":
            header.stamps = _truth(values, line, where)
        case "equallength" | "missing":
            _truth(values, line, where)


def _truth(values: list[str], line: str, where: str) -> bool:
    if not values or values[0].lower() not in ("true", "false"):
        raise _broken(f"{where}: the header is broken.", line[:60], "true or false")
    return values[0].lower() == "true"


def _sequence(line: str, header: Header, where: str) -> tuple[np.ndarray, str]:
    """One line: (T, C) with NaN where a value is missing, and the label, "" where there is none."""
    label = ""
    if header.label is not None:
        line, mark, label = line.rpartition(":")
        label = label.strip()
        if not mark or not label or (header.classes and label not in header.classes and label != "?"):
            wanted = f"one of {', '.join(header.classes[:10])}" if header.classes else "a label after the last ':'"
            raise _broken(f"{where}: the sequence has no label of the header's.", label[:60] or "none", wanted)
        if header.label == TARGET and label != "?" and _number(label) is None:
            raise _broken(f"{where}: the label is no number.", label[:60], "a number, as @targetLabel says")
    texts = re.split(r":(?![^()]*\))", line) if header.stamps else line.split(":")
    if header.channels is not None and len(texts) != header.channels:
        raise _broken(f"{where}: the sequence has not as many channels as the others.", f"{len(texts)} channels",
                      f"{header.channels}, parted by ':'")  # fmt: skip
    channels = [_channel(text, header, f"{where}, channel {i}") for i, text in enumerate(texts, start=1)]
    whole = np.full((max(map(len, channels)), len(channels)), np.nan)
    for i, channel in enumerate(channels):
        whole[: len(channel), i] = channel
    return whole, label


def _channel(text: str, header: Header, where: str) -> list[float]:
    if not text.strip():
        return []
    cells = STAMPED.findall(text) if header.stamps else text.split(",")
    try:
        return [float(cell) if cell != "?" else np.nan for cell in cells]
    except ValueError:
        values = [np.nan if cell.strip() in ("?", "") else _number(cell) for cell in cells]
    bad = next((place for place, value in enumerate(values) if value is None), None)
    if bad is not None:
        raise _broken(f"{where}: step {bad + 1} is no number.", cells[bad][:60], "a number, or ? where it is missing")
    return [value for value in values if value is not None]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _label(label: str, header: Header) -> str | float | None:
    if label == "?":
        return None
    return label if header.label == CLASS else float(label)


def _odd(header: Header, lengths: np.ndarray, path: Path) -> list[Notice]:
    notices = []
    if header.length is not None and (other := lengths != header.length).any():
        first = int(np.flatnonzero(other)[0])
        what = f"{path}: {int(other.sum()):,} sequence(s) are not of the {header.length} steps that the header says"
        what += f" (the first is number {first + 1}, of {lengths[first]})"
        notices.append(Notice(what=what, fix="all their steps are used; correct @seriesLength"))
    if header.stamps:
        notices.append(Notice(what=f"{path}: the time stamps of the steps are not used", fix="give them as a channel"))
    return notices


def _broken(what: str, got: str, wanted: str) -> InputError:
    return InputError(
        what,
        got=got,
        wanted=wanted,
        fix="Correct the file; the form is that of the UCR and UEA archives, timeseriesclassification.com.",
    )
