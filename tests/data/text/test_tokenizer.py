import json
import sys

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.text import tokenizer as module
from netwright.data.text.tokenizer import clean, load_tokenizer, pieces_in, tokens_of, train_tokenizer

TEXTS = [
    "the quick brown fox",
    "the lazy dog",
    "the quick dog",
    "שלום עולם",
    "你好，世界",
    "これは本です",
    "naïve café",
] * 8


@pytest.fixture(scope="module")
def written() -> str:
    return train_tokenizer(TEXTS)


def told(written: str, text: str) -> str:
    """A text back from its tokens."""
    loaded = load_tokenizer(written)
    pieces = [loaded.id_to_token(int(i)) for i in tokens_of(loaded, [text], 1000)[0][0] if i]
    data = b"".join(bytes([int(piece[3:5], 16)]) if piece.startswith("<0x") else piece.encode() for piece in pieces)
    return data.decode().replace("▁", " ").strip()


@pytest.mark.parametrize("text", [*TEXTS[:7], "عربي", "한국어", "🙂👍🏽 ok", "ꙮ", "a\u0000b", "<0x41> [PAD] [UNK]"])
def test_no_text_is_unreadable(written: str, text: str):
    assert told(written, text) == load_tokenizer(written).normalizer.normalize_str(text)


def test_frequent_words_are_one_piece_and_training_is_the_same_each_time(written: str):
    loaded = load_tokenizer(written)
    assert tokens_of(loaded, ["The QUICK dog"], 10)[1].tolist() == [3]
    assert train_tokenizer(TEXTS) == written
    assert pieces_in(loaded) > 256 and loaded.token_to_id("[PAD]") == 0


def test_pieces_of_names_are_near_letters():
    names = [f"{a}{b}" for a in ("smith", "kowal", "petr", "mac") for b in ("son", "ski", "ov", "")] * 4
    loaded = load_tokenizer(train_tokenizer(names))
    assert pieces_in(loaded) <= 258 + len(set("".join(names))) + 1


def test_rows_are_padded_cut_and_never_empty(written: str):
    loaded = load_tokenizer(written)
    texts = ["", "  \n", "dog", "the quick brown fox " * 50, "\udc80 lone"]
    tokens, lengths, cut = tokens_of(loaded, texts, 8)
    assert tokens.shape == (5, 8) and tokens.dtype == np.int32
    assert lengths.tolist()[:4] == [1, 1, 1, 8] and cut.tolist() == [False, False, False, True, False]
    assert (tokens[:2, 0] == 1).all() and np.array_equal(tokens > 0, np.arange(8) < lengths[:, None])
    assert tokens_of(loaded, [], 8)[0].shape == (0, 1)
    exact = tokens_of(loaded, ["the quick dog"], 3)
    assert exact[1].tolist() == [3] and not exact[2][0]


def test_a_text_of_one_long_line_takes_no_time(written: str):
    tokens, _, cut = tokens_of(load_tokenizer(written), ["x" * 1_000_000, "dog " * 250_000], 16)
    assert tokens.shape == (2, 16) and cut.all()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {"type": "none"}}'])
def test_what_is_no_tokenizer_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="no tokenizer"):
        load_tokenizer(text)
    monkeypatch.setattr(module, "LONGEST_FILE", 10)
    with pytest.raises(ValueError, match="at most"):
        load_tokenizer("x" * 11)


def one(model: dict, **parts: dict) -> str:
    none = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    return json.dumps({"version": "1.0", "added_tokens": [], **none, "model": model, **parts})


KNOWN = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
SECOND = {"single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [], "special_tokens": {}}


@pytest.mark.parametrize(
    "text",
    [
        one({"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "[UNK]"}),
        one({"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None}),
        one({**KNOWN, "vocab": {"[UNK]": 0, "a": 4_000_000_000}}),
        one(KNOWN, post_processor={"type": "BertProcessing", "sep": ["[SEP]", 2**32 - 1], "cls": ["[CLS]", 7]}),
        one(KNOWN, normalizer={"type": "Precompiled", "precompiled_charsmap": ""}),
        one(KNOWN, normalizer={"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8="}),
        one(KNOWN, post_processor={"type": "TemplateProcessing", **SECOND}),
    ],
    ids=["no unknown", "no unknown of unigrams", "huge", "huge beside", "panic at load", "panic at a text", "panic"],
)
def test_what_would_fail_at_a_text_is_refused_at_once(text: str):
    assert load_tokenizer(one(KNOWN)).encode("a").ids == [0]
    with pytest.raises(ValueError, match="no tokenizer"):
        load_tokenizer(text)


def test_a_panic_at_a_text_is_a_value_error_and_a_stop_is_a_stop(written: str):
    class Panic(BaseException): ...

    class Broken:
        no_truncation = enable_truncation = print

        def __init__(self, error: BaseException):
            self.error = error

        def encode_batch_fast(self, texts: list[str]):
            raise self.error

    for error in (Panic("it\nbroke"), Panic(), OverflowError("big")):
        with pytest.raises(ValueError, match=r"no tokenizer: (it$|Panic|big)"):
            tokens_of(Broken(error), ["a"], 4)
    for error in (KeyboardInterrupt(), SystemExit(1)):
        with pytest.raises(type(error)):
            tokens_of(Broken(error), ["a"], 4)


def test_batches_of_few_letters_change_nothing(written: str, monkeypatch: pytest.MonkeyPatch):
    loaded = load_tokenizer(written)
    whole = tokens_of(loaded, [*TEXTS, ""], 3)
    monkeypatch.setattr(module, "LETTERS_AT_ONCE", 20)
    assert all(np.array_equal(a, b) for a, b in zip(whole, tokens_of(loaded, [*TEXTS, ""], 3), strict=True))
    for text in ("", " a  b ", "a" * 9, " a \t b  c d e f g ", "\udc80b"):
        for letters in range(1, 12):
            slow = " ".join(text.split()).encode("utf-8", errors="replace").decode()
            assert clean(text, letters) == slow[:letters]


def test_no_more_letters_are_read_at_once_than_are_wanted(written: str, monkeypatch: pytest.MonkeyPatch):
    loaded, seen = load_tokenizer(written), []

    class Watched:
        enable_truncation, no_truncation = loaded.enable_truncation, loaded.no_truncation

        def encode_batch_fast(self, texts: list[str]):
            seen.append(list(map(len, texts)))
            return loaded.encode_batch_fast(texts)

    monkeypatch.setattr(module, "LETTERS_AT_ONCE", 1_000)
    tokens, _, cut = tokens_of(Watched(), ["dog " * 20_000] * 40, 4)
    assert tokens.shape == (40, 4) and cut.all()
    assert max(map(max, seen)) == module.SPARE * 5 and max(map(sum, seen)) < 1_100 and sum(map(len, seen)) == 40


def test_a_text_cut_before_it_is_read_is_told():
    loaded = load_tokenizer(one(KNOWN))  # one word, however long, is one token
    _, lengths, cut = tokens_of(loaded, ["x" * 1000, "x"], 4)
    assert lengths.tolist() == [1, 1] and cut.tolist() == [True, False]


def test_without_the_library_the_mend_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(InputError, match=r"netwright\[text\]"):
        train_tokenizer(TEXTS)
