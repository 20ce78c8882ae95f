"""The first half of a run on texts: files become windows of tokens, divided before a token is counted.

n tokens, L of a window, N windows: row i is the window that begins at token i.
"""

from collections.abc import Sequence

import numpy as np

from netwright.api.rows import Rows, Sources
from netwright.api.session import Watch, nobody
from netwright.artifact.predictor import Predictor
from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.core.notice import Notice
from netwright.core.schema import Schema
from netwright.core.settings import Settings
from netwright.data.corpus.corpus import Corpus
from netwright.data.corpus.parts import TEST_SHARE, Parts, divide, window_for
from netwright.data.corpus.pieces import train_pieces, vocabulary_of
from netwright.data.corpus.read import read_corpus
from netwright.data.corpus.vocabulary import characters_of, level_of, unseen_notice
from netwright.data.corpus.windows import spread, starts_within, tokens_of, windows_of
from netwright.data.encode import parts_encoded
from netwright.data.split import Split
from netwright.families.family import Family
from netwright.tasks.infer import asked_kind
from netwright.tasks.language import Language

LONG = 4
"""Characters of a piece, more or less, while it is not known better."""
MOST_STARTS = 10_000_000
"""Windows that train at most; of a longer text they begin some tokens apart."""
FEWEST_JUDGED, MOST_JUDGED, A_SECOND = 10_000, 100_000, 1500
"""Tokens that validate after each epoch at most, in windows spread evenly; of a time limit so many for each second, so
that looking at them takes little of it, but never fewer than the fewest."""


def gather_corpus(sources: Sources, settings: Settings, family: Family, watch: Watch = nobody) -> Rows:
    """Divide the texts, find the tokens of the training part, and number all of it.

    `sources` hold what `read_corpus` gives or reads. Raises InputError for a text that is too short or says nothing.
    """
    family.configured(settings.config)
    if settings.task:
        _refuse_other_tasks(settings.task)
    read = {
        role: read_corpus(source)
        for role, source in (("training", sources.training), ("validation", sources.validation), ("test", sources.test))
        if source is not None
    }
    main = read["training"]
    level = settings.level or level_of(main.text)
    long = 1 if level == "characters" else LONG
    wanted, asked = settings.window or family.window, settings.window is not None
    window = window_for(len(main.text) // long, wanted, asked=asked)
    parts = _parts(read, settings.held_out(TEST_SHARE), window * long)
    form, notices = _form(parts.training, level, window, main.name)
    tokens = {role: tokens_of(getattr(parts, role), form) for role in ("training", "validation", "test")}
    form = form.model_copy(update={"per_token": len(parts.training) / max(1, len(tokens["training"]))})
    notices += [
        *unseen_notice(tokens["validation"], parts.validation, "part that validates"),
        *unseen_notice(tokens["test"], parts.test, "part held out"),
    ]
    found = [notice for corpus in read.values() for notice in corpus.notices]
    limit = settings.time_limit
    judged = max(FEWEST_JUDGED, min(MOST_JUDGED, round(A_SECOND * limit))) if limit else MOST_JUDGED
    return _rows(list(read.values()), form, list(tokens.values()), parts.reason, (*found, *notices), judged)


def corpus_rows(predictor: Predictor, source: object) -> Rows:
    """Another text as rows that are all held out, in the tokens the network knows; for `netwright evaluate RUN TEXT`.

    Raises InputError for a source that is no text, and for one shorter than a window.
    """
    form = predictor.schema.form
    assert isinstance(form, CorpusForm)
    corpus = read_corpus(source)
    none, tokens = np.zeros(0, dtype=np.int32), tokens_of(corpus.text, form)
    odd = unseen_notice(tokens, corpus.text, "text")
    return _rows([corpus], form, [none, none, tokens], "all of the text is held out", (*corpus.notices, *odd))


def _refuse_other_tasks(task: str) -> None:
    if asked_kind(task) != "language":
        raise InputError(
            "A text can be learned to be continued; it holds nothing else to learn.",
            got=f"--task {task} with a text",
            wanted="--task language, or a table with a column of texts and a --target",
            fix="Leave --task out, or put each text and what is to be told of it in a row of a table.",
        )


def _parts(read: dict[str, Corpus], share: float, window: int) -> Parts:
    """The parts of the training source, and in place of two of them what was given as files of their own."""
    main = read["training"]
    own = "validation" in read, "test" in read
    parts = divide(main.text, main.starts, test_share=share, window=window, own=own)
    given = {role: read[role].text for role in ("validation", "test") if role in read}
    words = [parts.reason, *(f"{read[role].name} {_WORD[role]}" for role in given)]
    values = {"training": parts.training, "validation": parts.validation, "test": parts.test} | given
    return Parts(**values, reason="; ".join(words))


_WORD = {"validation": "validates", "test": "is held out"}


def _form(training: str, level: str, window: int, name: str) -> tuple[CorpusForm, list[Notice]]:
    if len(set(training[:100_000])) < 2 and len(set(training)) < 2:
        raise InputError(
            f"There is nothing to learn in {name}.",
            got=f"the same character, {training[:1]!r}, {len(training):,} times",
            wanted="a text in which something can be foretold, and not all is the same",
            fix="Give another text.",
        )
    if level == "characters":
        vocabulary, notices = characters_of(training)
        return CorpusForm(level="characters", vocabulary=vocabulary, window=window), notices
    tokenizer = train_pieces(training)
    pieces = vocabulary_of(tokenizer)
    return CorpusForm(level="pieces", vocabulary=pieces, tokenizer=tokenizer, window=window), []


def _rows(
    read: Sequence[Corpus],
    form: CorpusForm,
    parts: Sequence[np.ndarray],
    reason: str,
    notices: tuple[Notice, ...],
    judged: int = MOST_JUDGED,
) -> Rows:
    """`parts` are the tokens that train, that validate, `judged` of them after each epoch, and that are held out."""
    ends = np.cumsum([0, *map(len, parts)])
    every = max(1, len(parts[0]) // MOST_STARTS)
    spans = list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
    starts = [
        starts_within(begin, end, form.window, apart=apart)
        for (begin, end), apart in zip(spans, (every, form.window, form.window), strict=True)
    ]
    for part, found, word in zip(parts, starts, ("trains", "validates", "is held out"), strict=True):
        if len(part) and not len(found):
            raise InputError(
                f"The text that {word} is shorter than a window.",
                got=f"{len(part):,} {form.level}",
                wanted=f"{form.window + 1:,} or more",
                fix="Give a longer text, or train with a smaller --window.",
            )
    every_one = len(starts[1])
    starts[1] = spread(starts[1], max(1, judged // form.window))
    if len(starts[1]) < every_one:
        reason += f" ({len(starts[1]):,} of {every_one:,} windows that validate, spread evenly)"
    windows, further = windows_of(np.concatenate(parts), form.window)
    table = read[0].table
    for corpus in read[1:]:
        table = table.beneath(corpus.table)
    return Rows(
        table=table,
        numbers=np.arange(1, table.rows + 1),
        task=Language(level=form.level, tokens=len(form.vocabulary)),  # type: ignore[bad-argument-type]
        task_why="a text is learned to be continued",
        schema=Schema(columns=(), form=form),
        split=Split(training=starts[0], folds=(starts[1],) if len(starts[1]) else (), test=starts[2], reason=reason),
        encoded=parts_encoded(windows),
        target=further,
        notices=notices,
        told=f"{reason}; read {form.window} {form.level} at a time",
    )
