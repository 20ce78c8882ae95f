"""NumPy's own files, `.npy` and `.npz`, to arrays and to a table. Nothing in them is unpickled.

N rows.
"""

import re
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import IO, Literal

import numpy as np

from netwright.core.errors import InputError
from netwright.core.memory import available_memory
from netwright.core.notice import Notice
from netwright.data.sources.arrays import array_series, array_table
from netwright.data.sources.tidy import tidy_table
from netwright.data.table import Table

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
VERSIONS = (b"\1\0", b"\2\0", b"\3\0")
MOST_HEADER = 1 << 16
"""Bytes; NumPy writes 128, and some more for arrays of many named fields."""
ALONE = "array"
"""The name of the one array of an `.npy` file."""
BROKEN = (ValueError, OSError, EOFError, RuntimeError, SyntaxError, TokenError, zipfile.BadZipFile, zlib.error)
"""What NumPy and its unpacker raise over damaged bytes."""

Part = Literal["training", "validation", "test"]
Role = Literal["rows", "labels"]
PARTS: dict[str, Part] = {
    "train": "training",
    "training": "training",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
ROWS = ("x", "image", "images", "img", "imgs", "data", "picture", "pictures", "features")
LABELS = ("y", "label", "labels", "target", "targets", "class", "classes")


def part_and_role(key: str) -> tuple[Part, Role | None]:
    """What the name of an array says: `x_test` is the rows of the test part, `train_labels` the labels to train on."""
    words = [word for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower()) if word]
    words = [part for word in words for part in _parted(word)]
    part: Part = next((PARTS[word] for word in words if word in PARTS), "training")
    word = next((word for word in words if word in ROWS + LABELS), "")
    role: Role | None = "rows" if word in ROWS else "labels" if word in LABELS else None
    return part, role


def _parted(word: str) -> list[str]:
    """`xtrain` as x and train."""
    for ending in PARTS:
        if word.endswith(ending) and word[: -len(ending)] in ROWS + LABELS:
            return [word[: -len(ending)], ending]
    return [word]


