"""How the pixels of pictures are got. Nothing is decoded here.

N pictures, C channels, H height, W width.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20


@dataclass(frozen=True)
class FilePictures:
    """Pictures in files of their own. `paths` are absolute, as the system writes them; empty where there is none."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: np.ndarray) -> "FilePictures":
        """The pictures with these positions."""
        return FilePictures(tuple(self.paths[i] for i in rows))

    def source(self, row: int) -> str:
        """What a decoder reads."""
        return self.paths[row]

    def marks(self) -> list[str]:
        """For each picture what changes when it changes: path, size in bytes, time of the last change."""
        return [f"{path}\0{_stamp(path)}" for path in self.paths]

    def digests(self) -> np.ndarray:
        """(N,) uint64, equal for equal bytes; what is not there or empty equals none. Only equal sizes are opened."""
        sizes = [_size(path) for path in self.paths]
        seen: dict[int, int] = {}
        for size in sizes:
            seen[size] = seen.get(size, 0) + 1
        found = [
            _file_digest(path) if size > 0 and seen[size] > 1 else _own(f"{row} {path}")
            for row, (path, size) in enumerate(zip(self.paths, sizes, strict=True))
        ]
        return np.array(found, dtype=np.uint64)


@dataclass(frozen=True)
class BytesPictures:
    """Pictures as the bytes of their files; empty where there is none."""

    data: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: np.ndarray) -> "BytesPictures":
        """The pictures with these positions."""
        return BytesPictures(tuple(self.data[i] for i in rows))

    def source(self, row: int) -> bytes:
        """What a decoder reads."""
        return self.data[row]

    def marks(self) -> list[str]:
        """For each picture what changes when it changes."""
        return [str(digest) for digest in self.digests()]

    def digests(self) -> np.ndarray:
        """(N,) uint64, equal for equal bytes; no bytes equal none."""
        found = [_digest(data) if data else _own(str(row)) for row, data in enumerate(self.data)]
        return np.array(found, dtype=np.uint64)


@dataclass(frozen=True)
class ArrayPictures:
    """Pictures as numbers: one array (N, C, H, W), or (C, H, W) each where sizes differ; C is 1, 2, 3 or 4.

    2 channels are grey and opacity, 4 are red, green, blue and opacity.
    """

    arrays: np.ndarray | tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.arrays)

    def take(self, rows: np.ndarray) -> "ArrayPictures":
        """The pictures with these positions."""
        if isinstance(self.arrays, np.ndarray):
            return ArrayPictures(self.arrays[rows])
        return ArrayPictures(tuple(self.arrays[i] for i in rows))

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.arrays.dtype if isinstance(self.arrays, np.ndarray) else np.result_type(*self.arrays)

    @property
    def channels(self) -> int:
        """The most that any picture has."""
        return self.arrays.shape[1] if isinstance(self.arrays, np.ndarray) else max(len(a) for a in self.arrays)

    def marks(self) -> list[str]:
        """For each picture what changes when it changes."""
        return [str(digest) for digest in self.digests()]

    def digests(self) -> np.ndarray:
        """(N,) uint64, equal for equal values and shape."""
        found = [_digest(str((a.shape, a.dtype)).encode(), a.tobytes()) for a in self.arrays]
        return np.array(found, dtype=np.uint64)


Pictures = FilePictures | BytesPictures | ArrayPictures


def path_text(path: str) -> str:
    """A path as text that can be written anywhere: bytes that are no UTF-8 are shown as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def texts_of(paths: Sequence[str]) -> list[str]:
    """Paths as text, with `/` between their parts."""
    return [path_text(path).replace(os.sep, "/") for path in paths]


def _digest(*parts: bytes) -> int:
    made = hashlib.blake2b(digest_size=8)
    for part in parts:
        made.update(part)
    return int.from_bytes(made.digest())


def _own(path: str) -> int:
    return _digest(b"its own " + os.fsencode(path))


def _file_digest(path: str) -> int:
    made = hashlib.blake2b(digest_size=8)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (names that are no UTF-8 too)
            while part := file.read(CHUNK):
                made.update(part)
    except OSError:
        return _own(path)
    return int.from_bytes(made.digest())


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (OSError, ValueError):
        return -1


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns}"
