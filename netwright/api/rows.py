"""The first half of a run: a source becomes rows that a network can be fed, split before anything is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from netwright.api.dividing import divide
from netwright.api.remarks import remarks
from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.forms import TextForm
from netwright.core.notice import Notice
from netwright.core.schema import DataKind, Schema
from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.encode import Encoded, encode
from netwright.data.schema import fit_schema, forced_types, unknown_column
from netwright.data.sources.read import read
from netwright.data.split import Split
from netwright.data.table import Table
from netwright.data.text.encode import joined
from netwright.data.text.find import find_texts
from netwright.data.text.form import fit_text
from netwright.families.family import SUPERVISED, Family
from netwright.tasks import Answering, Task
from netwright.tasks.infer import asked_kind, fit_label, fit_task, infer_kind, unsupervised
from netwright.tasks.labelled import Labelled

FEWEST_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a person gave: values from memory or what names a file. `validation` and `test` may be None."""

    training: object
    validation: object = None
    test: object = None


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokenizer of a network that others have trained, as JSON, and how many tokens that network takes at most."""

    tokenizer: str
    length: int


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All that is known of the rows before there is a network. N rows, in the order of the source.

    `numbers` (N,) are their numbers in the source, from 1; `target` (N, …) is what the network is trained on, class
    numbers or zeros where nothing is to be predicted.
    """

    table: Table
    numbers: np.ndarray
    task: Task
    task_why: str
    schema: Schema
    split: Split
    encoded: Encoded
    target: np.ndarray
    notices: tuple[Notice, ...]
    told: str = ""
    """The split in words, where it is not of rows."""

    def truth(self, rows: np.ndarray) -> np.ndarray:
        """What metrics compare predictions of these rows with."""
        assert isinstance(self.task, Answering), "nothing is predicted"
        return self.task.truth(target_values(self.table.take(rows), self.task.targets))

    @property
    def split_words(self) -> str:
        """The split in words."""
        if self.told:
            return self.told
        folds = f"in {len(self.split.folds)} folds that validate in turn" if len(self.split.folds) > 1 else ""
        validation = folds or f"and {len(self.split.folds[0]):,} validate"
        held = f"{len(self.split.test):,} are held out" if len(self.split.test) else "none are held out"
        unit = {"series": "windows", "sequence": "sequences", "image": "pictures"}.get(self.schema.data, "rows")
        return f"{len(self.split.training):,} {unit} train {validation}, {held}; {self.split.reason}"


def gather(sources: Sources, settings: Settings, family: Family, pretrained: Tokens | None = None) -> Rows:
    """Read, find the task, split, then measure the training rows and encode all.

    The `family` says how many validation folds it wants, and whether it reads the texts that a table holds; with the
    tokenizer of `pretrained`, where given.

    Raises InputError for anything that can't be learned from, naming the file, the column and the mend.
    """
    family.configured(settings.config)  # what a person asked for is looked at before the data
    table, types, given, notices = _read(sources, settings)
    reads = "text" in family.fits
    asked = asked_task(settings, family, "text" if reads else "table")
    targets = _targets(table, settings) if asked is None or settings.target else ()
    table, numbers, given, dropped, _ = with_targets(table, targets if asked is None else (), given)
    labels = targets
    if asked is not None and targets and table[targets[0]].null_count():
        notices, labels = [*notices, no_labels(table, targets[0], "rows")], ()
    values = target_values(table, labels)
    cells = {name: types[name] for name in labels}
    kind, why = (asked, why_asked(settings, family)) if asked else infer_kind(values, cells, settings.task)
    inputs = table.without(targets)
    texts = texts_of(inputs, settings) if reads else ()
    split = divide(table, values, kind, settings, family, given, texts)
    exclude = (*settings.exclude, *([settings.group] if settings.group else []))
    measured = inputs.take(split.training)
    schema = fit_schema(measured, types, kinds=settings.kinds, exclude=exclude, scaling=settings.scaling, texts=texts)
    if reads:
        form, cut = _fit_texts(measured, texts, settings, family, pretrained)
        schema, notices = schema.model_copy(update={"form": form}), [*notices, *cut]
    encoded = encode(schema, inputs, numbers=numbers)
    task, odd = task_of(kind, values, cells, split, settings, family.dimensions(schema))
    return Rows(
        table=table,
        numbers=numbers,
        task=task,
        task_why=why,
        schema=schema,
        split=split,
        encoded=encoded,
        target=encoded_target(task, values, table.rows),
        notices=(*notices, *dropped, *odd, *encoded.notices, *remarks(table, split, schema, task, values)),
    )


