"""A folder of pictures to an album: which files are pictures, and which class each is of."""

import contextlib
import os
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import labels_table, picture_notice, shown, target_name
from netwright.data.pictures.loaders import FilePictures, path_text, texts_of
from netwright.data.pictures.sniff import FOREIGN, extension, named_as_picture
from netwright.data.sources.numpy_file import PARTS, Part
from netwright.data.table import series_of

CLASS = "class"
"""The column of classes."""
UNSEEN = ("__MACOSX", "@eaDir")
"""Folders that programs make for themselves."""
TABLES = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather", ".jsonl", ".ndjson", ".json", ".sqlite", ".db")


Parts = tuple[str, ...]
"""A path below the folder, as the system writes it."""


@dataclass
class Found:
    """What lies below a folder."""

    pictures: list[Parts] = field(default_factory=list)
    folders: list[Parts] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    tables: list[str] = field(default_factory=list)
    hidden: int = 0
    broken: list[str] = field(default_factory=list)
    """Links that lead nowhere."""
    again: list[str] = field(default_factory=list)
    """Folders that had been entered by another way, or that hold the whole."""
    closed: list[str] = field(default_factory=list)
    """Folders that can't be opened, and why."""


def walk(folder: str) -> Found:
    """All below a folder, in natural order. Links are followed last, no folder is entered twice, none that holds it."""
    found, seen = Found(), _above(folder)
    waiting: list[Parts] = [()]
    links: list[Parts] = []
    while waiting or links:
        parts = waiting.pop() if waiting else links.pop(0)
        path = os.path.join(folder, *parts)  # noqa: PTH118
        try:
            known = os.stat(path)  # noqa: PTH116
            entries = sorted(os.scandir(path), key=lambda entry: natural((entry.name,)))
        except OSError as error:
            found.closed.append(f"{path_text(path)} ({error.strerror})")
            continue
        if (known.st_dev, known.st_ino) in seen:
            found.again.append("/".join(parts))
            continue
        seen.add((known.st_dev, known.st_ino))
        found.folders.append(parts)
        for entry in entries:
            _sort(entry, (*parts, entry.name), found, waiting, links)
    found.pictures.sort(key=natural)
    found.folders.sort(key=natural)
    return found


def _above(folder: str) -> set[tuple[int, int]]:
    """The folders that hold this one, by the way it was given and by the way it really lies."""
    above = {parent for path in (folder, os.path.realpath(folder)) for parent in Path(path).parents}
    found = set()
    for parent in above:
        with contextlib.suppress(OSError):
            found.add((parent.stat().st_dev, parent.stat().st_ino))
    return found


def _sort(entry: os.DirEntry, parts: Parts, found: Found, waiting: list[Parts], links: list[Parts]) -> None:
    """Put one entry where it belongs."""
    if entry.name.startswith(".") or entry.name in UNSEEN:
        found.hidden += 1
        return
    try:
        mode = entry.stat().st_mode
    except OSError:
        found.broken.append("/".join(parts))
        return
    if stat.S_ISDIR(mode):
        (links if entry.is_symlink() else waiting).append(parts)
    elif stat.S_ISREG(mode) and named_as_picture(entry.name):
        found.pictures.append(parts)
    else:
        found.others[extension(entry.name) or "without an ending"] += 1
        if extension(entry.name) in TABLES:
            found.tables.append("/".join(parts))


def natural(parts: Sequence[str]) -> tuple:
    """A key that sorts as people do: `2.png` before `10.png`, small letters beside capitals."""
    pieces = tuple(
        tuple(
            (0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in re.split(r"(\d+)", part)
        )
        for part in parts
    )
    return pieces, tuple(parts)


def holds_no_table(folder: Path) -> bool:
    """Whether there is a picture below the folder, or nothing else that could be read. Stops at the first picture."""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in UNSEEN]
        if any(named_as_picture(name) and not name.startswith(".") for name in files):
            return True
    found = walk(os.fspath(folder))  # behind links
    return bool(found.pictures) or not found.tables


