"""Figures of a text held out, and their range."""

import math

import numpy as np
import pytest

from netwright.evaluate.language import blocks, evaluate_language


def test_figures_and_range():
    random = np.random.default_rng(0)
    losses, characters = random.exponential(1.5, 5000), np.full(5000, 3)
    found = evaluate_language(losses, characters, {"simpler": losses * 2})
    own = losses.sum() / 15000
    assert found.rows == 15000 and found.unit == "character" and found.main == "nats per character"
    assert found.figures[found.main] == pytest.approx(own) and found.low < own < found.high < own * 1.1
    assert found.figures["bits per character"] == pytest.approx(own / math.log(2))
    assert found.baselines["simpler"]["perplexity"] == pytest.approx(math.exp(2 * losses.mean()))


def test_blocks_lose_nothing():
    assert blocks(np.arange(7), 3).tolist() == [3, 18] and blocks(np.arange(2), 3).tolist() == [1]