def texts_of(table: Table, settings: Settings, *, sure: bool = True) -> tuple[str, ...]:
    """The columns whose text is to be read: those a person says, else prose; where one is `sure`, else names too."""
    forced = tuple(name for name, kind in settings.kinds.items() if kind == "text")
    for name in forced:
        if name in (*settings.exclude, *settings.target):
            raise InputError(
                f"The column {name!r} can't be read as a text.",
                got=f"--kind {name}=text, and it is {'left out' if name in settings.exclude else 'the target'}",
                wanted="a column of its own",
                fix="Leave one of the two out.",
            )
        if name not in table.columns:
            raise unknown_column(name, table.columns, "--kind")
    others = tuple(name for name in settings.kinds if name not in forced)
    not_read = (*settings.exclude, *others, *([settings.group] if settings.group else []))
    prose = forced or find_texts(table, settings.target, not_read, sure=False)
    return prose or (find_texts(table, settings.target, not_read, sure=True) if sure else ())


def _fit_texts(
    table: Table, texts: tuple[str, ...], settings: Settings, family: Family, pretrained: Tokens | None
) -> tuple[TextForm, list[Notice]]:
    """How the texts of these columns are read, measured on these rows. Raises InputError where there are none."""
    if not texts:
        raise InputError(
            f"The family {family.name!r} reads texts, and {table.name} has none.",
            got=f"the columns {', '.join(map(repr, table.columns[:20]))}",
            wanted="a column of words or sentences",
            fix="Name it with --kind COLUMN=text, or leave --family out.",
        )
    tokenizer = None if pretrained is None else pretrained.tokenizer
    form, notices = fit_text(joined(table, texts), texts, tokenizer=tokenizer, length=settings.window)
    if pretrained is not None and form.length > pretrained.length:
        form = form.model_copy(update={"length": pretrained.length})
    return form, notices


def asked_task(settings: Settings, family: Family, data: DataKind) -> str | None:
    """The kind of task where nothing is to be predicted: the one asked for, or the first the family does.

    None where a target is to be learned.
    """
    kind = asked_kind(settings.task) if settings.task else family.fits[data][0]
    return None if kind in SUPERVISED else kind


def no_labels(table: Table, target: str, rows: str) -> Notice:
    """What is said where some rows have no label, and nothing is to be predicted."""
    gaps = table[target].null_count()
    what = f"{gaps:,} of {table.rows:,} {rows} have no {target!r}: the labels of the others are not used"
    return Notice(what=what, fix="give every one a label to use them", column=target)


def why_asked(settings: Settings, family: Family) -> str:
    """Why it is this task, in words."""
    return (
        "--task asks for it" if settings.task else f"it is what the family {family.name!r} does unless --task says more"
    )


def task_of(
    kind: str,
    values: Mapping[str, np.ndarray],
    cells: Mapping[str, CellType],
    split: Split,
    settings: Settings,
    dimensions: int,
    *,
    classes: bool = False,
) -> tuple[Task, list[Notice]]:
    """The task of this kind, and what was odd about its target or labels; `classes` says that it is one."""
    if kind in SUPERVISED:
        return fit_task(kind, values, cells, split.training, balanced=settings.balanced), []
    label, why = fit_label(values, cells, split.training, sure=classes)
    notices = [Notice(what=f"{next(iter(values))!r} is no input, and is not used as a label: {why}")] if why else []
    size = settings.dimensions or dimensions
    return unsupervised(kind, label, size=size, false_alarms=settings.false_alarms, normal=settings.normal), notices