def is_numpy(data: bytes) -> bool:
    """Whether these bytes are an `.npy` file or a zip archive of them."""
    if data.startswith(ZIP):
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                return any(name.endswith(".npy") for name in archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False
    return data.startswith(NPY)


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each array in a file, from their headers alone; empty for a file that is none of NumPy's."""
    try:
        with path.open("rb") as file:
            return {key: shape for key, _, shape, _ in _headers(file, str(path))}
    except (OSError, InputError):
        return {}


def read_arrays(source: Path | bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a file by their names; an `.npy` too large for a quarter of the memory stays mapped on the disk.

    Raises InputError for arrays of Python objects, for a damaged or truncated file, and for more than fits in memory.
    """
    file = BytesIO(source) if isinstance(source, bytes) else _opened(source, name)
    with file:
        found = _headers(file, name)
        room = available_memory()
        alone = found[0] if len(found) == 1 and found[0][3] < 0 else None
        if alone and isinstance(source, Path) and _size(alone) > room // 4:
            return {ALONE: np.load(source, mmap_mode="c", allow_pickle=False)}
        needed = sum(map(_size, found))
        if needed > room * 3 // 4:
            raise InputError(
                f"{name} is too large once it is unpacked.",
                got=f"arrays of {needed / 1e9:.1f} GB",
                wanted=f"no more than {room * 0.75 / 1e9:.1f} GB, three quarters of the memory that is free",
                fix="Save the array as .npy, which is read from the disk piece by piece, or a part of its rows.",
            )
        file.seek(0)
        try:
            loaded = np.load(file, allow_pickle=False)
            return {ALONE: loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key, *_ in found}
        except BROKEN as error:
            raise _damaged(name, str(error)) from error


def numpy_table(arrays: Mapping[str, np.ndarray], name: str) -> Table:
    """The table of one array, or of rows (N, F) as x0, x1 … with every array of N values beside them under its name.

    Raises InputError where the arrays are no rows of one table.
    """
    if len(arrays) == 1:
        return array_table(next(iter(arrays.values())), name)
    chosen = {key: array for key, array in arrays.items() if part_and_role(key)[0] == "training"} or dict(arrays)
    wide = [key for key, array in chosen.items() if array.ndim >= 2 and array.shape[1:] != (1,)]
    if len(wide) > 1 or (wide and chosen[wide[0]].ndim > 2):
        raise _not_one_table(arrays, name)
    columns: dict[str, np.ndarray] = {}
    for key in wide:
        columns |= {f"x{i}": chosen[key][:, i] for i in range(chosen[key].shape[1])}
    columns |= {
        _plain(key): array.reshape(len(array)) for key, array in chosen.items() if key not in wide and array.ndim
    }
    if not columns or len({len(values) for values in columns.values()}) > 1:
        raise _not_one_table(arrays, name)
    series = [array_series(key, values, name) for key, values in columns.items()]
    left = [key for key in arrays if key not in chosen or not arrays[key].ndim]
    notices = [
        Notice(
            what=f"{name}: {', '.join(map(repr, left))} was not read",
            fix="save it in a file of its own and give that as --test or --validation",
        )
    ]
    return tidy_table(series, name, notices if left else [])


def _plain(key: str) -> str:
    """`y_train` is y: the test rows have the same columns."""
    words = re.split(r"_", key)
    kept = [word for word in words if word.lower() not in PARTS]
    return "_".join(kept) or key


def _opened(path: Path, name: str) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            f"{name} can't be opened.",
            got=error.strerror or error,
            wanted="a file of NumPy's, .npy or .npz",
            fix="Look at its path and its permissions.",
        ) from error


Header = tuple[str, np.dtype, tuple[int, ...], int]
"""Name, element type, shape, and the bytes declared for the values (−1 for a file that is not packed)."""


def _headers(file: IO[bytes], name: str) -> list[Header]:
    head = file.read(6)
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    if head.startswith(NPY):
        found = _header(file, ALONE, name)
        if size - file.tell() < _size(found):
            raise _damaged(
                name, f"{size - file.tell():,} bytes of values, where its shape {found[2]} needs {_size(found):,}"
            )
        return [found]
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            headers = []
            for info in infos:
                with archive.open(info) as member:
                    key, kind, shape, _ = _header(member, info.filename.removesuffix(".npy"), name)
                    found = (key, kind, shape, info.file_size)
                    if info.file_size < _size(found):
                        raise _damaged(name, f"{key!r} of {info.file_size:,} bytes, where its shape {shape} needs more")
                    headers.append(found)
    except BROKEN as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(name, str(error)) from error
    if not headers:
        raise _damaged(name, "an archive without a single array")
    return headers


def _header(file: IO[bytes], key: str, name: str) -> Header:
    """Raises InputError for Python objects."""
    try:
        start = _start(file)
        version = np.lib.format.read_magic(start)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(start)
    except BROKEN as error:
        raise _damaged(name, f"the header of {key!r}: {error}") from error
    if kind.hasobject:
        raise InputError(
            f"{name} holds Python objects, which are never unpickled: they could run any code.",
            got=f"{key!r} of element type object",
            wanted="arrays of numbers, booleans, dates or fixed-length texts",
            fix=f"Save it as such: numpy.savez(path, {key}=numpy.array({key}.tolist())); lists of one length only.",
        )
    return key, kind, shape, -1


def _start(file: IO[bytes]) -> BytesIO:
    """All before the values. NumPy itself would read as many bytes as a header says it has, up to 4 GB.

    Raises ValueError where those are too many.
    """
    mark = file.read(8)
    if mark[:6] != NPY or mark[6:] not in VERSIONS:
        raise ValueError(f"it begins with {mark!r}")
    length = file.read(2 if mark[6] == 1 else 4)
    declared = int.from_bytes(length, "little")
    if declared > MOST_HEADER:
        raise ValueError(f"it says that it has {declared:,} bytes, more than {MOST_HEADER:,}")
    return BytesIO(mark + length + file.read(declared))


def _size(header: Header) -> int:
    size = header[1].itemsize
    for length in header[2]:
        size *= length
    return size


def _damaged(name: str, why: str) -> InputError:
    return InputError(
        f"{name} is damaged or truncated.",
        got=why,
        wanted="a whole .npy or .npz file",
        fix="Copy or download the file again, or save it anew: numpy.savez(path, x=x, y=y).",
    )


def _not_one_table(arrays: Mapping[str, np.ndarray], name: str) -> InputError:
    return InputError(
        f"{name}: its arrays are no rows of one table.",
        got="; ".join(f"{key} {array.shape}" for key, array in list(arrays.items())[:8]),
        wanted="x of shape (rows, columns) and y of shape (rows,)",
        fix="Save one table: numpy.savez(path, x=x, y=y).",
    )
