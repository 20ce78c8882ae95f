"""The first half of a run on sequences: they become rows a network can be fed, split before anything is measured.

N sequences, T steps, C channels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netwright.api.dividing import divide
from netwright.api.remarks import copies, imbalance
from netwright.api.rows import Rows, Sources, encoded_target, target_values, task_of, with_targets
from netwright.api.session import Watch, nobody
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.schema import LeftOutColumn, Schema
from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import forced_types, unknown_column
from netwright.data.sequences.collection import NAME, Sequences
from netwright.data.sequences.encode import encode_sequences
from netwright.data.sequences.form import fit_form
from netwright.data.sequences.join import join
from netwright.data.table import Table, storage
from netwright.families.family import Family
from netwright.tasks.infer import infer_kind


def gather_sequences(sources: Sources, settings: Settings, family: Family, watch: Watch = nobody) -> Rows:
    """Find the task, split, then measure the training sequences and encode all.

    `sources` hold `Sequences`. Raises InputError for anything that can't be learned from, naming the file and the mend.
    """
    family.configured(settings.config)
    whole, given, numbers = _joined(sources)
    targets = _targets(whole, settings)
    table, types, notices = _read(whole, targets, settings)
    table, _, given, dropped, kept = with_targets(table, targets, given)
    sequences = replace(whole.take(kept), table=table)
    values = target_values(table, targets)
    cells = {name: types[name] for name in targets}
    classes = _are_classes(sequences, targets, settings)
    kind, why = ("classification", f"each sequence has a {targets[0]!r}") if classes else infer_kind(
        values, cells, settings.task
    )  # fmt: skip
    contents = sequences.digests()
    asked = settings.model_copy(update={"time": None}) if settings.time == sequences.order else settings
    split = divide(_keys(table, contents, asked), values, kind, asked, family, given)
    form = fit_form(sequences, split.training)
    schema = Schema(columns=tuple(_left_out(table, targets, types, settings)), form=form)
    task, odd = task_of(kind, values, cells, split, settings, family.dimensions(schema), classes=classes)
    encoded = encode_sequences(form, sequences)
    return Rows(
        table=table,
        numbers=numbers[kept],
        task=task,
        task_why=why,
        schema=schema,
        split=split,
        encoded=encoded,
        target=encoded_target(task, values, table.rows),
        notices=(*notices, *dropped, *odd, *encoded.notices, *_copies(contents, split, given), *imbalance(task)),
    )


def _joined(sources: Sources) -> tuple[Sequences, dict[str, np.ndarray], np.ndarray]:
    """All sequences, the training source's first; which rows validate or are held out; their numbers, from 1."""
    main = sources.training
    assert isinstance(main, Sequences)
    parts, given, rows = [main], dict(main.given), len(main)
    for role in ("validation", "test"):
        other = getattr(sources, role)
        if other is None:
            continue
        if role in main.given:
            raise InputError(
                f"The training source has {role} sequences of its own.",
                got=f"{len(main.given[role]):,} of them in {main.table.name}, and --{role} besides",
                wanted="one or the other",
                fix=f"Leave --{role} out, or give the file of the training sequences alone as the source.",
            )
        assert isinstance(other, Sequences)
        parts.append(replace(other, given={}))
        given[role] = np.arange(rows, rows + len(other))
        rows += len(other)
    numbers = np.arange(1, rows + 1)
    for own in given.values():
        numbers[own] -= own[0] if len(own) else 0  # those of a part of its own are counted from its own first
    return join(parts), given, numbers


def _targets(sequences: Sequences, settings: Settings) -> tuple[str, ...]:
    """The columns asked for, or the one the source itself has."""
    table = sequences.table
    targets = settings.target or ((sequences.target,) if sequences.target is not None else ())
    for name in targets:
        if name not in table.columns or name == sequences.id:
            raise unknown_column(name, [c for c in table.columns if c != sequences.id], "--target")
    if not targets:
        others = [name for name in table.columns if name not in (NAME, sequences.id)]
        raise InputError(
            f"What is to be told of the sequences in {table.name}?",
            got=f"{len(sequences):,} sequences, and beside them {', '.join(map(repr, others)) or 'no column'}",
            wanted="a column with a label of each sequence",
            fix=f"For example --target {others[-1]}."
            if others
            else "Give labels: nw.train((x, y)), or --target COLUMN.",
        )
    return targets


def _read(
    sequences: Sequences, targets: tuple[str, ...], settings: Settings
) -> tuple[Table, dict[str, CellType], list[Notice]]:
    """What stands beside the sequences, its cells read; classes of the source's own are words as they stand."""
    table = sequences.table
    types, notices = infer_types(table)
    types = forced_types(types, {name: kind for name, kind in settings.kinds.items() if name in table.columns})
    words = [name for name in (sequences.id, sequences.target, NAME) if name in table.columns]
    words = [name for name in words if storage(table[str(name)]) == "text" and name not in settings.kinds]
    types |= {str(name): CellType(kind="string") for name in words}
    read, odd = read_cells(table, {name: cell for name, cell in types.items() if name not in words})
    return read, types, [*sequences.notices, *notices, *odd]


def _are_classes(sequences: Sequences, targets: tuple[str, ...], settings: Settings) -> bool:
    """True where the source itself says which class each sequence is of: by words or whole numbers."""
    own = sequences.target is not None and targets == (sequences.target,) and settings.task is None
    return own and sequences.classes


def _keys(table: Table, contents: np.ndarray, settings: Settings) -> Table:
    """The table as the split is to see it: sequences by their content, and the columns the split may ask for."""
    wanted = [name for name in (settings.group, settings.time) if name is not None]
    others = [name for name in table.columns if name not in wanted]
    keys = table.with_columns({KEY: contents})
    return keys.without(others)


KEY = "content of the sequence"


def _copies(contents: np.ndarray, split: object, given: dict[str, np.ndarray]) -> list[Notice]:
    found = copies(contents, split, bool(given))  # type: ignore[bad-argument-type]
    return [replace(notice, what=notice.what.replace("pictures", "sequences")) for notice in found]


def _left_out(
    table: Table, targets: Sequence[str], types: dict[str, CellType], settings: Settings
) -> list[LeftOutColumn]:
    """The other columns, which a network for sequences does not see."""
    why = "a network for sequences sees the steps alone"
    return [
        LeftOutColumn(name=name, cell=types[name], kind="left out", why=why)
        for name in table.columns
        if name not in targets
    ]
