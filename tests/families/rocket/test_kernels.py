"""Kernels see no padding, their thresholds lie within what they give, and they span what they should."""

import torch

from netwright.families.rocket.kernels import KERNELS, Kernels, dilations_for


def made(channels: int, length: int = 40) -> tuple[Kernels, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, length, channels, generator=generator)
    lengths = torch.tensor([length, length // 2, 9, 3, 1, 0])
    kernels = Kernels(channels, dilations_for(length), 2)
    kernels.measure(x, lengths, generator)
    return kernels, x, lengths


def test_padding_changes_nothing():
    for channels in (1, 3, 20):
        kernels, x, lengths = made(channels)
        shares = kernels(x, lengths)
        assert shares.shape == (6, kernels.size) and shares.min() >= 0 and shares.max() <= 1 + 1e-6
        spoilt = torch.cat([x, torch.full((6, 5, channels), torch.nan)], 1)
        for row, length in enumerate(lengths.tolist()):
            spoilt[row, length:] = torch.nan
            alone = kernels(x[row : row + 1, : max(1, length)], lengths[row : row + 1])
            torch.testing.assert_close(alone, shares[row : row + 1])
        torch.testing.assert_close(kernels(spoilt, lengths), shares)


def test_dilations_span_the_length():
    assert dilations_for(1) == dilations_for(9) == (1,)
    for length in (24, 150, 5000):
        found = dilations_for(length)
        assert found[0] == 1 and 8 * found[-1] <= length - 1 < 16 * found[-1] + 16 and len(found) <= 32


def test_a_kernel_is_the_convolution_it_says():
    kernels, x, _ = made(1)
    assert kernels.weights.shape == (KERNELS, 9) and not kernels.weights.sum(1).any()
    found = kernels._convolved(x.transpose(1, 2), 1)
    d = kernels.dilations[1]
    by_hand = sum(kernels.weights[7, j] * x[0, 20 + (j - 4) * d, 0] for j in range(9))
    torch.testing.assert_close(found[0, 7, 20], by_hand)