def encoded_target(task: Task, values: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
    """(N, …) what the network is trained on: encoded targets, class numbers of labels, or zeros."""
    assert isinstance(task, Answering | Labelled)
    return task.encode(values) if task.targets else np.zeros(rows, dtype=np.int64)


def target_values(table: Table, targets: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The raw target values by column: float64, booleans or text."""
    return {name: table[name].to_numpy() for name in targets}


def _read(
    sources: Sources, settings: Settings
) -> tuple[Table, dict[str, CellType], dict[str, np.ndarray], list[Notice]]:
    """One table of all files, its cells read, and which rows came as validation or test rows."""
    main = read(sources.training, query=settings.query)
    types, notices = infer_types(main)
    types = forced_types(types, settings.kinds)
    table, unreadable = read_cells(main, types)
    notices = [*main.notices, *notices, *unreadable]
    given: dict[str, np.ndarray] = {}
    for role, source in (("validation", sources.validation), ("test", sources.test)):
        if source is None:
            continue
        other = read(source)
        absent = [name for name in table.columns if name not in other.columns]
        if absent:
            raise InputError(
                f"The {role} file lacks columns of the training file.",
                got=f"{other.name} without {', '.join(map(repr, absent[:10]))}",
                wanted="the same columns, the target too",
                fix=f"Add them to the file given as --{role}.",
            )
        more, odd = read_cells(other, types)
        given[role] = np.arange(table.rows, table.rows + more.rows)
        table = replace(table, frame=table.frame.vstack(more.frame.select(table.columns)))
        notices += [*other.notices, *odd]
    return table, types, given, notices


def _targets(table: Table, settings: Settings) -> tuple[str, ...]:
    if not settings.target:
        raise InputError(
            "Which column is to be predicted?",
            got=f"{table.name} with the columns {', '.join(table.columns[:20])}",
            wanted="one of them, or several",
            fix=f"For example --target {table.columns[-1]}",
        )
    if ",".join(settings.target) in table.columns:  # one name with a comma in it
        return (",".join(settings.target),)
    for name in settings.target:
        if name not in table.columns:
            raise unknown_column(name, table.columns, "--target")
    return settings.target


def with_targets(
    table: Table, targets: tuple[str, ...], given: dict[str, np.ndarray]
) -> tuple[Table, np.ndarray, dict[str, np.ndarray], list[Notice], np.ndarray]:
    """The rows whose targets are all there and finite, their numbers, where they stood, and a notice of the others.

    Raises InputError where they are too few to learn from.
    """
    known = np.ones(table.rows, dtype=bool)
    for name in targets:
        values = table[name]
        known &= values.is_not_null().to_numpy()
        if values.dtype.is_numeric():
            known &= np.isfinite(values.to_numpy())
    kept = np.flatnonzero(known)
    numbers = np.arange(1, table.rows + 1)
    for rows in given.values():
        numbers[rows] -= rows[0] if len(rows) else 0  # rows of a further file are counted from its own first
    place = np.cumsum(known) - 1
    given = {role: place[rows[known[rows]]] for role, rows in given.items()}
    if len(kept) < FEWEST_ROWS:
        asked = "with a target " if targets else ""
        raise InputError(
            f"Too few rows to learn from: n_samples={len(kept)}.",
            got=f"{len(kept)} sample{'s' * (len(kept) != 1)} (rows) {asked}in {table.name}, of {table.rows}",
            wanted=f"{FEWEST_ROWS} or more; a hundred and more to say how good the network is",
            fix="Give more rows, or look at the target: its empty and infinite values can't be learned from.",
        )
    notices = []
    if len(kept) < table.rows:
        first = ", ".join(map(str, numbers[~known][:5]))
        what = f"{table.rows - len(kept):,} row(s) have an empty or infinite target and are left out (row {first})"
        notices.append(Notice(what=what, fix="fill the target in to use them", column=targets[0]))
    return table.take(kept), numbers[kept], given, notices, kept
