import pytest

from netwright.core.errors import InputError
from netwright.families.gan.sizes import doubled, ladder
from netwright.families.pixels import two_sides


def test_each_rung_is_half_the_one_above():
    assert ladder(28) == [(28, 28), (14, 14), (7, 7)]
    assert ladder((8, 100)) == [(8, 100), (4, 50)]
    assert ladder(64) == [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]
    for height in range(8, 60):
        for low, high in zip(ladder((height, 61))[1:], ladder((height, 61)), strict=False):
            assert all(b - 2 * a in (0, 1) for a, b in zip(low, high, strict=True)) and min(low) >= 4


def test_too_small_for_convolutions():
    with pytest.raises(InputError, match="too small"):
        ladder((7, 30))


def test_two_sides():
    assert two_sides(5) == (5, 5) and two_sides((3, 4)) == (3, 4)


def test_channels_double_at_most_twice():
    assert doubled(32, 5) == [32, 64, 128, 128, 128]
