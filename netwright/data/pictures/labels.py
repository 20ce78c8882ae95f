"""The table beside pictures: their names, and what they are."""

from collections.abc import Mapping, Sequence

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.sources.arrays import array_series, is_tensor, tensor_array
from netwright.data.sources.values import values_series
from netwright.data.table import Series, Table, series_of, table_of

IMAGE = "image"
"""The column of names, where the source has none of its own."""


def numbered(rows: int) -> list[str]:
    """Names for pictures that have none: "picture 1" …"""
    return [f"picture {i}" for i in range(1, rows + 1)]


def labels_table(names: Sequence[str], columns: Mapping[str, Series], source: str) -> Table:
    """One row a picture: its name in column `image`, then these columns."""
    return table_of([series_of(IMAGE, list(names)), *(s.alias(key) for key, s in columns.items())], source)


def target_name(asked: str | None, own: str) -> str:
    """What the column of classes is called: as asked for, else as the source has it. Raises InputError for `image`."""
    if asked == IMAGE:
        raise InputError(
            f"{IMAGE!r} is the column of the pictures themselves.",
            got=f"--target {asked}",
            wanted=f"what the pictures are to be told apart by, such as {own!r}",
            fix=f"Give --target {own}, or leave it out.",
        )
    return asked or own


def label_columns(values: object, key: str, source: str) -> dict[str, Series]:
    """Labels of any form as columns: (N,) or (N, 1) one, (N, K) of one 1 and zeros the class, else K."""
    if is_tensor(values):
        values = tensor_array(values, source)
    if not isinstance(values, np.ndarray):
        return {key: values_series(key, list(values), source)}  # type: ignore[call-overload]
    if values.ndim == 2 and values.shape[1] > 1:
        if np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():
            return {key: array_series(key, values.argmax(axis=1), source)}
        return {f"{key}{i}": array_series(f"{key}{i}", values[:, i], source) for i in range(values.shape[1])}
    return {key: array_series(key, values.reshape(len(values)), source)}


def check_lengths(pictures: int, labels: int, key: str, source: str) -> None:
    """Raise InputError where there are more or fewer labels than pictures."""
    if pictures != labels:
        raise InputError(
            f"{source}: {key!r} does not match the pictures.",
            got=f"{pictures:,} pictures and {labels:,} values in {key!r}",
            wanted="one value a picture",
            fix=f"Give as many values in {key!r} as there are pictures.",
        )


def shown(names: Sequence[str], most: int = 3) -> str:
    """The first few of these names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def picture_notice(what: str, fix: str = "", *, column: str = IMAGE, serious: bool = False) -> Notice:
    """A notice about the column of pictures."""
    return Notice(what=what, fix=fix, column=column, serious=serious)
