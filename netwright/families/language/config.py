"""The dials of a language model, and how they follow from the size of the text.

N tokens of the training text, V vocabulary, S places of the prior's table.
"""

import math
from typing import Any

from pydantic import Field

from netwright.core.forms import CorpusForm
from netwright.core.schema import Schema
from netwright.families.family import Dropout, Penalty, Training

BUDGET = 4_500_000
"""Tokens that a run reads where nobody says how long: some eight minutes on one slow core."""
MOST_EPOCHS = 16
EPOCH = 1_000_000
"""Tokens an epoch has at most."""
FEWEST, MOST = 512, 2048
"""Tokens of a step."""
LONG = 300_000
"""Tokens from which on a run reads none so often that dropout would help."""
SMALLEST, LARGEST = 10, 18
"""Of the table, as powers of two."""
TABLE_BYTES = 2**24
LARGEST_VOCABULARY = 600
"""Different tokens above which there is no prior: each of its places holds one number for each of them."""


class LanguageConfig(Training):
    """Settings of every language model."""

    hidden_size: int = Field(default=128, ge=1, le=16_384)
    """Numbers a token is to the network."""
    num_layers: int = Field(default=4, ge=1, le=1000)
    dropout: Dropout = 0.1
    """Share of what each layer adds that is set to zero in training."""
    orders: int = Field(default=5, ge=0, le=16)
    """Tokens of the longest context that is counted; 0 for a network alone."""
    places: int = Field(default=2**17, ge=1, le=2**26)
    """Contexts there is room for."""
    counted: int = Field(default=2_000_000, ge=1, le=2**40)
    """Tokens of the training text that are counted at most; of a longer text windows spread evenly."""
    weight_decay: Penalty = 0.0
    """Decoupled weight decay of the matrices between layers."""
    table_rate: float = Field(default=0.01, gt=0)
    """Learning rate of what is no matrix between layers: embeddings, head, and the little there is in the prior."""


class GPTConfig(LanguageConfig):
    """Settings of the transformer family for texts to be continued."""

    num_heads: int = Field(default=4, ge=1, le=1024)
    learning_rate: float = Field(default=0.02, gt=0)
    """Of Muon, for the matrices of the blocks."""


class RecurrentLanguageConfig(LanguageConfig):
    """Settings of the lstm, gru and rnn families for texts to be continued."""

    hidden_size: int = Field(default=256, ge=1, le=16_384)
    num_layers: int = Field(default=1, ge=1, le=1000)
    learning_rate: float = Field(default=4e-3, gt=0)
    """Of AdamW."""


def for_text(rows: int, schema: Schema) -> dict[str, Any]:
    """The settings that follow from the windows that train, about as many as tokens, and from the vocabulary."""
    form = schema.form
    assert isinstance(form, CorpusForm)
    vocabulary = len(form.vocabulary)
    room = math.log2(TABLE_BYTES / vocabulary)
    wanted = math.log2(max(rows, 2))
    return {
        "batch_size": max(1, max(FEWEST, min(MOST, rows // 32)) // form.window),
        "epochs": max(1, min(MOST_EPOCHS, BUDGET // max(1, min(rows, EPOCH)))),
        "patience": 6,
        "dropout": 0.1 if rows < LONG else 0.0,
        "orders": (7 if rows < LONG else 6) if vocabulary <= LARGEST_VOCABULARY else 0,
        "places": 2 ** round(max(SMALLEST, min(LARGEST, room, wanted))),
    }
