"""The first half of a run on pictures: an album becomes rows a network can be fed, split before anything is measured.

N pictures, C channels, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netwright.api.dividing import divide
from netwright.api.remarks import copies, imbalance
from netwright.api.rows import (
    FEWEST_ROWS,
    Rows,
    Sources,
    asked_task,
    encoded_target,
    no_labels,
    target_values,
    task_of,
    why_asked,
    with_targets,
)
from netwright.api.session import Watch, nobody
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
from netwright.data.pictures.join import join
from netwright.data.pictures.same import same_content
from netwright.data.pictures.sizing import choose_column, with_statistics
from netwright.data.pictures.unreadable import unreadable
from netwright.data.schema import forced_types, unknown_column
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.families.family import Family
from netwright.tasks.infer import infer_kind

SOME = 12
"""Pictures that are tried before anything else."""


def gather_pictures(sources: Sources, settings: Settings, family: Family, watch: Watch = nobody) -> Rows:
    """Find the task, split, then measure the training pictures and decode all; `watch` is told how far that is.

    `sources` hold albums. Raises InputError for anything that can't be learned from, naming the file and the mend.
    """
    family.configured(settings.config)
    album, own, given, numbers = _joined(sources)
    asked = asked_task(settings, family, "image")
    targets = _targets(album, settings, needed=asked is None)
    table, types, notices = _read(album, targets, settings)
    if asked is None:
        table, _, given, dropped, kept = with_targets(table, targets, given)
        album, numbers, notices = album.take(kept), numbers[kept], [*notices, *dropped]
        own = int((kept < own).sum())
    elif targets and table[targets[0]].null_count():
        notices.append(no_labels(table, targets[0], "pictures"))
        targets = ()
    _look_at_some(album)
    values = target_values(table, targets)
    cells = {name: types[name] for name in targets}
    classes = _are_classes(album, targets, settings)
    kind, why = (asked, why_asked(settings, family)) if asked else _kind(values, cells, settings, classes=classes)
    contents = digests(album)
    split = divide(_keys(table, album.image, contents, settings), values, kind, settings, family, given)
    column, pixels, split, found = _decoded(album, own, split, family, settings, watch)
    schema = Schema(columns=(column, *_left_out(table, (album.image, *targets), types)))
    task, odd = task_of(kind, values, cells, split, settings, family.dimensions(schema), classes=classes)
    same = same_content(album.names, contents, values[targets[0]]) if kind == "classification" else []
    return Rows(
        table=table,
        numbers=numbers,
        task=task,
        task_why=why,
        schema=schema,
        split=split,
        encoded=pictures_encoded(pixels),
        target=encoded_target(task, values, table.rows),
        notices=(*notices, *found, *odd, *same, *copies(contents, split, bool(given)), *imbalance(task)),
    )


def _joined(sources: Sources) -> tuple[Album, int, dict[str, np.ndarray], np.ndarray]:
    """All pictures, the training source's first; how many those are; which rows validate or are held out; numbers.

    The numbers are those of the pictures in their own source, from 1.
    """
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
    numbers = np.concatenate([np.arange(1, album.table.rows + 1) for album in albums])
    return join(albums), main.table.rows, given, numbers


def _read(
    album: Album, targets: tuple[str, ...], settings: Settings
) -> tuple[Table, dict[str, CellType], list[Notice]]:
    """What stands beside the pictures, its cells read; names of folders are words as they stand, "NA" and "7" too."""
    table = album.table
    types, notices = infer_types(table)
    types = forced_types(types, settings.kinds)
    words = [album.image, *(targets if album.named else ())]
    types |= {name: CellType(kind="string") for name in words}
    read, odd = read_cells(table, {name: cell for name, cell in types.items() if name not in words})
    read = read.with_columns({name: table[name] for name in words})
    return read, types, [*album.notices, *table.notices, *notices, *odd]


def _look_at_some(album: Album) -> None:
    """Raise InputError where none of some pictures can be read: then it is not they that are to be left out."""
    rows = np.unique(np.linspace(0, album.table.rows - 1, SOME).astype(int))
    some = album.take(rows)
    tiny = ImageColumn(name=album.image, cell=CellType(kind="string"), why="", channels=1, height=8, width=8,
                       fitting="stretch", mean=(0.5,), std=(0.25,))  # fmt: skip
    decoded = decode(some, tiny, workers=0)
    if not decoded.good.any():
        raise InputError(
            f"None of the pictures in {album.table.name} that were tried can be read.",
            got=unreadable(some, decoded)[0].what,
            wanted="pictures",
            fix="Look at these files; copy or download them again.",
        )


def _targets(album: Album, settings: Settings, *, needed: bool) -> tuple[str, ...]:
    """The columns asked for, or the one the source itself has; none where nothing is to be predicted."""
    table = album.table
    targets = settings.target or ((album.target,) if album.target is not None else ())
    for name in targets:
        if name not in table.columns or name == album.image:
            raise unknown_column(name, [c for c in table.columns if c != album.image], "--target")
    if needed and not targets:
        others = [name for name in table.columns if name != album.image]
        if others:
            raise InputError(
                "Which column is to be predicted?",
                got=f"{table.name}: pictures in {album.image!r}, and the columns {', '.join(map(repr, others[:20]))}",
                wanted="one of them, or several",
                fix=f"For example --target {others[-1]} (target={others[-1]!r} in Python).",
            )
        raise InputError(
            f"What are the pictures in {table.name} to be told apart by?",
            got=f"{table.rows:,} pictures without classes",
            wanted="a folder for each class, a table with a column of paths and a --target, or arrays with y",
            fix="Sort them into folders named after their classes, or give target=labels in Python; without classes "
            "--family autoencoder or gan.",
        )
    return targets


def _are_classes(album: Album, targets: tuple[str, ...], settings: Settings) -> bool:
    """True where the source itself says which class each picture is of: by folders, or by whole numbers or words."""
    own = album.target is not None and targets == (album.target,) and settings.task is None
    return own and (album.named or not album.table[str(album.target)].dtype.is_float())


def _kind(
    values: dict[str, np.ndarray], cells: dict[str, CellType], settings: Settings, *, classes: bool
) -> tuple[str, str]:
    """The kind of task and why, in words; classes may be as many as they like."""
    if classes:
        return "classification", f"each picture has a {next(iter(values))!r}"
    return infer_kind(values, cells, settings.task)


def _keys(table: Table, image: str, contents: np.ndarray, settings: Settings) -> Table:
    """The table as the split is to see it: pictures by their content, and the columns the split may ask for."""
    wanted = [name for name in (settings.group, settings.time) if name is not None]
    others = [name for name in table.columns if name not in wanted]
    return table.without(others).with_columns({image: contents})


def _decoded(
    album: Album, own: int, split: Split, family: Family, settings: Settings, watch: Watch
) -> tuple[ImageColumn, np.ndarray, Split, list[Notice]]:
    """The column, the pixels (N, C, H, W), the split without pictures that can't be read, and what was odd.

    The first `own` pictures are those of the training source, which the column is chosen by.
    """
    training = split.training[split.training < own]
    most = settings.image_size or family.most_pixels
    column, notices = choose_column(album, training, most=most, name=album.image)
    decoded = decode(album, column, watch=watch)
    pixels, good = decoded.pixels, decoded.good
    notices += unreadable(album, decoded)
    usable = replace(
        split,
        training=split.training[good[split.training]],
        folds=tuple(fold[good[fold]] for fold in split.folds),
        test=split.test[good[split.test]],
    )
    if len(usable.training) < FEWEST_ROWS:
        raise InputError(
            f"Too few pictures to learn from in {album.table.name}.",
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
