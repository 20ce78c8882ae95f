"""Pixels as the bytes of a PNG file, without a library (the format is W3C's PNG specification, third edition).

C channels, H height, W width.
"""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPE = {1: 0, 3: 2}
"""By channels: the format's number for grey and for colour."""


def png(picture: np.ndarray) -> bytes:
    """A PNG file of (C, H, W) uint8 with one channel or three."""
    channels, height, width = picture.shape
    head = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPE[channels], 0, 0, 0)
    lines = np.ascontiguousarray(picture.transpose(1, 2, 0)).reshape(height, width * channels)
    packed = min((zlib.compress(way, 6) for way in _filtered(lines, channels)), key=len)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _filtered(lines: np.ndarray, step: int) -> list[bytes]:
    """The lines (H, W·C) as they are, and as the smallest of the differences from left, above or nearest.

    Those are the format's filters 0, 1, 2 and 4. Flat pictures are smallest as they are, photographs as differences;
    `step` bytes are a pixel.
    """
    left, above, corner = np.zeros_like(lines), np.zeros_like(lines), np.zeros_like(lines)
    left[:, step:], above[1:], corner[1:, step:] = lines[:, :-step], lines[:-1], lines[:-1, :-step]
    guess = left.astype(np.int16) + above - corner
    off = [np.abs(guess - one) for one in (left, above, corner)]
    nearest = np.where((off[0] <= off[1]) & (off[0] <= off[2]), left, np.where(off[1] <= off[2], above, corner))
    ways = {1: lines - left, 2: lines - above, 4: lines - nearest}
    best = min(ways, key=lambda number: np.abs(ways[number].view(np.int8).astype(np.int16)).sum())
    return [np.insert(values, 0, number, axis=1).tobytes() for number, values in ((0, lines), (best, ways[best]))]