def folder_album(folder: Path, *, target: str | None = None) -> Album:
    """An album of the pictures below a folder; their class is the name of the folder in it that they lie in.

    Where all those folders are called train, test, validation and the like, they divide the pictures, and the classes
    are the folders in them. Pictures that lie in no folder have no class; without a single class there is no target.
    Raises InputError where there are no pictures.
    """
    root = os.path.abspath(folder)  # noqa: PTH100 (links stay as they were given)
    found = walk(root)
    if not found.pictures:
        raise _no_pictures(folder, found)
    divided = _divides(found)
    depth = 1 if divided else 0
    classes = [parts[depth] if len(parts) > depth + 1 else None for parts in found.pictures]
    columns, own, notices = {}, None, _notices(found, str(folder))
    if any(name is not None for name in classes):
        own = target_name(target, CLASS)
        columns = {own: series_of(own, [None if name is None else path_text(name) for name in classes])}
        notices += _class_notices(found, classes, depth)
    elif found.tables:
        what = f"The pictures have no classes; there is a table beside them: {shown(found.tables)}"
        notices.append(
            picture_notice(what, "to use what stands in it, give the table as the source, and a --target", serious=True)
        )
    given = _given(found, classes) if divided else {}
    paths = tuple(os.path.join(root, *parts) for parts in found.pictures)  # noqa: PTH118
    names = texts_of([os.path.join(*parts) for parts in found.pictures])  # noqa: PTH118
    table = labels_table(names, columns, path_text(os.fspath(folder)))
    return Album(table, "image", FilePictures(paths), own, given, tuple(notices), named=own is not None)


def _divides(found: Found) -> bool:
    """Whether the folders at the top are parts, such as train and test, and not classes."""
    tops = {parts[0].lower() for parts in found.pictures if len(parts) > 1}
    loose = any(len(parts) == 1 for parts in found.pictures)
    return bool(tops) and not loose and tops <= set(PARTS) and "training" in {PARTS[top] for top in tops}


def _given(found: Found, classes: Sequence[str | None]) -> dict[str, np.ndarray]:
    """The rows of each part but training; a part without a single class is left out where others have them."""
    parts: list[Part] = [PARTS[path[0].lower()] for path in found.pictures]
    labelled = any(name is not None for name in classes)
    rows = {}
    for part in ("validation", "test"):
        mine = np.array([i for i, other in enumerate(parts) if other == part], dtype=np.int64)
        if len(mine) and (not labelled or any(classes[i] is not None for i in mine)):
            rows[part] = mine
    return rows


def _notices(found: Found, folder: str) -> list[Notice]:
    notices = []
    if found.hidden or found.others:
        kinds = ", ".join(f"{count:,} {ending}" for ending, count in found.others.most_common(4))
        said = [f"{found.others.total():,} files that are no pictures ({kinds})"] if found.others else []
        said += [f"{found.hidden:,} hidden files"] if found.hidden else []
        foreign = sorted(ending for ending in found.others if ending in FOREIGN)
        fix = f"turn {', '.join(foreign)} into PNG or JPEG: pictures of that kind can't be read" if foreign else ""
        notices.append(picture_notice(f"Passed over in {folder}: {' and '.join(said)}", fix, serious=bool(foreign)))
    if found.broken:
        notices.append(
            picture_notice(f"{len(found.broken):,} links lead nowhere: {shown(found.broken)}", "mend or delete them")
        )
    if found.again:
        what = f"Links to folders that are read already, or that hold this one, were not followed: {shown(found.again)}"
        notices.append(picture_notice(what, "copy the folder if its pictures are to count twice"))
    if found.closed:
        notices.append(
            picture_notice(
                f"Folders that can't be opened: {shown(found.closed)}", "look at their permissions", serious=True
            )
        )
    return notices


def _class_notices(found: Found, classes: Sequence[str | None], depth: int) -> list[Notice]:
    notices = []
    loose = ["/".join(parts) for parts, name in zip(found.pictures, classes, strict=True) if name is None]
    if loose:
        what = f"{len(loose):,} pictures lie in no folder of a class and have none: {shown(loose)}"
        notices.append(picture_notice(what, "move them into the folder of their class", serious=True))
    filled = {parts[: depth + 1] for parts in found.pictures if len(parts) > depth + 1}
    empty = ["/".join(parts) for parts in found.folders if len(parts) == depth + 1 and parts not in filled]
    if empty:
        what = f"{len(empty):,} folder(s) hold no picture and are no class: {shown(empty)}"
        notices.append(picture_notice(what, "put pictures in, or delete the folder", serious=True))
    return notices


def _no_pictures(folder: Path, found: Found) -> InputError:
    others = ", ".join(f"{count:,} {ending}" for ending, count in found.others.most_common(5))
    foreign = [ending for ending in found.others if ending in FOREIGN]
    fix = "Give the folder that holds a folder of pictures for each class."
    if foreign:
        fix = f"Turn {', '.join(foreign)} into PNG or JPEG: pictures of that kind can't be read."
    return InputError(
        f"{path_text(os.fspath(folder))} holds no pictures.",
        got=others or "an empty folder" + (f", but for {found.hidden} hidden files" if found.hidden else ""),
        wanted="PNG, JPEG, GIF, BMP, TIFF, WebP or the like, at any depth",
        fix=fix,
    )
