"""The files of MNIST and its relatives: `train-images-idx3-ubyte`, also inside gzip.

Two zero bytes, the element type, the number of dimensions D, D lengths as big-endian 32-bit numbers, then the values.
Source: Y. LeCun, C. Cortes, C. Burges: The MNIST database, "the IDX file format".
"""

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from netwright.core.errors import InputError
from netwright.core.memory import available_memory
from netwright.data.pictures.album import Album
from netwright.data.pictures.named import named_album

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
NAMED = re.compile(r"idx\d[-._]?(ubyte|byte|short|int|float|double)|ubyte|\.idx", re.IGNORECASE)
PICTURES, LABELS = ("images", "image"), ("labels", "label")


def named_as_idx(path: Path) -> bool:
    """Whether the name is one of such a file."""
    return bool(NAMED.search(path.name))


def is_idx(path: Path) -> bool:
    """Whether the file begins as one of pictures does."""
    try:
        with _opened(path) as file:
            head = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in TYPES and head[3] in (3, 4)


def read_idx(path: Path) -> np.ndarray:
    """The array in such a file. Raises InputError for a wrong beginning, and for more or fewer values than declared."""
    try:
        with _opened(path) as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or not 1 <= head[3] <= 4:
                raise _damaged(
                    path, f"it begins with {head.hex(' ') or 'nothing'}", "00 00, an element type, 1 to 4 dimensions"
                )
            lengths = file.read(4 * head[3])
            shape = [length for (length,) in struct.iter_unpack(">I", lengths[: len(lengths) // 4 * 4])]
            kind = np.dtype(TYPES[head[2]])
            needed = math.prod(shape) * kind.itemsize if len(shape) == head[3] else -1
            wanted = f"{needed:,} bytes for the shape {tuple(shape)} it declares"
            if needed < 0 or needed > available_memory() * 3 // 4:
                raise _damaged(path, f"a shape of {tuple(shape)}", "lengths that fit in memory")
            data = file.read(needed + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error), "a whole file") from error
    if len(data) != needed:
        raise _damaged(
            path, f"{'more than ' if len(data) > needed else ''}{min(len(data), needed):,} bytes of values", wanted
        )
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))


def idx_album(path: Path, *, target: str | None = None) -> Album:
    """An album of a file of pictures and the file of labels beside it; or of a folder's, its t10k files the test rows.

    Raises InputError where a file is damaged, or labels do not match the pictures.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in folder.iterdir() if file.is_file() and named_as_idx(file))
    images = {_part(file): file for file in reversed(files) if _is(file, PICTURES) or file == path}
    if path.is_file():
        images = {part: file for part, file in images.items() if part != _part(path)} | {_part(path): path}
        images = images if _part(path) == "train" else {_part(path): path}
    arrays = {f"x_{part}": read_idx(file) for part, file in images.items()}
    for part, file in images.items():
        beside = next((f for f in files if _is(f, LABELS) and _part(f) == part and f != file), None)
        if beside is not None:
            arrays[f"y_{part}"] = read_idx(beside)
    return named_album(arrays, str(path), target=target)


def holds_idx(folder: Path) -> bool:
    """Whether the folder has such files of pictures."""
    try:
        return any(named_as_idx(file) and _is(file, PICTURES) and is_idx(file) for file in folder.iterdir())
    except OSError:
        return False


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _is(file: Path, words: tuple[str, ...]) -> bool:
    return any(word in file.name.lower() for word in words)


def _part(file: Path) -> str:
    name = file.name.lower()
    return "test" if "t10k" in name or "test" in name else "validation" if "val" in name else "train"


def _damaged(path: Path, got: str, wanted: str) -> InputError:
    return InputError(
        f"{path} is no whole idx file.",
        got=got,
        wanted=wanted,
        fix="Copy or download the file again; part of it is missing or changed.",
    )
