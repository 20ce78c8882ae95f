"""Anything a person may call pictures, read into an `Album`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.data.pictures.album import Album
from netwright.data.pictures.arrays import LABEL, array_album, has_picture_shape, list_album
from netwright.data.pictures.embedded import album_in
from netwright.data.pictures.folder import folder_album, holds_no_table
from netwright.data.pictures.idx import holds_idx, idx_album, is_idx
from netwright.data.pictures.labels import check_lengths, label_columns, labels_table, numbered, target_name
from netwright.data.pictures.loaders import BytesPictures, FilePictures, texts_of
from netwright.data.pictures.named import named_album
from netwright.data.pictures.pillow import file_bytes, is_image
from netwright.data.pictures.sniff import FOREIGN, HEAD, extension, is_picture, named_as_picture
from netwright.data.sources.arrays import is_tensor
from netwright.data.sources.numpy_file import ALONE, read_arrays, shapes

__all__ = ["album_in", "holds_pictures", "read_album"]


def holds_pictures(source: object) -> bool:
    """Whether this is to be read as pictures. Looks at names, shapes and first bytes only."""
    if isinstance(source, str | os.PathLike):
        return _path_holds(Path(source).expanduser())
    if isinstance(source, Mapping):
        return any(has_picture_shape(value) for value in source.values())
    if isinstance(source, list | tuple):
        return _is_labelled(source) or _are_pictures(source)
    return has_picture_shape(source) or is_image(source)


def _path_holds(path: Path) -> bool:
    try:
        if path.is_dir():
            return holds_idx(path) or holds_no_table(path)
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    if named_as_picture(path.name) or extension(path.name) in FOREIGN or is_picture(head):
        return True
    return any(len(shape) in (3, 4) for shape in shapes(path).values()) or is_idx(path)


def _is_labelled(source: Sequence[Any]) -> bool:
    """Whether this is a pair of pictures and their labels."""
    if not isinstance(source, tuple) or len(source) != 2:
        return False
    labels = source[1]
    flat = isinstance(labels, list) or ((isinstance(labels, np.ndarray) or is_tensor(labels)) and labels.ndim <= 2)
    if isinstance(source[0], list):
        return flat and _are_pictures(source[0])
    return flat and has_picture_shape(source[0]) and len(labels) == len(source[0])


def _are_pictures(values: Sequence[Any]) -> bool:
    if not values:
        return False
    if all(isinstance(value, str | os.PathLike) for value in values):
        return all(named_as_picture(os.fspath(value)) for value in values)
    arrays = all((isinstance(v, np.ndarray) or is_tensor(v)) and v.ndim in (2, 3) for v in values)
    return arrays or all(is_image(value) for value in values)


def read_album(source: Any, *, target: str | None = None) -> Album:
    """The pictures of a source, not decoded, and what it says of each.

    `source` is a folder, with a folder for each class or without; a picture file; `.npz` or `.npy` with arrays of
    pictures; idx files as MNIST's, or their folder; an array or tensor of three or four dimensions; a pair (pictures,
    labels) or a dict of such; a list of Pillow's images, of arrays or of paths. `target` is what the column of classes
    is called, where the source has one. Raises InputError or InputTypeError, naming the file and the mend.
    """
    if isinstance(source, str | os.PathLike):
        return _read_path(Path(source).expanduser(), target)
    if isinstance(source, Mapping):
        return named_album(source, "pictures", target=target)
    if isinstance(source, list | tuple):
        return _read_list(source, target)
    if is_image(source):
        return _image_album([source])
    if has_picture_shape(source):
        return array_album(source, "pictures", target=target)
    raise InputTypeError(
        "This can't be read as pictures.",
        got=f"{type(source).__module__}.{type(source).__qualname__}",
        wanted="a path, an array or tensor of 3 or 4 dimensions, or a list of images, arrays or paths",
        fix="Turn it into an array: numpy.stack([numpy.asarray(picture) for picture in …]).",
    )


def _read_path(path: Path, target: str | None) -> Album:
    if path.is_dir():
        return idx_album(path, target=target) if holds_idx(path) else folder_album(path, target=target)
    if not path.exists():
        raise InputError(
            f"There is no file and no folder {path}.",
            got=f"{path}, looked for in {Path.cwd()}",
            wanted="a folder of pictures, a picture, or a file of arrays of them",
            fix="Correct the path.",
        )
    found = shapes(path)
    if found:
        arrays = read_arrays(path, str(path))
        return (
            array_album(arrays[ALONE], str(path))
            if set(arrays) == {ALONE}
            else named_album(arrays, str(path), target=target)
        )
    if is_idx(path):
        return idx_album(path, target=target)
    return _files_album([os.fspath(path)], str(path))


def _read_list(source: Sequence[Any], target: str | None) -> Album:
    if _is_labelled(source):
        pictures, labels = source
        if not isinstance(pictures, list):
            return array_album(pictures, "pictures", labels, target=target)
        return _labelled(_read_list(pictures, None), labels, target)
    if not _are_pictures(source):
        raise InputTypeError(
            "This list can't be read as pictures.",
            got=f"{len(source)} values of type {', '.join(sorted({type(v).__name__ for v in source})) or 'none'}",
            wanted="images of Pillow's, arrays of 2 or 3 dimensions, or paths of pictures; one kind only",
            fix="Give an array of shape (N, H, W) or (N, H, W, 3), or a list of one kind.",
        )
    if is_image(source[0]):
        return _image_album(source)
    if isinstance(source[0], str | os.PathLike):
        return _files_album([os.fspath(value) for value in source], "pictures")
    return list_album(source, "pictures")


def _labelled(album: Album, labels: Any, target: str | None) -> Album:
    key = target_name(target, LABEL)
    check_lengths(album.table.rows, len(labels), key, album.table.name)
    columns = label_columns(labels, key, album.table.name)
    return replace(album, table=labels_table(album.names, columns, album.table.name), target=next(iter(columns)))


def _image_album(images: Sequence[Any]) -> Album:
    loader = BytesPictures(tuple(map(file_bytes, images)))
    return Album(labels_table(numbered(len(images)), {}, "pictures"), "image", loader)


def _files_album(paths: Sequence[str], name: str) -> Album:
    full = tuple(os.path.abspath(os.path.expanduser(path)) for path in paths)  # noqa: PTH100, PTH111
    return Album(labels_table(texts_of(paths), {}, name), "image", FilePictures(full))
