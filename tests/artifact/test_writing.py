"""Text from a language model: the same with a memory as without, drawn as was asked for."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from netwright.artifact.writing import _characters, _tokens, prompt_tokens, write, writer_form
from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.data.corpus.pieces import letters, train_pieces, vocabulary_of
from netwright.tasks import Reduction
from tests.artifact.writer import FORM, Forgetful, Writer

WRITER = Writer(len(FORM.vocabulary))


def text(module: nn.Module = WRITER, form: CorpusForm = FORM, prompt: str = "to be", **asked: object) -> str:
    return "".join(write(module, form, prompt, **{"length": 40, **asked}))  # type: ignore[arg-type]


def test_a_memory_changes_nothing():
    assert text() == text(Forgetful(WRITER)) and len(text()) == 40


def test_the_seed_decides():
    assert text(seed=1) == text(seed=1) != text(seed=2)
    assert text(temperature=0, seed=1) == text(temperature=0, seed=2) == text(top_k=1)


def test_it_comes_piece_by_piece():
    stream = write(WRITER, FORM, "to", length=10**9)
    assert isinstance(stream, Iterator) and len("".join(next(stream) for _ in range(5))) == 5


def test_more_than_a_window_is_written():
    short = FORM.model_copy(update={"window": 4})
    assert len(text(form=short, length=30)) == len(text(Forgetful(WRITER), short, length=30)) == 30


@pytest.mark.parametrize(
    ("asked", "mend"),
    [
        ({"length": 0}, "--length 0"),
        ({"temperature": -1.0}, "--temperature -1"),
        ({"temperature": math.nan}, "--temperature nan"),
        ({"top_k": 0}, "--top-k 0"),
        ({"top_p": 0.0}, "--top-p 0.0"),
        ({"top_p": 1.5}, "--top-p 1.5"),
    ],
)
def test_numbers_out_of_bounds(asked: dict[str, object], mend: str):
    with pytest.raises(InputError, match=mend):
        write(WRITER, FORM, "to be", **asked)  # type: ignore[arg-type]


def test_what_the_prompt_holds_is_told():
    tokens, (notice,) = prompt_tokens(FORM, "zo bé")
    assert tokens == prompt_tokens(FORM, "o b")[0] and "2 character(s)" in notice.what and "'z', 'é'" in notice.what
    long = FORM.model_copy(update={"window": 3})
    tokens, (notice,) = prompt_tokens(long, "to be or")
    assert tokens == prompt_tokens(long, " or")[0] and "sees the last 3" in notice.what


def test_an_empty_prompt_begins_a_line():
    line = FORM.vocabulary.index("\n")
    assert prompt_tokens(FORM, "") == ([line], []) and prompt_tokens(FORM, "\r\n") == ([line], [])
    assert prompt_tokens(FORM, "é")[0] == [line] and len(text(prompt="")) == 40
    assert prompt_tokens(CorpusForm(level="characters", vocabulary=("�", "a"), window=4), "")[0] == [1]


class Spelling(nn.Module):
    """Foretells one token after another in a fixed order, whatever came before."""

    def __init__(self, tokens: list[int], vocabulary: int) -> None:
        super().__init__()
        self.order, self.vocabulary, self.at = tokens, vocabulary, 0

    def forward(self, tokens: Tensor) -> Tensor:
        """(1, T) → (1, T, V)."""
        logits = torch.zeros(1, tokens.shape[1], self.vocabulary)
        logits[..., self.order[self.at % len(self.order)]] = 99
        self.at += 1
        return logits


def test_a_character_in_several_pieces_comes_whole():
    pytest.importorskip("tokenizers")
    letter = {byte: name for name, byte in letters().items()}
    form = CorpusForm(level="pieces", vocabulary=("�", *letters()), tokenizer=train_pieces("a b c"), window=4)
    order = [form.vocabulary.index(letter[byte], 1) for byte in "né😀\n".encode()]
    module = Spelling(order, len(form.vocabulary))
    assert list(write(module, form, "", length=7)) == ["n", "é", "😀", "\n", "n", "é", "😀"]


def test_others_do_not_write():
    assert writer_form(Reduction(size=2), FORM) is FORM
    with pytest.raises(InputError, match="writes no text"):
        writer_form(Reduction(size=2), None)


def test_a_network_without_characters_is_told():
    module = Spelling([1], 3)
    for form in (
        CorpusForm(level="pieces", vocabulary=("�", "日", "本"), tokenizer="", window=4),
        CorpusForm(level="pieces", vocabulary=("�", "", ""), tokenizer="", window=4),
    ):
        with pytest.raises(InputError, match="writes no characters"):
            list(_characters(form, _tokens(module, form, [1], lambda logits: int(logits.argmax())), 5))


def test_half_letters_are_read_as_question_marks():
    """What a command line gives of bytes that are no UTF-8."""
    tokens, (half, unseen) = prompt_tokens(FORM, "to\udcff be")
    assert tokens == prompt_tokens(FORM, "to be")[0] and "1 byte(s)" in half.what and "'?'" in unseen.what
    pytest.importorskip("tokenizers")
    tokenizer = train_pieces("a b? c")
    form = CorpusForm(level="pieces", vocabulary=vocabulary_of(tokenizer), tokenizer=tokenizer, window=8)
    tokens, (half,) = prompt_tokens(form, "a\udcffb")
    assert tokens == prompt_tokens(form, "a?b")[0] and "no UTF-8" in half.what
