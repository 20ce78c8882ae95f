"""Figures of language models."""

import math

import numpy as np
import pytest

from netwright.metrics.language import bits_per_character, nats_per_character, perplexity


def test_equally_likely_tokens():
    losses, characters = np.full(10, math.log(8)), np.full(10, 2)
    assert perplexity(losses) == pytest.approx(8)
    assert bits_per_character(losses, characters) == pytest.approx(1.5)
    assert nats_per_character(losses, characters) == pytest.approx(math.log(8) / 2)


def test_none_and_far():
    assert math.isnan(perplexity(np.zeros(0))) and math.isnan(bits_per_character(np.zeros(0), np.zeros(0)))
    assert perplexity(np.full(3, 1e6)) == math.inf
