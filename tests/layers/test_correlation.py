import itertools

import torch

from netwright.layers.correlation import answer_size, correlate, match, spread
from tests.layers.handling import seeded


def test_each_is_the_gradient_of_the_others():
    """One product w·x·g is summed over all, whichever two are summed first."""
    for stride, dilation, groups in itertools.product((1, 2, 3), (1, 2), (1, 2)):
        x, weight = seeded(2, 2 * groups, 6, 7), seeded(3 * groups, 2, 3, 2, seed=1)
        options = (stride, 2), (1, 2, 2, 0), (dilation, 1), groups
        g = seeded(2, 3 * groups, *answer_size((6, 7), (3, 2), *options[:3]), seed=2)
        sums = [
            (correlate(x, weight, None, *options) * g).sum(),
            (spread(g, weight, (6, 7), *options) * x).sum(),
            (match(g, x, (3, 2), *options) * weight).sum(),
        ]
        torch.testing.assert_close(sums[0], sums[1])
        torch.testing.assert_close(sums[0], sums[2])


def test_it_is_the_sum_it_says():
    x, weight = seeded(1, 2, 5, 5), seeded(1, 2, 2, 2, seed=1)
    y = correlate(x, weight, torch.ones(1, dtype=torch.float64), (2, 1), (0, 0, 0, 0), (1, 3), 1)
    by_hand = 1 + sum(
        weight[0, c, i, j] * x[0, c, 2 * 1 + i, 1 + 3 * j] for c, i, j in itertools.product((0, 1), repeat=3)
    )
    assert y.shape == (1, 1, 2, 2)
    torch.testing.assert_close(y[0, 0, 1, 1], by_hand)
