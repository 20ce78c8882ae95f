"""What a source holds: a table, texts, pictures, sequences, series, or one long text; and the family that suits it."""

from collections.abc import Mapping
from dataclasses import replace

from netwright.api.rows import Sources, texts_of
from netwright.core.errors import InputError
from netwright.core.schema import DataKind
from netwright.core.settings import Settings
from netwright.data.corpus.corpus import Corpus
from netwright.data.corpus.read import holds_corpus, read_corpus
from netwright.data.opening import open_source
from netwright.data.pictures.album import Album
from netwright.data.pictures.read import holds_pictures
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.long import from_long
from netwright.data.sequences.read import holds_sequences, may_be_sequences, read_sequences
from netwright.data.sequences.wide import from_wide
from netwright.data.table import Table
from netwright.data.text.folder import holds_texts, read_texts
from netwright.families.family import Family
from netwright.families.registry import DATA, FAMILIES, fits, fitting, takes
from netwright.tasks.infer import asked_kind

Opened = Table | Album | Sequences | Corpus
"""What a source is once it is read."""


def opened(sources: Sources, settings: Settings) -> tuple[Sources, DataKind, Family]:
    """The sources, each read, though nothing is decoded or measured; the kind of data; and the family that suits it.

    Raises InputError for what is none of these, and where data, family and task don't fit together.
    """
    kind = asked_kind(settings.task) if settings.task else "forecasting" if settings.horizon else None
    possible = _possible(settings.family, kind)
    training = _open(sources.training, settings, possible, query=settings.query)
    data = _kind_of(training, settings, possible)
    training = _as(data, training, settings)
    others: dict[str, Opened] = {}
    for role, source in (("validation", sources.validation), ("test", sources.test)):
        if source is None:
            continue
        others[role] = _as(data, _open(source, settings, frozenset({data}), query=None), settings, training)
        if type(others[role]) is not type(training):
            raise InputError(
                f"The {role} source is of another kind than the training source.",
                got=WORDS[type(others[role])],
                wanted=DATA[data],
                fix=f"Give --{role} in the form of the training source.",
            )
    return replace(sources, training=training, **others), data, fitting(settings.family, data, kind)


WORDS: Mapping[type, str] = {Table: "a table", Album: "pictures", Sequences: "sequences", Corpus: "a text"}


NARROW = 2
"""Numbers that the last axis of an array has at most that can't be a picture's: those have 3 colours, or are wider."""
OWN: Mapping[type, DataKind] = {Album: "image", Sequences: "sequence", Corpus: "corpus"}
"""What can be taken for one kind of data alone."""


def _possible(family: str | None, kind: str | None) -> frozenset[DataKind]:
    """The kinds of data that the family and the task asked for allow; those of the family where none would be left."""
    able = frozenset(takes(family) if family is not None else DATA)
    named = [f for f in FAMILIES if family is None or f.name == family]
    return frozenset(data for data in able if any(fits(f, data, kind) for f in named)) or able


def _open(source: object, settings: Settings, possible: frozenset[DataKind], *, query: str | None) -> Opened:
    """One source, as what it is by itself. A source of texts, one in each file or line, is a table."""
    if isinstance(source, Corpus | Sequences | Album):
        return source
    arrays = "image" not in possible and holds_pictures(source)  # of three dimensions, and not to be seen
    alone = not possible & {"table", "image"} and may_be_sequences(source)
    if "sequence" in possible and (arrays or alone or holds_sequences(source) or _narrow(source)):
        return read_sequences(source, target=settings.target[0] if settings.target else None)
    seen = "image" in possible and holds_pictures(source)
    if "text" in possible and not seen and holds_texts(source, lines=bool(settings.target)):
        return read_texts(source)
    if "corpus" in possible and not settings.target and holds_corpus(source):
        return read_corpus(source)
    images, alone = "image" in possible, settings.family is not None and possible == {"image"}
    return open_source(
        source,
        query=query,
        target=settings.target,
        sees=images,
        pixels=images and settings.family is not None,
        called=images and not alone,
        sure=alone,
        exclude=settings.exclude,
    )


def _narrow(source: object) -> bool:
    """Whether these are arrays too narrow to be pictures: (N, T, C), or a list of (T, C), of a few channels C."""
    values = source[0] if isinstance(source, tuple) and len(source) == 2 else source
    some = list(values[:50]) if isinstance(values, list) else [values]
    shapes = [tuple(getattr(value, "shape", ())) for value in some]
    dimensions = 2 if isinstance(values, list) else 3
    return bool(shapes) and all(len(shape) == dimensions and 0 < shape[-1] <= NARROW for shape in shapes)


def _kind_of(source: Opened, settings: Settings, possible: frozenset[DataKind]) -> DataKind:
    """What the source is taken for, given what is possible."""
    if not isinstance(source, Table):
        return OWN[type(source)]
    if "series" in possible and (settings.horizon or possible == {"series"}):
        return "series"
    if "sequence" in possible and settings.id is not None:
        return "sequence"
    if "text" in possible and texts_of(source, settings, sure="table" not in possible):
        return "text"
    return "sequence" if "table" not in possible and "sequence" in possible else "table"


def _as(data: DataKind, source: Opened, settings: Settings, training: Opened | None = None) -> Opened:
    """A table of steps, or of rows that are sequences, as sequences; its steps, or channels, those of `training`."""
    if data != "sequence" or not isinstance(source, Table):
        return source
    target, exclude, beside = settings.target, settings.exclude, [settings.group] if settings.group else []
    steps, channels = (training.steps, training.channels) if isinstance(training, Sequences) else ((), ())
    if settings.id is None:
        return from_wide(source, target, exclude, beside, steps=steps)
    return from_long(
        source, id=settings.id, order=settings.time, target=target, exclude=exclude, beside=beside, channels=channels
    )
