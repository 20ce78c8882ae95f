"""Which token comes next: drawn from the logits of a network.

V different tokens.
"""

import numpy as np


def chances(logits: np.ndarray, temperature: float, top_k: int | None, top_p: float | None) -> np.ndarray:
    """(V,) logits → (V,) probabilities that the next token is drawn with. Token 0 is never written."""
    logits = logits.astype(np.float64)
    logits[0] = -np.inf
    if temperature == 0:
        return (np.arange(len(logits)) == logits.argmax()).astype(np.float64)
    order = np.argsort(-logits, kind="stable")
    with np.errstate(over="ignore"):
        ranked = np.exp((logits[order] - logits[order[0]]) / temperature)
    ranked[top_k or len(ranked) :] = 0
    ranked /= ranked.sum()
    if top_p is not None:
        ranked[np.cumsum(ranked) - ranked >= top_p] = 0
        ranked /= ranked.sum()
    found = np.empty_like(ranked)
    found[order] = ranked
    return found


def draw(probabilities: np.ndarray, random: np.random.Generator) -> int:
    """A token (V,), each with its probability."""
    ends = np.cumsum(probabilities)
    return int(np.searchsorted(ends, random.random() * ends[-1], side="right"))
