"""Pictures to pixels, in memory where they fit, else on the disk.

N pictures, C channels, H height, W width.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.core.memory import available_memory
from netwright.core.schema import ImageColumn
from netwright.data.pictures.album import Album
from netwright.data.pictures.crew import Crew, cores
from netwright.data.pictures.loaders import ArrayPictures, BytesPictures, FilePictures
from netwright.data.pictures.pillow import fit_array
from netwright.data.pictures.progress import Progress, Watch
from netwright.data.pictures.scaling import BYTES, blocks, eight_bits, matching_scale
from netwright.data.pictures.shards import Problems, geometry_of, mapped
from netwright.data.pictures.worker import Answer, decode_all

SHARE = 4
"""One part in so many of the free memory may be taken by pixels."""
FEWEST_FILES = 300
TRIED = 32
"""Pictures decoded here before other processes are asked, to see how long the rest would take."""
WORTH = 1.5
"""Seconds of work that are worth starting processes for."""
PART = 64


@dataclass(frozen=True)
class Decoded:
    """N pictures as pixels."""

    pixels: np.ndarray
    """(N, C, H, W) uint8; black where a picture can't be read. Changes to it reach no file."""
    good: np.ndarray
    """(N,) bool, False where it can't be read."""
    problems: tuple[tuple[int, str], ...]
    """Position of each of those, from 0, and the reason in words."""
    mapped: bool
    """True where the pixels lie on the disk."""


def decode(
    album: Album,
    column: ImageColumn,
    *,
    watch: Watch | None = None,
    workers: int | None = None,
    memory: int | None = None,
) -> Decoded:
    """The pixels of every picture in the form of the column.

    Files are decoded by `workers` processes (as many as there are processors; none where it is soon done or 0 is
    given). An array of uint8 that has the form already is not copied. Pixels of more than `memory` bytes (a quarter of
    what is free) are kept in the cache folder and found there the next time. `watch` is told how far it is
    every 5 s, from any thread but never from two at once; what it raises ends the work.
    Raises TrainingError where the cache folder can't be written.
    """
    loader = album.loader
    shape = (len(loader), column.channels, column.height, column.width)
    if isinstance(loader, ArrayPictures) and _ready(loader, column):
        assert isinstance(loader.arrays, np.ndarray)
        on_disk = isinstance(loader.arrays, np.memmap)
        return Decoded(loader.arrays, np.ones(len(loader), dtype=bool), (), on_disk)
    progress = Progress(len(loader), watch)

    def fill(pixels: np.ndarray) -> Problems:
        if isinstance(loader, ArrayPictures):
            return _fill_arrays(loader, column, pixels, progress)
        return _fill_files(loader, column, pixels, progress, cores() if workers is None else workers)

    fits = int(np.prod(shape)) <= (available_memory() // SHARE if memory is None else memory)
    if fits:
        pixels = np.zeros(shape, dtype=np.uint8)
        problems = fill(pixels)
    else:
        pixels, problems = mapped(loader, column, fill)
    problems = sorted(problems)
    good = np.ones(len(loader), dtype=bool)
    good[[row for row, _ in problems]] = False
    return Decoded(pixels, good, tuple(problems), not fits)


def _fill_files(
    loader: FilePictures | BytesPictures, column: ImageColumn, pixels: np.ndarray, progress: Progress, workers: int
) -> Problems:
    geometry = geometry_of(column)
    problems: Problems = []

    def done(part: Sequence[int], answer: Answer) -> None:
        pixels[part[0] : part[-1] + 1] = answer[0]
        problems.extend((part[0] + i, reason) for i, reason in answer[1])
        progress.add(len(part))

    began, first = time.perf_counter(), 0
    while first < len(loader):
        left = (time.perf_counter() - began) / max(1, first) * (len(loader) - first)
        many = len(loader) >= FEWEST_FILES or left > WORTH * 4
        if workers > 1 and first >= TRIED and many and left > WORTH:
            break
        part = range(first, min(first + TRIED, len(loader)))
        done(part, decode_all([loader.source(i) for i in part], geometry))
        first = part.stop
    else:
        return problems
    parts = [range(i, min(i + PART, len(loader))) for i in range(first, len(loader), PART)]
    Crew(workers).each(parts, loader.source, geometry, done)
    return problems


def _ready(loader: ArrayPictures, column: ImageColumn) -> bool:
    """Whether the array is what is wanted, without a change. Tensors can't be made of one that is read backwards."""
    arrays = loader.arrays
    if not isinstance(arrays, np.ndarray) or arrays.dtype != np.uint8 or min(arrays.strides) < 0:
        return False
    whole = arrays.shape[1:] == (column.channels, column.height, column.width)
    return whole and matching_scale(loader, column) == BYTES


def _fill_arrays(loader: ArrayPictures, column: ImageColumn, pixels: np.ndarray, progress: Progress) -> Problems:
    low, high = matching_scale(loader, column)
    problems: Problems = []
    first = 0
    for block in blocks(loader):
        if block.dtype.kind == "f":
            bad = np.logical_not(np.isfinite(block).reshape(len(block), -1).all(axis=1))
            problems += [(first + int(i), "some of its values are not finite") for i in np.flatnonzero(bad)]
            block = np.where(bad[:, None, None, None], low, block)
        pixels[first : first + len(block)] = _formed(eight_bits(block, low, high), column)
        first += len(block)
        progress.add(len(block))
    return problems


def _formed(block: np.ndarray, column: ImageColumn) -> np.ndarray:
    """(n, any, any, any) uint8 → (n, C, H, W)."""
    if block.shape[1:] == (column.channels, column.height, column.width):
        return block
    return np.stack([fit_array(array, **geometry_of(column)) for array in block])
