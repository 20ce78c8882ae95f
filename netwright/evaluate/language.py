"""How well a text is foretold that the network has not seen.

n tokens, b blocks of them.
"""

import math
from collections.abc import Mapping

import numpy as np

from netwright.evaluate.evaluation import Evaluation
from netwright.metrics.interval import bootstrap
from netwright.metrics.language import bits_per_character, nats_per_character, perplexity

MAIN = "nats per character"
BLOCK = 256
"""Tokens that are drawn together for the range: what stands close together is easy or hard together."""
FEWEST = 20
"""Blocks, of fewer tokens where the text is short."""


def evaluate_language(
    losses: np.ndarray, characters: np.ndarray, baselines: Mapping[str, np.ndarray], *, seed: int = 0
) -> Evaluation:
    """Judge the losses (n,) in nats of tokens that stand for so many `characters` (n,); `baselines` are losses too."""
    size = max(1, min(BLOCK, len(losses) // FEWEST))
    low, high = bootstrap(nats_per_character, blocks(losses, size), blocks(characters, size), seed=seed)
    return Evaluation(
        main=MAIN,
        rows=int(characters.sum()),
        figures=_figures(losses, characters),
        low=low,
        high=high,
        baselines={name: _figures(other, characters) for name, other in baselines.items()},
        unit="character",
    )


def blocks(values: np.ndarray, size: int) -> np.ndarray:
    """(b,) the sums of so many values (n,) at a time; what is left at the end joins the last."""
    whole = max(1, len(values) // size)
    starts = np.arange(whole) * size
    return np.add.reduceat(values.astype(np.float64), starts) if len(values) else np.full(1, math.nan)


def _figures(losses: np.ndarray, characters: np.ndarray) -> dict[str, float]:
    return {
        MAIN: nats_per_character(losses, characters),
        "bits per character": bits_per_character(losses, characters),
        "perplexity": perplexity(losses),
    }
