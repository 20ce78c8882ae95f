"""Settings of the networks for texts, and how they follow from the rows."""

from typing import Annotated, Literal

from pydantic import Field

from netwright.core.forms import TextForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Count, Dropout, Penalty, Training
from netwright.families.text.wide import most_grams
from netwright.tasks import Task

BUDGET, FIRST, EACH = 5e12, 1e12, 2e8
"""Multiplications of a whole run, forwards: at most, some five minutes on two slow cores; of few rows, and for each."""
READ = 0.4
"""Tokens of a mean text, as a share of the longest."""
FEWEST_EPOCHS, MOST_EPOCHS = 4, 40
NAMES = 32
"""Tokens of the longest text up to which texts are names, where every one counts."""
MANY = 50_000
"""Rows that need fewer passes, and of which less must be hidden."""
SIZES = ((3, 128), (2, 128), (1, 128), (1, 64), (1, 32))
"""Members and width, from the best to the cheapest: the first that has time for enough epochs is taken."""


class TextConfig(Training):
    """Settings of the families that read texts."""

    members: Count = 3
    """Networks that are trained side by side; their answers are averaged."""
    width: Annotated[int, Field(ge=8, le=4096, multiple_of=8)] = 128
    """Numbers that stand for a token; of recurrent layers half of them for each direction."""
    depth: Count = 1
    """Blocks of the encoder, or recurrent layers."""
    dropout: Dropout = 0.4
    """Share of what is read from a text that is set to zero in training."""
    word_dropout: Dropout = 0.1
    """Share of the tokens that are hidden in training."""
    weight_decay: Penalty = 0.05
    """Decoupled weight decay of AdamW, not of biases and normalisations."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the truth that is spread over all classes."""
    penalty: Penalty | None = None
    """L2 penalty of the linear branch; found on rows left out in turn where None."""
    grams: Annotated[int, Field(ge=0)] = 0
    """N-grams that the linear branch weighs: all there are, or fewer where there are very many classes."""


class BlendConfig(TextConfig):
    """Settings of the family that chooses what reads."""

    reader: Literal["transformer", "gru", "lstm", "rnn"] = "transformer"
    """What reads the tokens: of names recurrent layers, which are best where every letter counts."""


class TextLinearConfig(Record):
    """Settings of the linear branch alone."""

    penalty: Penalty | None = None
    """L2 penalty; found on rows left out in turn where None."""
    grams: Annotated[int, Field(ge=0)] = 0
    """N-grams that are weighed: all there are, or fewer where there are very many classes."""


def form_of(schema: Schema) -> TextForm:
    """How the texts are read."""
    assert isinstance(schema.form, TextForm)
    return schema.form


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> TextConfig:
    """Settings by the number of rows and of tokens in them."""
    length = form_of(schema).length
    tokens = max(1, rows) * max(4.0, READ * length)
    budget = min(BUDGET, FIRST + EACH * rows)
    passes, members, width = 0.0, 1, SIZES[-1][1]
    for members, width in SIZES:
        passes = budget / (3 * tokens * members * (11 * width**2 + width * length))
        if passes >= FEWEST_EPOCHS * (2 if rows < MANY else 1):
            break
    enough = (10 if length <= NAMES else 14) + 6_000 // max(1, rows)
    epochs = max(FEWEST_EPOCHS, min(round(passes), MOST_EPOCHS, enough))
    return TextConfig(
        members=members,
        width=width,
        batch_size=8 if rows < 200 else 16 if rows < 1000 else 32 if rows < 10_000 else 64,
        epochs=epochs,
        patience=epochs,
        dropout=0.4 if rows < MANY else 0.2,
        word_dropout=0.1 if length > NAMES else 0.03,
        learning_rate=(1.5e-3 if width >= 128 else 2e-3) * (2 if length <= NAMES else 1),
        grams=most_grams(len(form_of(schema).grams), task.output_size),
    )


def blend_defaults(rows: int, folds: int, schema: Schema, task: Task) -> BlendConfig:
    """The same, and what reads."""
    reader = "gru" if form_of(schema).length <= NAMES else "transformer"
    return BlendConfig(**defaults(rows, folds, schema, task).model_dump(), reader=reader)


def linear_defaults(rows: int, folds: int, schema: Schema, task: Task) -> TextLinearConfig:
    """Settings of the linear branch alone."""
    return TextLinearConfig(grams=most_grams(len(form_of(schema).grams), task.output_size))
