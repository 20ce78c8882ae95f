"""Anything a person may call sequences, read into `Sequences`."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sequences.archive import read_archive
from netwright.data.sequences.arrays import LENGTHS, array_sequences, is_list_of_sequences, named_sequences
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.join import join
from netwright.data.sources.arrays import is_tensor
from netwright.data.sources.numpy_file import Part, read_arrays, shapes

ENDING = ".ts"
NUMPY = (".npy", ".npz")


def holds_sequences(source: object) -> bool:
    """Whether this can be nothing but sequences. Looks at names and shapes only.

    Arrays of three dimensions may as well be pictures: only `lengths` beside them tell.
    """
    if isinstance(source, Sequences):
        return True
    if isinstance(source, Mapping):
        return any(LENGTHS in str(key).lower() for key in source) and any(_dims(v) == 3 for v in source.values())
    if not isinstance(source, str | os.PathLike):
        return False
    return _path_holds(Path(source).expanduser())


def _path_holds(path: Path) -> bool:
    try:
        if path.is_dir():
            return any(path.glob(f"*{ENDING}"))
    except (OSError, ValueError):
        return False
    if path.suffix.lower() != ".npz":
        return path.suffix.lower() == ENDING
    found = shapes(path)
    return any(LENGTHS in key.lower() for key in found) and any(len(shape) == 3 for shape in found.values())


def may_be_sequences(source: object) -> bool:
    """Whether this, in memory, has a shape that `read_sequences` takes.

    An array or tensor (N, T, C) or (N, T), a list of such as (T, C) or (T,), either with labels in a pair, or a dict of
    arrays with one of them among them. Most of these may as well be a table or pictures: the family decides.
    """
    if isinstance(source, Sequences) or _is_pair(source):
        return True
    if isinstance(source, Mapping):
        return any(_dims(value) == 3 for value in source.values())
    if isinstance(source, list | tuple):
        return is_list_of_sequences(source)
    return _dims(source) in (2, 3)


def read_sequences(source: Any, *, target: str | None = None) -> Sequences:
    """The sequences of a source.

    `source` is a `.ts` file, or a folder with name_TRAIN.ts and name_TEST.ts, of which the latter is then held out;
    `.npz` or `.npy` of an array (N, T, C), with y and lengths beside it; an array or tensor (N, T, C) or (N, T); a list
    of arrays (T, C) or (T,); a pair of any of these and labels; a dict of x, y, lengths. `target` is what the column of
    labels is called, where the source has labels. Raises InputError or InputTypeError, naming the file and the mend.
    """
    if isinstance(source, Sequences):
        return source
    if isinstance(source, str | os.PathLike):
        return _read_path(Path(source).expanduser(), target)
    if isinstance(source, Mapping):
        named = {str(key): _plain(value) for key, value in source.items()}
        return _divided(named_sequences(named, "sequences", target=target))
    if _is_pair(source):
        return array_sequences(source[0], "sequences", source[1], target=target)
    if _dims(source) or (isinstance(source, list | tuple) and is_list_of_sequences(source)):
        return array_sequences(source, "sequences", target=target)
    raise InputTypeError(
        "This is nothing that sequences can be read from.",
        got=f"a {type(source).__name__}",
        wanted="a path, an array or tensor (sequences, steps, channels), a list of arrays (steps, channels), or such "
        "with labels: (x, y)",
        fix="For example nw.train((x, y), family='lstm') with x of shape (sequences, steps, channels).",
    )


def _read_path(path: Path, target: str | None) -> Sequences:
    if path.is_dir():
        return _read_folder(path, target)
    if path.suffix.lower() in NUMPY and path.is_file():
        return _divided(named_sequences(read_arrays(path, str(path)), str(path), target=target))
    return read_archive(path, target=target)


def _read_folder(folder: Path, target: str | None) -> Sequences:
    """The one `.ts` file of a folder, or its training and its test part."""
    files = sorted(folder.glob(f"*{ENDING}"))
    parts = {role: [f for f in files if f.stem.lower().endswith(f"_{role}")] for role in ("train", "test")}
    if len(files) == 1:
        return read_archive(files[0], target=target)
    if len(files) != 2 or any(len(found) != 1 for found in parts.values()):
        raise InputError(
            f"Which files of {folder} are to be read?",
            got=", ".join(f.name for f in files[:10]) or "no .ts file",
            wanted="one .ts file, or two: name_TRAIN.ts and name_TEST.ts",
            fix="Give the path of the file itself, and another one with --test.",
        )
    train, test = (read_archive(parts[role][0], target=target) for role in ("train", "test"))
    return _divided({"training": train, "test": test})


def _divided(parts: Mapping[Part, Sequences]) -> Sequences:
    """The training part, and below it the others there are."""
    ends = np.cumsum([len(part) for part in parts.values()])
    given: dict[str, np.ndarray] = {}
    given |= {role: np.arange(end - len(part), end) for (role, part), end in zip(parts.items(), ends, strict=True)}
    del given["training"]
    return replace(join(list(parts.values())), given=given)


def _is_pair(source: Any) -> bool:
    """Whether this is a pair of sequences and labels."""
    if not isinstance(source, tuple) or len(source) != 2:
        return False
    labels = source[1]
    flat = isinstance(labels, list) or _dims(labels) in (1, 2)
    if isinstance(source[0], list):
        return flat and is_list_of_sequences(source[0]) and len(labels) == len(source[0])
    return flat and _dims(source[0]) in (2, 3) and len(labels) == len(source[0])


def _dims(value: Any) -> int:
    return value.ndim if isinstance(value, np.ndarray) or is_tensor(value) else 0


def _plain(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if is_tensor(value) else np.asarray(value)
