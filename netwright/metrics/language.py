"""How well a text is foretold. Losses are in nats: minus the logarithm of the probability of what did come."""

import math

import numpy as np


def nats_per_character(losses: np.ndarray, characters: np.ndarray) -> float:
    """Losses (n,) of tokens, or of stretches of them, over the characters (n,) they stand for; NaN for none."""
    count = float(np.sum(characters))
    return float(np.sum(losses)) / count if count else math.nan


def bits_per_character(losses: np.ndarray, characters: np.ndarray) -> float:
    """The same in bits: what a text compressed with these probabilities takes of a character."""
    return nats_per_character(losses, characters) / math.log(2)


def perplexity(losses: np.ndarray) -> float:
    """Among how many tokens, all equally likely, one would be as surprised: exp of the mean loss (n,); NaN for none."""
    if not len(losses):
        return math.nan
    mean = float(np.mean(losses))
    return math.exp(mean) if mean < 700 else math.inf
