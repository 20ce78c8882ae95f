"""Windows are views of one array, and say the text they were made of."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netwright.core.forms import CorpusForm
from netwright.data.corpus.windows import spread, starts_within, text_of, token_bytes, tokens_of, unrolled, windows_of

FORM = CorpusForm(level="characters", vocabulary=("�", "a", "é"), window=2)


def test_a_window_and_what_follows():
    tokens = np.arange(10, dtype=np.int32)
    windows, further = windows_of(tokens, 4)
    assert windows.shape == further.shape == (6, 4) and np.shares_memory(windows, tokens)
    assert np.array_equal(windows[3], [3, 4, 5, 6]) and np.array_equal(further[3], [4, 5, 6, 7])
    assert np.array_equal(unrolled(windows, further), tokens)


@given(st.integers(0, 50), st.integers(0, 200), st.integers(1, 20), st.integers(1, 20))
def test_windows_stay_within_their_part(begin: int, size: int, length: int, apart: int):
    starts = starts_within(begin, begin + size, length, apart=apart)
    if size <= length:
        assert not len(starts)
        return
    assert starts[0] == begin and starts[-1] + length == begin + size - 1 and (np.diff(starts) <= apart).all()


def test_characters_there_and_back():
    assert tokens_of("aéz", FORM).tolist() == [1, 2, 0] and text_of(np.asarray([1, 2, 0]), FORM) == "aé�"
    assert token_bytes(FORM, [2, 1]) == ["é".encode(), b"a"]


def test_windows_spread_evenly():
    starts = np.arange(0, 90, 10)
    assert (
        spread(starts, 9) is starts and spread(starts, 3).tolist() == [0, 40, 80] and spread(starts, 1).tolist() == [0]
    )
