"""gzip and zstd, found by content, whatever the name says. The one file that imports zstandard."""

import gzip
import zlib
from io import BytesIO

import zstandard

from netwright.core.errors import InputError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
SUFFIXES = {".gz": GZIP, ".gzip": GZIP, ".zst": ZSTD, ".zstd": ZSTD}


def plain_name(name: str) -> str:
    """The name without the suffix of a compression: `x.csv.gz` is `x.csv`."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def decompress(data: bytes, name: str) -> bytes:
    """The bytes inside gzip or zstd, or the bytes as they came. Raises InputError where they are damaged or cut off."""
    if data.startswith(GZIP):
        return _gunzip(data, name)
    if data.startswith(ZSTD):
        return _unzstd(data, name)
    if data and plain_name(name) != name:
        raise InputError(
            f"{name} is named as compressed, but its content is not.",
            got=f"a file that begins with {data[:4].hex(' ')}",
            wanted="gzip (1f 8b …) or zstd (28 b5 2f fd …)",
            fix="Get the file again, or give it the suffix of what it is, such as .csv or .parquet.",
        )
    return data


def _gunzip(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            return file.read()
    except EOFError as error:
        raise _truncated(name, "gzip", len(data)) from error
    except (OSError, zlib.error) as error:
        raise _damaged(name, "gzip", str(error)) from error


def _unzstd(data: bytes, name: str) -> bytes:
    # Frames may follow one another; a stream reader would take a truncated one for a short one.
    parts = []
    try:
        while data:
            frame = zstandard.ZstdDecompressor().decompressobj()
            parts.append(frame.decompress(data))
            if not frame.eof:
                raise _truncated(name, "zstd", len(data))
            data = frame.unused_data
    except zstandard.ZstdError as error:
        raise _damaged(name, "zstd", str(error)) from error
    return b"".join(parts)


def _truncated(name: str, kind: str, size: int) -> InputError:
    return InputError(
        f"{name} is truncated: its {kind} data ends too early.",
        got=f"{size:,} bytes without the end mark",
        wanted=f"a whole {kind} file",
        fix="Copy or download the file again; part of it is missing.",
    )


def _damaged(name: str, kind: str, why: str) -> InputError:
    return InputError(
        f"{name} is damaged: its {kind} data can't be unpacked.",
        got=why,
        wanted=f"a whole {kind} file",
        fix="Copy or download the file again; some of its bytes have changed.",
    )
