"""The n-gram model against one counted slowly in dictionaries, and against mathematics."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from netwright.metrics.ngram import LEAST, best_order, fit_ngrams

TEXTS = st.integers(2, 5).flatmap(
    lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1), min_size=1, max_size=60))
)


class Slow:
    """Interpolated Kneser–Ney as it is written down."""

    def __init__(self, text: list[int], size: int, most: int) -> None:
        self.size = size
        grams = [Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1)) for n in range(most + 2)]
        self.seen = grams
        self.different = [Counter(longer[1:] for longer in grams[n + 1]) for n in range(most + 1)]
        self.followers: dict[tuple, list] = defaultdict(list)
        for n in range(1, most + 1):
            for gram in grams[n]:
                self.followers[gram[:-1]].append(gram)

    def discount(self, counts: Counter, n: int, count: int) -> float:
        times = Counter(counts[gram] for gram in self.seen[n])
        if not (times[1] and times[2] and times[3]):
            return 0.5 * min(count, 3)
        part = times[1] / (times[1] + 2 * times[2])
        own = min(count, 3)
        value = own - (own + 1) * part * times[own + 1] / times[own] if own else 0.0
        return min(max(value, LEAST * own), 0.95 * own)

    def probability(self, history: tuple, token: int, *, top: bool = True) -> float:
        lower = self.probability(history[1:], token, top=False) if history else 1 / self.size
        n = len(history) + 1
        counts = self.seen[n] if top else self.different[n]
        followers = self.followers[history]
        total = sum(counts[gram] for gram in followers)
        if not total:
            return lower
        freed = sum(self.discount(counts, n, counts[gram]) for gram in followers)
        count = counts[(*history, token)]
        return (max(0.0, count - self.discount(counts, n, count)) + freed * lower) / total


@given(TEXTS, st.data())
@profile(max_examples=60)
def test_it_is_what_is_written_down(text: tuple[int, list[int]], data: st.DataObject):
    size, tokens = text
    model, slow = fit_ngrams(np.asarray(tokens), size, 3), Slow(tokens, size, 3)
    other = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=12))
    losses = model.losses(np.asarray(other))
    for n in range(1, len(model.orders) + 1):
        for i in range(n - 1, len(other)):
            wanted = slow.probability(tuple(other[i - n + 1 : i]), other[i])
            assert np.exp(-losses[n - 1, i]) == pytest.approx(wanted, rel=1e-9)


@given(TEXTS, st.lists(st.integers(0, 1), max_size=5))
@profile(max_examples=40)
def test_probabilities_sum_to_one(text: tuple[int, list[int]], history: list[int]):
    size, tokens = text
    model = fit_ngrams(np.asarray(tokens), size, 4)
    found = model.distribution(np.asarray(history))
    assert (found > 0).all() and np.allclose(found.sum(1), 1)
    whole = model.losses(np.asarray([*history, 0]))[:, -1]
    assert np.allclose(-np.log(found[:, 0]), whole)


def test_it_beats_single_tokens_and_finds_its_order():
    random = np.random.default_rng(0)
    text = [0, 1]
    for _ in range(4000):
        text.append((text[-1] + text[-2]) % 5 if random.random() < 0.9 else int(random.integers(5)))
    tokens = np.asarray(text)
    model = fit_ngrams(tokens[:3000], 6, 8)
    losses = model.losses(tokens[3000:]).mean(1)
    assert losses[2] < losses[0] / 2 and best_order(model, tokens[3000:]) == 3
    assert np.isfinite(model.losses(np.asarray([5, 5]))).all()
