"""Small texts in which there is something to learn."""

import numpy as np

WORDS = ("the", "wind", "and", "trees", "night", "under", "a", "moon", "sang", "slow")


def verse(lines: int, seed: int = 0) -> str:
    """Lines of words drawn from a few."""
    random = np.random.default_rng(seed)
    return "".join(" ".join(random.choice(WORDS, 6)) + ".\n" for _ in range(lines))
