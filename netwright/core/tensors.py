"""Tensors to bytes and back, in the safetensors format, with a strict look at the header before anything is parsed.

The library itself accepts duplicate keys, names such as `../x`, and shapes that overflow; a file from a stranger may
hold any of them.
"""

import json
import math
import struct
from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from netwright.core.errors import ArtifactError

LARGEST_HEADER = 100_000_000
SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "U16": 2,
    "U32": 4,
    "U64": 8,
    "BOOL": 1,
}


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """These tensors as one safetensors file, each copied out of whatever memory it shares."""
    plain = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    return save(plain, {"format": "pt"})  # what transformers asks for


def from_bytes(data: bytes, origin: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file. `origin` names it in errors.

    Raises ArtifactError for anything but a well-formed file whose tensors fill it exactly.
    """
    _check_header(data, origin)
    try:
        tensors = load(data)
        return {name: t.clone() if t.numel() else torch.empty(t.shape, dtype=t.dtype) for name, t in tensors.items()}
    except (SafetensorError, RuntimeError) as error:
        raise damaged(origin, f"a header that can't be read ({str(error).splitlines()[0]})") from None


def strict_json(data: bytes, origin: str) -> dict:
    """A JSON object without duplicate keys. Raises ArtifactError otherwise."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise damaged(origin, f"not JSON as we write it: {error}") from None
    if not isinstance(value, dict):
        raise damaged(origin, f"a JSON {type(value).__name__}")
    return value


def damaged(origin: str, got: str) -> ArtifactError:
    """The error for a file that is not what was once saved."""
    return ArtifactError(
        f"{origin} is not as it was saved; nothing of it was loaded.",
        got=got,
        wanted="the files that netwright wrote, unchanged",
        fix="Copy the folder again from where it was made, or train again.",
    )


def _check_header(data: bytes, origin: str) -> None:
    if data[8:9] != b"{" and (data[:2] == b"PK" or data[:1] == b"\x80"):
        raise damaged(origin, "a pickle (or a torch.save file), which can run code when it is read")
    if len(data) < 8:
        raise damaged(origin, f"{len(data)} bytes: truncated")
    (size,) = struct.unpack("<Q", data[:8])
    if size > min(LARGEST_HEADER, len(data) - 8):
        raise damaged(origin, f"a header of {size} bytes in a file of {len(data)}: truncated")
    if data[8:9] != b"{":
        raise damaged(origin, f"a header that starts with {data[8:9]!r}: not JSON as we write it")
    header = strict_json(data[8 : 8 + size], origin)
    header.pop("__metadata__", None)
    _check_tensors(header, len(data) - 8 - size, origin)


def _check_tensors(header: dict, available: int, origin: str) -> None:
    """Each entry must have a plain name, a known type, a sound shape, and a place that follows the one before."""
    end = 0
    try:
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        for name, entry in entries:
            end = _end(name, entry, end)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(origin, f"a header that can't be read ({error})") from None
    if end != available:
        raise damaged(origin, f"{available} bytes of tensors where the header speaks of {end}")


def _end(name: str, entry: dict, begin: int) -> int:
    """Where the bytes of this entry end, which must start at `begin`. Raises ValueError for one we would not write."""
    start, stop = entry["data_offsets"]
    shape = entry["shape"]
    whole = all(type(n) is int and n >= 0 for n in (start, stop, *shape))
    placed = whole and start == begin and stop - start == math.prod(shape) * SIZES[entry["dtype"]]
    if not placed or set(entry) != {"dtype", "shape", "data_offsets"} or not _plain(name):
        raise ValueError(f"the entry {name!r}: {str(entry)[:200]}")
    return stop


def _plain(name: str) -> bool:
    return name.isprintable() and name == name.strip() and not {"/", "\\"} & set(name) and ".." not in name


def _unique(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
