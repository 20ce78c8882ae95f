"""The tokens of a text."""

import numpy as np

from netwright.data.corpus.characters import code_points, counted, numbered
from netwright.data.corpus.vocabulary import MANY, UNSEEN, characters_of, level_of, unseen_notice


def test_the_most_frequent_come_first():
    assert characters_of("bbaac")[0] == (UNSEEN, "a", "b", "c")


def test_numbers_and_what_was_never_seen():
    vocabulary, notices = characters_of("hello, 😀")
    assert not notices and numbered("😀z\ud800", vocabulary).tolist() == [vocabulary.index("😀"), 0, 0]
    assert numbered("", vocabulary).tolist() == []


def test_the_sign_for_unseen_may_stand_in_the_text():
    vocabulary, _ = characters_of("a\ufffd")
    assert len(vocabulary) == 3 and 0 not in numbered("\ufffda", vocabulary)


def test_rare_characters_of_many_share_a_token():
    many = "".join(map(chr, range(0x4E00, 0x4E00 + MANY)))
    vocabulary, notices = characters_of(many + many + "ab")
    assert len(vocabulary) == MANY + 1 and "a" not in vocabulary and "2 characters" in notices[0].what


def test_what_has_no_token_is_told():
    vocabulary, _ = characters_of("abc")
    (notice,) = unseen_notice(numbered("abxx", vocabulary), "abxx", "part held out")
    assert "2 of 4" in notice.what and "'x'" in notice.what
    assert not unseen_notice(numbered("ab", vocabulary), "ab", "part held out")


def test_large_texts_are_read_in_pieces():
    assert level_of("a" * 100) == "characters"
    assert level_of("a" * 5_000_000) == "pieces" == level_of("語" * 2_000_000)


def test_counts():
    points, counts = counted(code_points("abb"))
    assert points.tolist() == [97, 98] and np.array_equal(counts, [1, 2])
