"""A small language model and text for the tests."""

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.forms import CorpusForm
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.language.model import LanguageModel
from netwright.tasks.language import Language

WORDS = ["to be", " or not", " to be", " that is", " the question", "\n"]
LETTERS = sorted({*"".join(WORDS)})
VOCABULARY = ("", *LETTERS)
WINDOW = 16
SCHEMA = Schema(columns=(), form=CorpusForm(level="characters", vocabulary=VOCABULARY, window=WINDOW))
TASK = Language(level="characters", tokens=len(VOCABULARY))


def text(words: int, seed: int = 0) -> Tensor:
    """Words drawn at random, as the numbers of their letters."""
    chosen = torch.randint(0, len(WORDS), (words,), generator=torch.Generator().manual_seed(seed))
    return torch.tensor([VOCABULARY.index(letter) for i in chosen.tolist() for letter in WORDS[i]])


def windows(tokens: Tensor, apart: int = WINDOW) -> Batch:
    """Windows of the text and what follows each of their tokens."""
    start = torch.arange(0, len(tokens) - WINDOW, apart)[:, None]
    inputs, target = tokens[start + torch.arange(WINDOW)], tokens[start + torch.arange(1, WINDOW + 1)]
    return Batch(inputs=(inputs.int(),), target=target, fold=torch.full((len(start),), -1))


TRAINING, VALIDATION = windows(text(400)), windows(text(60, seed=1))


def built(family: Family, **values: object) -> tuple[LanguageModel, object]:
    """A prepared model of this family, and its settings."""
    torch.manual_seed(0)
    defaults = family.defaults(len(TRAINING), 1, SCHEMA, TASK).model_dump()
    config = family.configured(defaults | {"hidden_size": 16, "orders": 3} | values)
    module = family.build(config, SCHEMA, TASK, nn)
    assert isinstance(module, LanguageModel) and family.prepare is not None
    family.prepare(module, config, TASK, TRAINING, VALIDATION)
    return module, config
