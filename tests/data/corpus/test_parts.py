"""Where a text is divided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.data.corpus.parts import MANY_FILES, divide, needed, window_for


@given(st.integers(140, 5000), st.floats(0, 0.6), st.integers(1, 30), st.booleans(), st.booleans())
def test_parts_make_the_text_and_are_long_enough(characters: int, share: float, files: int, one: bool, two: bool):
    text = "".join(chr(0x4E00 + i) for i in range(characters))
    starts = np.linspace(0, characters - 1, files).astype(int)
    parts = divide(text, starts, test_share=share, window=16, own=(one, two))
    assert parts.validation + parts.training + parts.test == text and parts.reason
    assert len(parts.training) > 17
    assert parts.validation == "" if one else len(parts.validation) >= 17
    assert parts.test == "" if two or not share else len(parts.test) >= 17


def test_the_last_tenth_is_held_out():
    parts = divide("x" * 100_000, np.zeros(1, int), test_share=0.1, window=64)
    assert len(parts.test) == 10_000 and len(parts.validation) == 4_500
    wanted = "the first 4,500 characters validate, the next 85,500 characters train, the last 10,000 are held out"
    assert parts.reason == wanted


def test_of_many_files_whole_ones_are_held_out():
    starts = np.arange(MANY_FILES * 2) * 1000
    parts = divide("x" * (MANY_FILES * 2000 + 11), starts, test_share=0.09, window=64)
    assert len(parts.test) == 4011 and len(parts.validation) == 2000 and "whole files" in parts.reason


def test_windows_of_short_texts_are_small():
    assert window_for(10**6, 256, asked=False) == 256 and window_for(5000, 256, asked=False) == 100
    assert window_for(needed(16), 256, asked=False) == 16 and window_for(needed(64), 64, asked=True) == 64


@pytest.mark.parametrize(("characters", "asked"), [(needed(16) - 1, False), (3000, True)])
def test_too_short(characters: int, asked: bool):
    with pytest.raises(InputError, match="or more") as error:
        window_for(characters, 512, asked=asked)
    assert f"{needed(512 if asked else 16):,}" in error.value.wanted
