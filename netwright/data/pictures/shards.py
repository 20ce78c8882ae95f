"""Decoded pictures in the user's cache folder: written once, mapped into memory, found again by their fingerprint.

N pictures, C channels, H height, W width.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from netwright.core.cache import cache_folder
from netwright.core.errors import TrainingError
from netwright.core.files import disk_error, write_file
from netwright.core.schema import ImageColumn
from netwright.data.pictures.loaders import Pictures
from netwright.data.pictures.worker import Geometry

Problems = list[tuple[int, str]]
VERSION = 2
"""Of the way pictures become pixels; raised when that changes."""
DAY = 86400.0


def fingerprint(loader: Pictures, column: ImageColumn) -> str:
    """What the pixels depend on: the pictures, in this order, and what they become."""
    made = hashlib.sha256(repr((VERSION, *geometry_of(column).values(), column.low, column.high)).encode())
    for mark in loader.marks():
        made.update(mark.encode("utf-8", "surrogateescape") + b"\n")
    return made.hexdigest()[:40]


def geometry_of(column: ImageColumn) -> Geometry:
    """What `worker.decode_all` needs of a column."""
    return Geometry(channels=column.channels, height=column.height, width=column.width, fitting=column.fitting)


def mapped(
    loader: Pictures, column: ImageColumn, fill: Callable[[np.ndarray], Problems]
) -> tuple[np.ndarray, Problems]:
    """(N, C, H, W) uint8 on the disk, and the problems: those written before, or those that `fill(pixels)` makes now.

    What is done to the array afterwards does not reach the file. Raises TrainingError where it can't be written.
    """
    shape = (len(loader), column.channels, column.height, column.width)
    path = _folder(shape) / f"{fingerprint(loader, column)}.pixels"
    found = _found(path, shape)
    if found is not None:
        return found
    _sweep(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _reserve(part, int(np.prod(shape)))
        pixels = np.memmap(part, np.uint8, "r+", shape=shape)
        problems = fill(pixels)
        pixels.flush()
        del pixels
        write_file(path.with_suffix(".json"), json.dumps(problems).encode())
        part.replace(path)
    except OSError as error:
        raise disk_error(error, path, int(np.prod(shape))) from error
    finally:
        part.unlink(missing_ok=True)
    return np.memmap(path, np.uint8, "c", shape=shape), problems


def _folder(shape: Sequence[int]) -> Path:
    try:
        return cache_folder("pictures")
    except OSError as error:
        raise TrainingError(
            "There is no folder to keep decoded pictures in, and they do not fit in memory.",
            got=error,
            wanted=f"{int(np.prod(shape)) / 1e9:.1f} GB that this user may write",
            fix="Set the environment variable NETWRIGHT_CACHE to a folder you may write to.",
        ) from error


def _found(path: Path, shape: Sequence[int]) -> tuple[np.ndarray, Problems] | None:
    try:
        if path.stat().st_size != int(np.prod(shape)):
            return None
        problems = [(int(row), str(why)) for row, why in json.loads(path.with_suffix(".json").read_text())]
        os.utime(path)
        return np.memmap(path, np.uint8, "c", shape=tuple(shape)), problems
    except (OSError, ValueError, TypeError):
        return None


def _reserve(path: Path, size: int) -> None:
    """A file of that size whose place on the disk is taken: to run out later would end this process, not raise."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, max(1, size))
        file.truncate(size)


def _sweep(folder: Path) -> None:
    """Remove what a writer that was killed a day ago or longer left behind."""
    for orphan in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - orphan.stat().st_mtime > DAY:
                orphan.unlink()
