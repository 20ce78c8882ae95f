"""The families that learn to continue a text: transformer, lstm, gru, rnn."""

from types import ModuleType

from torch import nn

from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.language.config import GPTConfig, LanguageConfig, RecurrentLanguageConfig, for_text
from netwright.families.language.model import LanguageModel
from netwright.families.language.prior import Prior
from netwright.families.language.recurrent import RecurrentReader
from netwright.families.language.training import finish, judge, phases, prepare
from netwright.families.recurrent.body import NAMES, Kind
from netwright.families.transformer.decoder import Decoder
from netwright.tasks import Task
from netwright.tasks.language import Language

WINDOW = 256
"""Tokens that are read before each that is foretold, where nobody says how many."""


def build_gpt(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """A decoder for this vocabulary and window."""
    assert isinstance(config, GPTConfig) and isinstance(schema.form, CorpusForm)
    refuse_other_tokens(schema.form, task)
    decoder = Decoder(
        task.output_size,
        config.hidden_size,
        heads=config.num_heads,
        layers=config.num_layers,
        window=schema.form.window,
        dropout=config.dropout,
        namespace=layers,
    )
    return LanguageModel(decoder, config.hidden_size, prior_for(config, schema, task), layers)


def gpt_defaults(rows: int, folds: int, schema: Schema, task: Task) -> GPTConfig:
    """Settings by the length of the text."""
    return GPTConfig(**for_text(rows, schema))


def prior_for(config: LanguageConfig, schema: Schema, task: Task) -> Prior | None:
    """The prior, or None where it has no orders."""
    assert isinstance(schema.form, CorpusForm)
    if not config.orders:
        return None
    return Prior(task.output_size, orders=config.orders, places=config.places, window=schema.form.window)


def refuse_other_tokens(form: CorpusForm, task: Task) -> None:
    """Raise InputError where the task is of other tokens than the text is made of."""
    assert isinstance(task, Language)
    if (task.level, task.tokens) != (form.level, len(form.vocabulary)):
        raise InputError(
            "The text is made of other tokens than the network is to foretell.",
            got=f"{len(form.vocabulary):,} {form.level} in the text, {task.tokens:,} {task.level} in the task",
            wanted="as many of the one as of the other",
            fix=f"Language(level={form.level!r}, tokens={len(form.vocabulary)})",
        )


def recurrent_family(kind: Kind) -> Family:
    """The family of this kind of recurrent network."""

    def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
        assert isinstance(config, RecurrentLanguageConfig) and isinstance(schema.form, CorpusForm)
        refuse_other_tokens(schema.form, task)
        reader = RecurrentReader(
            kind,
            task.output_size,
            config.hidden_size,
            layers=config.num_layers,
            dropout=config.dropout,
            namespace=layers,
        )
        return LanguageModel(reader, config.hidden_size, prior_for(config, schema, task), layers)

    def defaults(rows: int, folds: int, schema: Schema, task: Task) -> RecurrentLanguageConfig:
        return RecurrentLanguageConfig(**for_text(rows, schema))

    return Family(
        name=kind,
        phrase=f"{'a' if kind == 'gru' else 'an'} {NAMES[kind]} that continues a text, beside counted n-grams",
        config=RecurrentLanguageConfig,
        defaults=defaults,
        build=build,
        prepare=prepare,
        phases=phases,
        finish=finish,
        judge=judge,
        fits={"corpus": ("language",)},
        window=WINDOW,
    )


GPT = Family(
    name="transformer",
    phrase="a small GPT that continues a text, beside counted n-grams",
    config=GPTConfig,
    defaults=gpt_defaults,
    build=build_gpt,
    prepare=prepare,
    phases=phases,
    finish=finish,
    judge=judge,
    fits={"corpus": ("language",)},
    window=WINDOW,
)
LSTM, GRU, RNN = recurrent_family("lstm"), recurrent_family("gru"), recurrent_family("rnn")
