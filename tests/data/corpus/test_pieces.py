"""Byte-pair pieces: any text can be written with them."""

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.data.corpus.pieces import STRETCH, bytes_of, letters, stretches, train_pieces, vocabulary_of
from netwright.data.corpus.windows import text_of, tokens_of

pytest.importorskip("tokenizers")
TEXT = "The wind was in the trees, and the trees were in the wind.\n\n" * 20
TOKENIZER = train_pieces(TEXT)
FORM = CorpusForm(level="pieces", vocabulary=vocabulary_of(TOKENIZER), tokenizer=TOKENIZER, window=8)


def test_frequent_words_are_pieces():
    tokens = tokens_of(TEXT, FORM)
    assert len(FORM.vocabulary) < 400 and "Ġtrees" in FORM.vocabulary and len(tokens) < len(TEXT) / 3


@given(st.text(max_size=60))
@profile(max_examples=60)
def test_there_and_back(text: str):
    tokens = tokens_of(text, FORM)
    assert text_of(tokens, FORM) == text and (tokens > 0).all()


def test_every_byte_has_a_letter():
    assert sorted(letters().values()) == list(range(256)) and bytes_of("Ċ") == b"\n" and bytes_of("�") == b""


@pytest.mark.parametrize(
    "text", ["word " * 50_000, "x" * (2 * STRETCH + 5), "line\n" * 50_000, "", "a\n" + "語" * STRETCH]
)
def test_stretches_make_the_text(text: str):
    found = list(stretches(text))
    assert "".join(found) == text and all(0 < len(part) <= STRETCH for part in found)


def test_a_tokenizer_of_other_pieces_is_refused():
    other = FORM.model_copy(update={"vocabulary": FORM.vocabulary[:40]})
    with pytest.raises(InputError, match="not the one"):
        tokens_of(TEXT, other)


def test_half_letters_are_pieces_too():
    assert tokens_of("a\udcffb", FORM).tolist() == tokens_of("a?b", FORM).tolist()
