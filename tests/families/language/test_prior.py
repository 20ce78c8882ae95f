from collections import Counter, defaultdict

import pytest
import torch

from netwright.families.language import prior as prior_file
from netwright.families.language.prior import LARGEST, MISSING, Prior, factor, repeated
from tests.families.language.made import TRAINING, VALIDATION, WINDOW

V = 16


def counted(orders: int = 3, places: int = 2**12, tokens=None, following=None, most=10**6) -> Prior:
    prior = Prior(V, orders=orders, places=places, window=WINDOW).double()
    prior.count(
        TRAINING.inputs[0] if tokens is None else tokens, TRAINING.target if following is None else following, most
    )
    return prior


Counts = dict[tuple, Counter]


def contexts(row: list[int], following: list[int], orders: int) -> Counts:
    """What followed each context of a row."""
    counts: Counts = defaultdict(Counter)
    for i, token in enumerate(following):
        for order in range(1, min(orders, i + 1) + 1):
            counts[tuple(row[i + 1 - order : i + 1])][token] += 1
    return counts


def table(rows: list[int], orders: int) -> dict[tuple, dict[tuple, set]]:
    """Of each context what came before each gram of it: for the longest the place it stood at, so that all count."""
    found: dict[tuple, dict[tuple, set]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        tokens, following = TRAINING.inputs[0][row].tolist(), TRAINING.target[row].tolist()
        for i, token in enumerate(following):
            for order in range(1, min(orders, i + 1) + 1):
                known = order < orders and i >= order
                found[tuple(tokens[i + 1 - order : i + 1])][token].add(tokens[i - order] if known else (row, i))
    return found


def by_hand(orders: int, row: list[int], i: int, discount: float, left_out: int | None) -> list[float]:
    """Interpolated Kneser–Ney at position i of a row, written with dictionaries; row `left_out` was never counted."""
    every = range(len(TRAINING))
    often: Counter = Counter()
    for k in every:
        counts = contexts(TRAINING.inputs[0][k].tolist(), TRAINING.target[k].tolist(), orders)
        often.update({context: sum(those.values()) for context, those in counts.items()})
    counted_in = table([k for k in every if k != left_out], orders)
    alone = Counter(TRAINING.target.flatten().tolist())
    total = sum(alone.values()) + 0.5 * V
    chance = [(alone[v] + 0.5) / total for v in range(V)]
    here = contexts(row[:i], row[1 : i + 1], orders)
    for order in range(1, min(orders, i + 1) + 1):
        context = tuple(row[i + 1 - order : i + 1])
        kept = often[context] > 1
        counts = Counter({v: len(before) for v, before in counted_in[context].items()} if kept else {})
        counts = counts + here[context]
        if total := sum(counts.values()):
            freed = discount * len(counts) / total
            chance = [max(counts[v] - discount, 0) / total * (v in counts) + freed * chance[v] for v in range(V)]
    return chance


@pytest.mark.parametrize("orders", [1, 2, 3])
@pytest.mark.parametrize("leave", [False, True])
def test_it_counts_as_by_hand(orders: int, leave: bool):
    prior = counted(orders)
    with torch.no_grad():
        prior.discounts.fill_(0.4)
        prior.nearness.fill_(0.0)
    discount = float(torch.tensor(0.4).double().sigmoid())
    batch = TRAINING if leave else VALIDATION
    tokens, following = batch.inputs[0][:2].long(), batch.target[:2]
    with torch.no_grad():
        given = prior(tokens, following if leave else None)[0].exp()
    for row in range(2):
        for i in (0, 1, 2, 7, 15):
            wanted = by_hand(orders, tokens[row].tolist(), i, discount, row if leave else None)
            assert torch.allclose(given[row, i], torch.tensor(wanted).double(), atol=1e-6)


def test_what_was_written_in_the_window_counts_more_or_less():
    prior = counted(1)
    tokens = torch.tensor([[1, 2, 1, 2, 1]])
    chances = []
    for nearness in (-20.0, 0.0, 5.0):
        with torch.no_grad():
            prior.nearness.fill_(nearness)
        chances.append(float(prior(tokens)[0][0, -1, 2].detach()))
    assert chances == sorted(chances) and chances[0] < chances[2] - 0.3
    prior.window = 2
    assert float(prior(tokens)[0][0, -1, 2].detach()) < chances[1], "it is further back than the window reaches"


def test_every_token_has_a_chance_and_all_chances_are_one():
    prior = counted()
    tokens = torch.randint(0, V, (4, 9), generator=torch.Generator().manual_seed(0))
    for following in (None, tokens.roll(1, 1)):
        chances = prior(tokens, following)[0].exp()
        assert torch.allclose(chances.sum(-1), torch.ones(4, 9).double()) and (chances > 0).all()


def test_it_sees_no_token_ahead():
    prior = counted(2)
    tokens = VALIDATION.inputs[0][:3].long()
    other = tokens.clone()
    other[:, 9:] = 1
    assert torch.equal(prior(tokens)[0][:, :9], prior(other)[0][:, :9])


def test_contexts_have_numbers_of_their_own():
    tokens = torch.cartesian_prod(*[torch.arange(V)] * 3)
    marks = Prior(V, orders=3, places=8, window=WINDOW).marks(tokens)
    assert (marks[:, 0, 1:] == MISSING).all() and (marks[:, 2] >= 0).all() and marks.max() <= LARGEST
    assert [len(marks[:, 2, order].unique()) for order in range(3)] == [V, V**2, V**3]
    assert all(factor(i) % 2 and 0 < factor(i) < 2**63 for i in range(17))


def test_where_there_is_little_room_the_commonest_stay():
    full, small = counted(), counted(places=16)
    assert len(small.tags.unique()) <= 17
    kept = {int(tag) for tag in small.tags if tag >= 0}
    assert kept <= {int(tag) for tag in full.tags}
    marks = full.marks(TRAINING.inputs[0]).flatten()
    often = Counter(marks[marks >= 0].tolist())
    contexts, times = repeated(marks[marks >= 0])
    assert dict(zip(contexts.tolist(), times.tolist(), strict=True)) == {m: n for m, n in often.items() if n > 1}
    for mark, n in often.items():
        assert n < 2 or mark in kept or n <= often[int(small.tags[mark % 16])]
    assert torch.isfinite(small(VALIDATION.inputs[0])[0]).all()


def test_a_long_window_is_compared_in_parts_and_its_end_alone_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    prior, tokens, following = counted(), VALIDATION.inputs[0][:3].long(), VALIDATION.target[:3]
    whole, left = prior(tokens), prior(tokens, following)
    for pairs in (1, 3 * WINDOW * 5):
        monkeypatch.setattr(prior_file, "NUMBERS", pairs)
        assert all(map(torch.allclose, (*prior(tokens), *prior(tokens, following)), (*whole, *left)))
    assert all(torch.allclose(end, all_of[:, -4:]) for end, all_of in zip(prior(tokens, last=4), whole, strict=True))


def test_large_counts_are_scaled_and_rare_tokens_are_kept():
    tokens = torch.ones(1, 1000, dtype=torch.long)
    following = tokens.clone()
    following[0, :2] = 2
    prior = counted(1, tokens=tokens, following=following)
    row = prior.rows[prior.tags >= 0]
    assert row.shape[0] == 1 and row[0, 1] == 255 and row[0, 2] == 1


def test_of_a_long_text_a_part_is_counted():
    some = counted(most=320)
    assert 0 < int(some.rows.sum()) < int(counted().rows.sum())


def test_a_text_without_a_repetition_gives_frequencies():
    prior = counted(tokens=torch.tensor([[1, 2, 3]]), following=torch.tensor([[2, 3, 4]]))
    assert torch.allclose(prior(torch.tensor([[1, 2]]))[0].exp()[0, 1], prior.alone)
