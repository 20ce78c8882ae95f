"""The first half of a run on pictures: an album becomes rows a network can be fed, split before anything is measured.

N pictures, C channels, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netwright.api.dividing import divide
from netwright.api.remarks import imbalance
from netwright.api.rows import (
    FEWEST_ROWS,
    Rows,
    Sources,
    asked_task,
    encoded_target,
    target_values,
    task_of,
    why_asked,
    with_targets,
)
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.schema import ImageColumn, LeftOutColumn, Schema
from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.encode import pictures_encoded
from netwright.data.pictures.album import Album, digests
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.same import same_content
from netwright.data.pictures.sizing import choose_column, with_statistics
from netwright.data.pictures.unreadable import unreadable
from netwright.data.schema import forced_types, unknown_column
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.families.family import Family
from netwright.tasks.infer import infer_kind


def gather_pictures(sources: Sources, settings: Settings, family: Family) -> Rows:
    """Find the task, split, then measure the training pictures and decode all.

    `sources` hold albums. Raises InputError for anything that can't be learned from, naming the file and the mend.
    """
    family.configured(settings.config)
    albums, given = _albums(sources)
    main = albums[0]
    table, types, notices = _labels(albums, settings)
    asked = asked_task(settings, family, "image")
    targets = _targets(main, table, settings, needed=asked is None)
    table, numbers, given, dropped, kept = with_targets(table, targets, given)
    values = target_values(table, targets)
    cells = {name: types[name] for name in targets}
    kind, why = (asked, why_asked(settings, family)) if asked else _kind(main, values, cells, settings)
    contents = np.concatenate([digests(album) for album in albums])[kept]
    split = divide(_keys(table, main.image, contents, settings), values, kind, settings, family, given)
    column, pixels, split, found = _decoded(albums, kept, split, family, settings)
    schema = Schema(columns=(column, *_left_out(table, (main.image, *targets), types)))
    task, odd = task_of(kind, values, cells, split, settings, family.dimensions(schema))
    same = same_content(table[main.image].to_list(), contents, values[targets[0]]) if kind == "classification" else []
    return Rows(
        table=table,
        numbers=numbers,
        task=task,
        task_why=why,
        schema=schema,
        split=split,
        encoded=pictures_encoded(pixels),
        target=encoded_target(task, values, table.rows),
        notices=(*notices, *dropped, *found, *odd, *same, *imbalance(task)),
    )


def _albums(sources: Sources) -> tuple[list[Album], dict[str, np.ndarray]]:
    """All albums, the training one first, and which rows of them, counted through, validate or are held out."""
    main = sources.training
    assert isinstance(main, Album)
    albums, given, rows = [main], dict(main.given), main.table.rows
    for role in ("validation", "test"):
        other = getattr(sources, role)
        if other is None:
            continue
        if role in main.given:
            raise InputError(
                f"The training source has {role} pictures of its own.",
                got=f"{len(main.given[role]):,} of them in {main.table.name}, and --{role} besides",
                wanted="one or the other",
                fix=f"Leave --{role} out, or give the folder of the training pictures alone as the source.",
            )
        assert isinstance(other, Album)
        albums.append(other)
        given[role] = np.arange(rows, rows + other.table.rows)
        rows += other.table.rows
    return albums, given


def _labels(albums: Sequence[Album], settings: Settings) -> tuple[Table, dict[str, CellType], list[Notice]]:
    """One table of what stands beside the pictures of all albums, its cells read."""
    main = albums[0]
    types, notices = infer_types(main.table)
    types = forced_types(types, settings.kinds)
    tables = []
    for album in albums:
        absent = [name for name in main.table.columns if name not in album.table.columns]
        if absent:
            raise InputError(
                f"{album.table.name} lacks what stands beside the training pictures.",
                got=f"columns {', '.join(map(repr, album.table.columns))}",
                wanted=", ".join(map(repr, absent)),
                fix="Give it in the form of the training source, a folder for each class or a table with the labels.",
            )
        read, odd = read_cells(album.table, types)
        tables.append(read)
        notices += [*album.notices, *album.table.notices, *odd]
    table = tables[0]
    for other in tables[1:]:
        table = replace(table, frame=table.frame.vstack(other.frame.select(table.columns)))
    return table, types, notices


def _targets(album: Album, table: Table, settings: Settings, *, needed: bool) -> tuple[str, ...]:
    """The columns asked for, or the one the source itself has; none where nothing is to be predicted."""
    targets = settings.target or ((album.target,) if album.target is not None else ())
    for name in targets:
        if name not in table.columns or name == album.image:
            raise unknown_column(name, [c for c in table.columns if c != album.image], "--target")
    if needed and not targets:
        raise InputError(
            f"What are the pictures in {table.name} to be told apart by?",
            got=f"{table.rows:,} pictures without classes",
            wanted="a folder for each class, a table with a column of paths and a --target, or arrays with y",
            fix="Sort them into folders named after their classes; without classes --family autoencoder or gan.",
        )
    return targets


def _kind(
    album: Album, values: dict[str, np.ndarray], cells: dict[str, CellType], settings: Settings
) -> tuple[str, str]:
    """The kind of task; names of folders are classes, however many."""
    named = album.target is not None and settings.task is None and tuple(values) == (album.target,)
    if named and cells[str(album.target)].kind != "number":
        return "classification", f"each picture has a {album.target!r}"
    return infer_kind(values, cells, settings.task)


def _keys(table: Table, image: str, contents: np.ndarray, settings: Settings) -> Table:
    """The table as the split is to see it: pictures by their content, and the columns the split may ask for."""
    wanted = [name for name in (settings.group, settings.time) if name is not None]
    others = [name for name in table.columns if name not in wanted]
    return table.without(others).with_columns({image: contents})


def _decoded(
    albums: Sequence[Album], kept: np.ndarray, split: Split, family: Family, settings: Settings
) -> tuple[ImageColumn, np.ndarray, Split, list[Notice]]:
    """The column, the pixels (N, C, H, W), the split without pictures that can't be read, and what was odd."""
    main = albums[0]
    training = kept[split.training]
    most = settings.image_size or family.most_pixels(settings.config)
    column, notices = choose_column(main, training[training < main.table.rows], most=most, name=main.image)
    parts = [decode(album, column) for album in albums]
    pixels = parts[0].pixels if len(parts) == 1 else np.concatenate([part.pixels for part in parts])
    good = np.concatenate([part.good for part in parts])
    if len(kept) < len(pixels):
        pixels, good = pixels[kept], good[kept]
    for album, part in zip(albums, parts, strict=True):
        notices += unreadable(album, part)
    usable = replace(
        split,
        training=split.training[good[split.training]],
        folds=tuple(fold[good[fold]] for fold in split.folds),
        test=split.test[good[split.test]],
    )
    if len(usable.training) < FEWEST_ROWS:
        raise InputError(
            f"Too few pictures to learn from in {main.table.name}.",
            got=f"{int(good.sum())} of {len(good)} can be read; {len(usable.training)} of them train",
            wanted=f"{FEWEST_ROWS} or more; a hundred and more to say how good the network is",
            fix=f"Look at the others: {notices[-1].what if notices else 'there are none'}.",
        )
    return with_statistics(column, pixels, usable.training), pixels, usable, notices


def _left_out(table: Table, used: Sequence[str], types: dict[str, CellType]) -> list[LeftOutColumn]:
    """The other columns, which a network for pictures does not see."""
    why = "a network for pictures sees the pictures alone"
    return [
        LeftOutColumn(name=name, cell=types[name], kind="left out", why=why)
        for name in table.columns
        if name not in used
    ]
