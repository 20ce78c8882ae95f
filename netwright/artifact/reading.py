"""New data as a trained network needs it: read again as the data it was trained on was."""

from netwright.core.errors import InputError
from netwright.core.forms import SequenceForm
from netwright.core.schema import Schema
from netwright.data.corpus.corpus import Corpus
from netwright.data.corpus.read import holds_corpus, read_corpus
from netwright.data.opening import open_source
from netwright.data.pictures.album import Album
from netwright.data.pictures.read import holds_pictures
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.conform import conform_sequences
from netwright.data.sequences.read import holds_sequences
from netwright.data.sources.read import as_written, read
from netwright.data.table import Table, series_of, table_of
from netwright.data.text.folder import holds_texts, read_texts
from netwright.tasks import Task

Raw = Table | Album | Sequences | Corpus
"""Rows that a network can be asked about."""


def raw_rows(schema: Schema, task: Task, source: object, *, query: str | None = None, written: bool = False) -> Raw:
    """The source as the network needs it; with `written` the cells of a table are left as they are in a file.

    Raises InputError for data of another kind.
    """
    match schema.data:
        case "image":
            return _pictures(task, source, query)
        case "corpus":
            return read_corpus(source)
        case "sequence":
            assert isinstance(schema.form, SequenceForm)
            if (one := _one_sequence(source, len(schema.form.channels), schema.form.length)) is not None:
                source = one
            table = not (holds_sequences(source) or holds_pictures(source) or isinstance(source, list | tuple))
            rows = read(source, query=query) if table else source
            beside = [column.name for column in schema.columns]
            return conform_sequences(schema.form, rows, target=task.targets, beside=beside)
        case "text" if holds_texts(source, lines=True):
            return read_texts(source)
        case "text" if len(schema.texts) == 1 and holds_corpus(source):
            texts = read_corpus(source)
            columns = [series_of("file", list(texts.names)), series_of(schema.texts[0].name, list(texts.texts))]
            return table_of(columns, texts.name, texts.notices)
    return as_written(source, query=query) if written else read(source, query=query)


def _one_sequence(source: object, channels: int, length: int) -> list[object] | None:
    """A list of the one sequence that an array (T,) or (T, C) is; None where it is several, or none."""
    shape = getattr(source, "shape", ())
    alone = len(shape) == 1 or (len(shape) == 2 and shape[1] == channels < length)
    return [source] if alone and not hasattr(source, "columns") else None


def _pictures(task: Task, source: object, query: str | None) -> Album:
    album = open_source(source, query=query, target=task.targets, pixels=True, sure=True)
    if isinstance(album, Album):
        return album
    raise InputError(
        "This network sees pictures.",
        got=f"{album.name}, a table with the columns {', '.join(album.columns[:10])}",
        wanted="a picture, a folder of pictures, a table with a column of their paths, or an array",
        fix="Give one of these.",
    )
