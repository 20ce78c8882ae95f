import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.text import ngrams
from netwright.data.text.ngrams import (
    LETTERS,
    PAIR,
    SINGLE,
    WORD,
    counted,
    fit_grams,
    gram_rows,
    hashes_of,
    most_in_row,
    plain,
)

TEXTS = st.lists(st.text("ab Éß.!\0\t\n漢字🙂éשל", max_size=12), min_size=1, max_size=6)
SIZE = 2**64


def mixed(value: int, kind: int) -> int:
    for shift in (32, 29):
        value = ((value ^ (value >> shift)) * int(ngrams.FACTOR)) % SIZE
    return (value >> 35) << 3 | kind


def slow_words(text: str) -> list[str]:
    """The words of a plain text, letter by letter."""
    words, last = [], 0
    for letter in text:
        kind = 0 if letter in " \0" else ngrams._kind(ord(letter))
        if kind == 1 and last == 1:
            words[-1] += letter
        elif kind:
            words.append(letter)
        last = kind
    return words


def slow(text: str) -> dict[int, int]:
    """The n-grams of one text and how often each is there, by the definition."""
    text = plain(text).replace("\0", " ")
    found: dict[int, int] = {}

    def add(value: int, kind: int) -> None:
        key = mixed(value % SIZE, kind)
        found[key] = found.get(key, 0) + 1

    for kind in LETTERS:
        n = 1 if kind == SINGLE else kind
        for i in range(len(text) - n + 1):
            if n == 1 and text[i] == " ":
                continue
            value = 0
            for letter in text[i : i + n]:
                value = value * int(ngrams.FACTOR) + ord(letter)
            add(value, kind)
    sums = [
        sum((ord(letter) + 1) * pow(int(ngrams.FACTOR), i, SIZE) for i, letter in enumerate(word)) % SIZE
        for word in slow_words(text)
    ]
    for value in sums:
        add(value, WORD)
    for first, second in pairwise(sums):
        add(first * int(ngrams.FACTOR) + second, PAIR)
    return found


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_hashes_are_those_of_a_slow_reference(texts: list[str]):
    ((start, found),) = counted(texts)
    assert start == 0
    for i, text in enumerate(texts):
        mine = found.text == i
        assert dict(zip(found.gram[mine].tolist(), found.count[mine].tolist(), strict=True)) == slow(text)


@given(TEXTS)
@settings(max_examples=40, deadline=None)
def test_chunks_change_nothing(texts: list[str]):
    whole = fit_grams(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "AT_ONCE", 5)
        parts = fit_grams(texts)
        assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
        rows = gram_rows(texts, *parts, 1024)
    assert all(np.array_equal(a, b) for a, b in zip(gram_rows(texts, *whole, 1024), rows, strict=True))


def test_a_row_does_not_depend_on_the_others():
    texts = ["the cat sat", "a dog", "", "the dog and the cat"]
    grams, rarity = fit_grams(texts)
    numbers, weights, many, cut = gram_rows(texts, grams, rarity, 1024)
    assert cut == 0 and many.tolist() == (numbers > 0).sum(1).tolist() and many[2] == 0
    for i, text in enumerate(texts):
        own = gram_rows([text], grams, rarity, 1024)
        assert np.array_equal(own[0][0], numbers[i, : many[i]]) and np.allclose(own[1][0], weights[i, : many[i]])
    assert np.allclose(np.square(weights).sum(1), [1, 1, 0, 1])


def test_only_what_is_in_two_texts_is_kept_and_the_most_frequent(monkeypatch: pytest.MonkeyPatch):
    texts = ["red apple", "red pear", "red plum plum"]
    grams, rarity = fit_grams(texts)
    red, plum = hashes_of(["red", "plum"], whole=True)
    assert red in grams and plum not in grams and np.all(np.diff(grams.astype(np.int64)) > 0)
    assert rarity[np.searchsorted(grams, red)] == pytest.approx(1.0)
    assert rarity[np.searchsorted(grams, hashes_of([" p"], whole=False)[0])] == pytest.approx(np.log(4 / 3) + 1)
    monkeypatch.setattr(ngrams, "MOST_KEPT", 4)
    assert len(fit_grams(texts)[0]) == 4
    assert len(fit_grams(["one alone"])[0]) > 0


def test_fewer_are_fed_where_training_rows_are_many():
    assert [most_in_row(rows) for rows in (0, 1, 60_000, 128_000, 10**9)] == [1024, 1024, 1024, 500, 16]


@pytest.mark.parametrize("at_once", [10**6, 5])
def test_the_lightest_are_left_out_where_a_text_has_too_many(at_once: int, monkeypatch: pytest.MonkeyPatch):
    texts = ["aa bb cc dd ee ff gg hh ii jj"] * 2 + ["aa"] * 8
    grams, rarity = fit_grams(texts)
    monkeypatch.setattr(ngrams, "AT_ONCE", at_once)
    numbers, weights, many, cut = gram_rows(texts, grams, rarity, 20)
    assert numbers.shape[1] == many.max() == 20 and cut == 2
    assert np.square(weights[0]).sum() == pytest.approx(1, abs=1e-6)
    assert hashes_of(["aa"], whole=True)[0] not in grams[numbers[0] - 1]


def test_long_texts_have_words_alone():
    grams, _ = fit_grams(["word after word " * 40, "another word after " * 40])
    assert set((grams & 7).tolist()) == {WORD, PAIR}


def test_forms_of_a_letter_are_one():
    assert plain(" Ａ\u0301\tＢ ") == f" {unicodedata.normalize('NFKC', 'á')} b "
    assert slow_words(plain("漢字 don't 5kg")) == ["漢", "字", "don", "'", "t", "5kg"]
