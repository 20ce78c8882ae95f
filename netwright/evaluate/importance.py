"""Which columns matter: shuffle one among the rows, and see how much worse the answers become (Breiman 2001)."""

from collections.abc import Callable

import numpy as np

from netwright.core.schema import CategoryColumn, Schema, number_features
from netwright.data.encode import Encoded
from netwright.evaluate.evaluation import LOWER_IS_BETTER
from netwright.evaluate.findings import Importance
from netwright.tasks import Supervised

MOST_CELLS = 400_000
"""Rows times columns times shuffles that are predicted at most; wide tables are judged on fewer rows."""
MOST_COLUMNS = 300
"""Columns judged at most: those that go with the answers most closely; fewer where rows are wide."""
SHUFFLES = 3

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(numbers (N, F), categories (N, C)) → the task's predictions."""


def permutation_importance(
    predict: Predict, task: Supervised, schema: Schema, encoded: Encoded, truth: np.ndarray, *, seed: int = 0
) -> tuple[Importance, ...]:
    """The columns by what shuffling them costs, most important first. Give held-out rows."""
    random = np.random.default_rng(seed)
    places = _places(schema)
    most_columns = min(MOST_COLUMNS, max(20, 100_000 // len(places)))
    names = _closest(places, encoded, truth)[:most_columns] if len(places) > most_columns else list(places)
    most = min(1000, max(50, MOST_CELLS // (len(names) * SHUFFLES)))
    chosen = random.permutation(len(truth))[:most]
    numbers, categories, truth = encoded.numbers[chosen], encoded.categories[chosen], truth[chosen]
    name, metric = next(iter(task.metrics.items()))
    sign = -1 if name in LOWER_IS_BETTER else 1
    whole = metric(predict(numbers, categories), truth)
    found = []
    for column in names:
        drops = []
        for _ in range(SHUFFLES):
            order = random.permutation(len(truth))
            mixed = [numbers.copy(), categories.copy()]
            which, at = places[column]
            mixed[which][:, at] = mixed[which][order][:, at]
            drops.append(sign * (whole - metric(predict(mixed[0], mixed[1]), truth)))
        found.append(Importance(column=column, drop=float(np.mean(drops)), spread=float(np.std(drops))))
    return tuple(sorted(found, key=lambda i: -i.drop))


def _places(schema: Schema) -> dict[str, tuple[int, list[int]]]:
    """By column: 0 for numbers or 1 for categories, and its features' positions there."""
    places: dict[str, tuple[int, list[int]]] = {}
    number = category = 0
    for column in schema.used:
        if isinstance(column, CategoryColumn):
            places[column.name] = (1, [category])
            category += 1
        else:
            count = len(number_features(column))
            places[column.name] = (0, list(range(number, number + count)))
            number += count
    return places


def _closest(places: dict[str, tuple[int, list[int]]], encoded: Encoded, truth: np.ndarray) -> list[str]:
    """The columns whose first feature correlates most with the truth."""
    aim = truth.reshape(len(truth), -1)[:, 0].astype(np.float64)
    both = (encoded.numbers, encoded.categories)

    def closeness(name: str) -> float:
        which, at = places[name]
        values = both[which][:, at[0]].astype(np.float64)
        if values.std() == 0 or aim.std() == 0:
            return 0.0
        return abs(float(np.corrcoef(values, aim)[0, 1]))

    return sorted(places, key=closeness, reverse=True)
