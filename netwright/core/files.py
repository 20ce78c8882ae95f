"""Files written so that a reader sees the old or the new, whole, whatever happens in between.

A folder is written under a temporary name in the same place, every file synced, then renamed, then its parent synced.
Saving in place leaves unreadable files after kill -9; a rename without a sync can surface an empty one.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from netwright.core.errors import InputError, TrainingError


def sha256(data: bytes) -> str:
    """The SHA-256 of these bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Write one file whole: temporary name, sync, rename."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(part, data)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise disk_error(error, path, len(data)) from error


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files whole; one that exists at `path` is replaced only once the new one is complete.

    A name such as "encoder/config.json" lies in a folder of its own.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name, data in files.items():
            (part / name).parent.mkdir(exist_ok=True)
            _write_synced(part / name, data)
        for folder in {(part / name).parent for name in files} | {part}:
            _sync_folder(folder)
        if path.exists():
            path.rename(old)
        part.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        _put_back(old, path)
        raise disk_error(error, path, sum(map(len, files.values()))) from error
    shutil.rmtree(old, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left behind in this folder; an old one that lacks its new one gets its name back."""
    for orphan in folder.glob(".*"):
        if written := re.fullmatch(r"\.(.+)\.\d+\.(part|old)", orphan.name):
            if written[2] == "old":
                _put_back(orphan, folder / written[1])
            shutil.rmtree(orphan, ignore_errors=True) if orphan.is_dir() else orphan.unlink(missing_ok=True)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise InputError where writing to `path` would overwrite something and `force` is not given."""
    if path.exists() and not force:
        raise InputError(
            "The output exists already and nothing is overwritten unasked.",
            got=path,
            wanted="a path where nothing is yet",
            fix="Give another path, or --force to overwrite it.",
        )


def disk_error(error: OSError, path: Path, needed: int) -> TrainingError:
    """What a failed write means, in words; `needed` in bytes."""
    what, fix = "A file could not be written.", f"Look at {path.parent}: does it exist, and may you write there?"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = "The disk is full. What was saved before is whole."
        fix = f"Free at least {needed / 1e6:.1f} MB there, then go on with the run: `netwright resume`, or resume=True."
    elif error.errno == errno.EFBIG:
        what = "The file is larger than this system allows. What was saved before is whole."
        fix = "Raise the limit (`ulimit -f`), or give a folder on another file system."
    elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        fix = "Give a folder you may write to: --output, or checkpoint= of nw.fit."
    return TrainingError(what, got=f"{path}: {error.strerror}", wanted=f"{needed:,} bytes written", fix=fix)


def _put_back(old: Path, path: Path) -> None:
    with contextlib.suppress(OSError):
        if old.exists() and not path.exists():
            old.rename(path)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse to sync a folder; the rename stands all the same
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
