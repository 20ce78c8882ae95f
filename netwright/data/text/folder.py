"""Folders of text files to a table of texts and labels: a folder a class with a text in each file, or a file a class
with a text in each line.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.pictures.folder import natural
from netwright.data.pictures.sniff import extension, named_as_picture
from netwright.data.sources.charset import to_utf8
from netwright.data.sources.numpy_file import PARTS
from netwright.data.table import Table, series_of, table_of

ENDING = ".txt"
TEXT, LABEL = "text", "label"
"""The columns of the table."""
SHOWN = 3
"""Names that a notice tells."""


@dataclass
class Read:
    """Texts in their order, and what was odd about them."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """Files without text."""
    blank: Counter[str] = field(default_factory=Counter)
    """Empty lines by file."""
    recoded: list[str] = field(default_factory=list)
    """What was said of files that are not UTF-8."""


def holds_texts(source: object, *, lines: bool = False) -> bool:
    """Whether this names a folder of two classes of texts or more: folders with text files or, with `lines`, text files
    with a text in each line. Files that lie beside pictures or beside more files of other kinds are about those.
    """
    folder = _folder(source)
    return folder is not None and any(len(_classes(folder, lines=way)) >= 2 for way in {False, lines})


def read_texts(source: object, *, lines: bool | None = None) -> Table:
    """A table of `text` and `label`, class by class in natural order. Whether a line is a text, or a file, is seen from
    where the files lie: `lines` where None.

    Files are read as UTF-8, or as their marks and bytes say; what is not UTF-8, empty, passed over or there twice with
    different labels is told. Raises InputError where there are no classes of texts, where the classes are parts such as
    train and test, and where bytes are no text.
    """
    folder = _folder(source)
    if lines is None:
        lines = folder is not None and not _classes(folder, lines=False)
    classes = _classes(folder, lines=lines) if folder is not None else {}
    if folder is None or not classes:
        raise _no_texts(source, lines=lines)
    if not lines and {name.lower() for name in classes} <= set(PARTS):
        raise _parts(folder, list(classes))
    found = Read()
    for label, files in classes.items():
        for file in files:
            _read_file(file, label, found, lines=lines)
    if not found.texts:
        raise _no_texts(source, lines=lines)
    columns = [series_of(TEXT, found.texts), series_of(LABEL, found.labels)]
    return table_of(columns, str(folder), _notices(folder, classes, found, lines=lines))


def _folder(source: object) -> Path | None:
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(os.fspath(source))  # type: ignore[arg-type]
    try:
        return path if path.is_dir() else None
    except (OSError, ValueError):
        return None


def _classes(folder: Path, *, lines: bool) -> dict[str, list[Path]]:
    """The text files of each class."""
    if lines:
        within = _within(folder)
        files = [(at, name) for at, name in within if at == str(folder) or named_as_picture(name)]
        return {file.stem: [file] for file in _texts(files)}
    inside = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    found = {entry.name: _texts(_within(entry)) for entry in sorted(inside, key=_by_name)}
    return {name: files for name, files in found.items() if files}


def _within(folder: Path) -> list[tuple[str, str]]:
    """Every file in the folder and in those within, what is hidden aside: where it is, and its name."""
    files: list[tuple[str, str]] = []
    for at, folders, names in os.walk(str(folder)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [(at, name) for name in names if not name.startswith(".")]
    return files


def _texts(files: list[tuple[str, str]]) -> list[Path]:
    """The text files, in their order; none where as many files are others, or half as many are pictures: a licence or
    a caption is no text to learn from.
    """
    texts = [Path(at, name) for at, name in files if extension(name) == ENDING]
    pictures = sum(named_as_picture(name) for _, name in files)
    if 2 * len(texts) <= len(files) or 2 * pictures >= len(texts):
        return []
    return sorted((path for path in texts if path.is_file()), key=_by_name)


def _by_name(path: Path) -> tuple:
    return natural(path.parts)


def _read_file(file: Path, label: str, found: Read, *, lines: bool) -> None:
    """Add the texts of one file."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"A text file can't be read: {error.strerror}.",
            got=str(file),
            wanted="a file that may be read",
            fix="Look at its permissions, or take it out of the folder.",
        ) from None
    utf8, said = to_utf8(data, str(file))
    found.recoded += [notice.what for notice in said]
    text = utf8.decode()
    whole = [line.rstrip("\r") for line in text.split("\n")] if lines else [text]
    if lines and whole and not whole[-1]:
        whole.pop()  # the file ends with the end of a line
    kept = [one for one in whole if one.strip()]
    if not kept:
        found.empty.append(str(file))
    elif len(kept) < len(whole):
        found.blank[str(file)] += len(whole) - len(kept)
    found.texts += kept
    found.labels += [label] * len(kept)


def _notices(folder: Path, classes: dict[str, list[Path]], found: Read, *, lines: bool) -> list[Notice]:
    unit = "lines of" if lines else "files of"
    read = {file for files in classes.values() for file in files}
    notices = []
    if found.recoded:
        more = f"; and {len(found.recoded) - 1:,} more files" if len(found.recoded) > 1 else ""
        notices.append(Notice(what=found.recoded[0] + more, fix="if letters look wrong, save the files as UTF-8"))
    if found.empty:
        what = f"{len(found.empty):,} files hold no text and are left out: {_some(found.empty)}"
        notices.append(Notice(what=what, fix="fill them or take them out"))
    if found.blank:
        what = f"{found.blank.total():,} empty lines are left out: in {_some(list(found.blank))}"
        notices.append(Notice(what=what))
    others = sorted(str(e) for e in folder.rglob("*") if e.is_file() and not e.name.startswith(".") and e not in read)
    if others:
        what = f"{len(others):,} files in {folder} are no {unit} a class and are passed over: {_some(others)}"
        notices.append(Notice(what=what, fix=f"texts are files that end in {ENDING}, in folders that hold mostly such"))
    return [*notices, *_twice(found)]


def _twice(found: Read) -> list[Notice]:
    """Texts that have several labels: no answer can be right for all."""
    labels: dict[str, set[str]] = {}
    for text, label in zip(found.texts, found.labels, strict=True):
        labels.setdefault(text.strip(), set()).add(label)
    several = {text: names for text, names in labels.items() if len(names) > 1}
    if not several:
        return []
    text, names = next(iter(several.items()))
    what = (
        f"{len(several):,} texts are there with several labels, such as {text[:40]!r} ({', '.join(sorted(names)[:4])})"
    )
    return [Notice(what=what, fix="no answer can be right for all of them; keep one label of each", column=LABEL)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _parts(folder: Path, names: list[str]) -> InputError:
    return InputError(
        f"The folders in {folder} are parts of the data, not classes.",
        got=", ".join(names),
        wanted="a folder for each class, with text files in it",
        fix=f"Give {folder / names[0]} as the source, and the folder of another part with --test or --validation.",
    )


def _no_texts(source: object, *, lines: bool) -> InputError:
    wanted = f"{ENDING} files, one a class" if lines else f"a folder for each class, with {ENDING} files in it"
    return InputError(
        f"There are no texts in {source}.",
        got="a folder without classes of texts"
        if _folder(source) is not None
        else f"{type(source).__name__}: {source}",
        wanted=wanted,
        fix="Give such a folder, or a table with a column of texts.",
    )
