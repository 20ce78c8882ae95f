import itertools

import numpy as np
import pytest
import torch

from netwright.core.errors import InputError
from netwright.layers.windows import (
    check_steps,
    count_windows,
    padded,
    places,
    several,
    size_of,
    spread_sums,
    window_sums,
)
from tests.layers.handling import seeded


def test_one_number_for_each_axis():
    assert several(3, 2) == (3, 3) and several([1, 2], 2) == (1, 2)
    assert several(np.int64(3), 2) == (3, 3) and type(several(np.int64(3), 1)[0]) is int


@pytest.mark.parametrize("options", [(0, 1, 0, 1), (1, 0, 0, 1), (1, 1, -1, 1), (1, 1, 0, 0)])
def test_no_steps(options: tuple[int, int, int, int]):
    check_steps((1, 1), (1, 1), "same", (1, 1))
    with pytest.raises(InputError, match="no such windows"):
        check_steps(*((1, n) for n in options))


def test_no_image():
    assert size_of(torch.zeros(2, 3)) == (2, 3)
    with pytest.raises(InputError, match="height"):
        size_of(torch.zeros(3))


def test_counts_are_those_of_a_walk():
    for length, kernel, stride, dilation in itertools.product(range(5, 9), (1, 2, 3), (1, 2, 3), (1, 2)):
        window = dilation * (kernel - 1) + 1
        for padding in range(window // 2 + 1):
            starts = range(-padding, length + padding - window + 1, stride)
            assert count_windows(length, kernel, stride, padding, dilation, False) == len(starts)
            after = starts[-1] + stride  # one window more, if something is left to see and it begins in the image
            more = starts[-1] + window < length + padding and after < length
            assert count_windows(length, kernel, stride, padding, dilation, True) == len(starts) + more


def test_the_way_back_is_the_adjoint():
    """⟨sums(x), g⟩ = ⟨x, back(g)⟩, for windows that overlap, touch, and leave places out."""
    for kernel, stride, padding in itertools.product((1, 2, 3), (1, 2, 4), (0, 1)):
        options = (kernel, kernel), (stride, 1), (padding, 0)
        x = seeded(2, 7, 6)
        count = tuple((n + 2 * p - kernel) // s + 1 for n, s, p in zip((7, 6), *options[1:], strict=True))
        wide = padded(x, count, *options, (1, 1), 0.0)
        sums, g = window_sums(wide, count, *options[:2]), seeded(2, *count, seed=1)
        torch.testing.assert_close((sums * g).sum(), (x * spread_sums(g, (7, 6), *options)).sum())
        torch.testing.assert_close(sums, sum(here for _, _, here in places(wide, count, *options[:2], (1, 1))))
