"""An n-gram model of a text: what can be foretold of a token from the few before it, by counting alone.

Interpolated Kneser–Ney with three discounts (Chen and Goodman 1999): p(w|c) = max(n(cw) − D, 0)/n(c·) + γ(c) p(w|c'),
where c' is c without its first token. The longest context counts how often it was seen, shorter ones in how many
different contexts. Below them all lies 1/V, so that no token is impossible.

n tokens of the training text, m of another, V different ones, G different grams of an order, K the greatest order.
"""

from dataclasses import dataclass

import numpy as np

LEAST = 0.05
"""Of a discount, for each time a gram was seen; none may be zero, or a token could be impossible."""


@dataclass(frozen=True)
class Counts:
    """How grams of one order are weighed, by times seen or by contexts.

    `counts` (G,) of each gram, less its `discount` (4,): that of grams seen never, once, twice, more often. `totals`
    and `spare` are of each gram one shorter: what its continuations count together, and the share its discounts free.
    """

    counts: np.ndarray
    discount: np.ndarray
    totals: np.ndarray
    spare: np.ndarray


@dataclass(frozen=True)
class Order:
    """Grams of one length. `keys` (G,), rising, are gram-but-one's number · V + last token."""

    keys: np.ndarray
    seen: Counts
    contexts: Counts


@dataclass(frozen=True)
class NGrams:
    """Counted grams of 1 … K tokens out of `size` different ones."""

    size: int
    orders: tuple[Order, ...]

    def losses(self, tokens: np.ndarray) -> np.ndarray:
        """(K, m) the log loss, in nats, of each of the tokens (m,) after those before it, by models of each order."""
        known = np.zeros(len(tokens), dtype=np.int64)
        contexts = []
        for order in self.orders:
            contexts.append(known)
            found = _find(order, known, tokens, self.size)
            known = np.concatenate([[-1], found[:-1]])[: len(tokens)]
        return -np.log(self._probabilities(contexts, tokens))

    def distribution(self, history: np.ndarray) -> np.ndarray:
        """(K, V) the probability of each token after the tokens `history` (h,), by models of each order."""
        history = np.asarray(history, dtype=np.int64)
        every = np.arange(self.size)
        contexts = []
        for length in range(len(self.orders)):
            known = np.full(1, 0 if length <= len(history) else -1)
            for order, token in zip(self.orders, history[max(0, len(history) - length) :], strict=False):
                known = _find(order, known, np.asarray([token]), self.size)
            contexts.append(np.full(self.size, known[0]))
        return self._probabilities(contexts, every)

    def _probabilities(self, contexts: list[np.ndarray], tokens: np.ndarray) -> np.ndarray:
        """(K, m) of tokens (m,), whose context of each length, from none on, has the number (m,); −1 if unseen."""
        lower = np.full(len(tokens), 1 / self.size)
        found = np.empty((len(self.orders), len(tokens)))
        for place, (order, context) in enumerate(zip(self.orders, contexts, strict=True)):
            gram = _find(order, context, tokens, self.size)
            found[place] = _mixed(order.seen, gram, context, lower)
            lower = _mixed(order.contexts, gram, context, lower)
        return found


def fit_ngrams(tokens: np.ndarray, size: int, most: int) -> NGrams:
    """Count the grams of 1 … `most` of the tokens (n,), each below `size`. Takes a few sorts of n numbers an order."""
    before = np.zeros(len(tokens) + 1, dtype=np.int64)  # the gram that ends before each token, one shorter
    shorter = np.zeros(len(tokens), dtype=np.int64)  # the gram that ends at each token, one shorter
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for length in range(1, min(most, len(tokens)) + 1):
        key = before[: len(tokens) - length + 1] * size + tokens[length - 1 :]
        keys, first, gram, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        parts.append((keys, counts, shorter[first]))
        before, shorter = gram, gram[1:]
    orders = []
    for place, (keys, counts, _) in enumerate(parts):
        longer = parts[place + 1][2] if place + 1 < len(parts) else np.zeros(0, dtype=np.int64)
        others = 1 if not place else len(parts[place - 1][0])
        context = keys // size
        different = np.bincount(longer, minlength=len(keys))
        orders.append(Order(keys, _weigh(counts, context, others), _weigh(different, context, others)))
    return NGrams(size, tuple(orders))


def best_order(model: NGrams, validation: np.ndarray) -> int:
    """The order, from 1 on, that foretells these tokens (m,) best."""
    return 1 + int(model.losses(validation).mean(1).argmin())


def _weigh(counts: np.ndarray, context: np.ndarray, contexts: int) -> Counts:
    discount = _discounts(counts)
    totals = np.bincount(context, counts, minlength=contexts)
    freed = np.bincount(context, discount[np.minimum(counts, 3)], minlength=contexts)
    spare = np.divide(freed, totals, out=np.ones_like(freed), where=totals > 0)
    return Counts(counts, discount, totals, spare)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """(4,) for counts of 0, 1, 2, 3 and more, from how many grams have counts of 1 to 4."""
    one, two, three, four = (float((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (one and two and three):
        return np.asarray([0.0, 0.5, 1.0, 1.5])
    part = one / (one + 2 * two)
    wanted = np.asarray([1 - 2 * part * two / one, 2 - 3 * part * three / two, 3 - 4 * part * four / three])
    times = np.arange(1, 4)
    return np.concatenate([[0.0], np.clip(wanted, LEAST * times, 0.95 * times)])


def _find(order: Order, context: np.ndarray, tokens: np.ndarray, size: int) -> np.ndarray:
    """(m,) the number of the gram of this context and token; −1 where training had none."""
    key = context * size + tokens
    place = np.minimum(np.searchsorted(order.keys, key), len(order.keys) - 1)
    return np.where((context >= 0) & (order.keys[place] == key), place, -1)


def _mixed(counts: Counts, gram: np.ndarray, context: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """(m,) probabilities: those counted, and `lower` (m,) for what the discounts free, or where nothing was counted."""
    seen = np.where(gram >= 0, counts.counts[gram], 0)
    total = np.where(context >= 0, counts.totals[context], 0)
    own = np.maximum(0, seen - counts.discount[np.minimum(seen, 3)]) / np.maximum(total, 1)
    return np.where(total > 0, own + np.where(total > 0, counts.spare[context], 1) * lower, lower)
