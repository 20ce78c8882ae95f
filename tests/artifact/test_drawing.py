"""Tokens are drawn as was asked for."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netwright.artifact.drawing import chances, draw


@given(st.lists(st.floats(-9, 9), min_size=3, max_size=12), st.integers(1, 12), st.floats(0.05, 1), st.floats(0.1, 3))
def test_draws_are_among_the_likeliest(logits: list[float], top_k: int, top_p: float, temperature: float):
    values = np.asarray(logits)
    found = chances(values, temperature, top_k, top_p)
    ranked = sorted(range(1, len(logits)), key=lambda i: -logits[i])[:top_k]
    weights = [math.exp((logits[i] - logits[ranked[0]]) / temperature) for i in ranked]
    wanted, total = {}, 0.0
    for i, weight in zip(ranked, weights, strict=True):
        if total < top_p - 1e-12:
            wanted[i] = weight
        total += weight / sum(weights)
    assert found[0] == 0 and found.sum() == pytest.approx(1)
    reference = np.asarray([wanted.get(i, 0.0) for i in range(len(logits))]) / sum(wanted.values())
    assert np.allclose(found, reference, atol=1e-9) or min(abs(np.cumsum(np.sort(found)[::-1]) - top_p)) < 1e-6


def test_tiny_and_no_temperature():
    values = np.asarray([9.0, 1.0, 2.0, 1.5], dtype=np.float32)
    assert chances(values, 0, None, None).tolist() == chances(values, 1e-300, None, None).tolist() == [0, 0, 1, 0]
    assert np.allclose(chances(values, 1.0, None, 1.0)[1:], torch.tensor(values[1:]).softmax(0))


def test_draws_follow_the_probabilities():
    random = np.random.default_rng(0)
    drawn = np.bincount([draw(np.asarray([0, 0.25, 0, 0.75]), random) for _ in range(2000)], minlength=4) / 2000
    assert drawn[0] == drawn[2] == 0 and abs(drawn[1] - 0.25) < 0.03
