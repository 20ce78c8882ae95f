"""Several albums as one: pictures that train, validate and are held out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.album import Album
from netwright.data.pictures.loaders import ArrayPictures, BytesPictures, FilePictures, Pictures


def join(albums: Sequence[Album]) -> Album:
    """The pictures of all albums one after another, with the columns of the first.

    Raises InputError where one lacks a column of the first, or holds its pictures in another form.
    """
    main = albums[0]
    if len(albums) == 1:
        return main
    table = main.table
    for album in albums[1:]:
        absent = [name for name in table.columns if name not in album.table.columns]
        if absent:
            raise InputError(
                f"{album.table.name} lacks what stands beside the training pictures.",
                got=f"columns {', '.join(map(repr, album.table.columns))}",
                wanted=", ".join(map(repr, absent)),
                fix="Give it in the form of the training source, a folder for each class or a table with the labels.",
            )
        table = table.beneath(album.table)
    notices = tuple(notice for album in albums for notice in album.notices)
    return replace(main, table=table, loader=_loader(albums), given={}, notices=notices)


def _loader(albums: Sequence[Album]) -> Pictures:
    loaders = [album.loader for album in albums]
    if all(isinstance(loader, FilePictures) for loader in loaders):
        return FilePictures(tuple(path for loader in loaders for path in loader.paths))  # type: ignore[union-attr]
    if all(isinstance(loader, BytesPictures) for loader in loaders):
        return BytesPictures(tuple(data for loader in loaders for data in loader.data))  # type: ignore[union-attr]
    if all(isinstance(loader, ArrayPictures) for loader in loaders):
        arrays = [loader.arrays for loader in loaders]  # type: ignore[union-attr]
        alike = all(isinstance(a, np.ndarray) for a in arrays) and len({(a.shape[1:], a.dtype) for a in arrays}) == 1
        return ArrayPictures(np.concatenate(arrays) if alike else tuple(one for a in arrays for one in a))
    raise InputError(
        "The pictures that train and those given besides are of different forms.",
        got=" and ".join(f"{album.table.name}: {_FORMS[type(album.loader)]}" for album in albums),
        wanted="files and files, or arrays and arrays",
        fix="Give --validation and --test in the form of the training pictures.",
    )


_FORMS = {FilePictures: "files", BytesPictures: "pictures inside a table", ArrayPictures: "arrays"}
