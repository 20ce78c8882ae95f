"""Small tables for whole runs."""

import numpy as np
import pytest


def make_columns(rows: int = 240, seed: int = 0) -> dict[str, list]:
    """Two numbers with gaps, a category, a date; `paid` is a class and `price` a number that depend on them."""
    random = np.random.default_rng(seed)
    size, age = random.normal(50, 20, rows), random.exponential(10, rows)
    city = random.choice(["Rome", "Oslo", "Lima"], rows)
    price = 3 * size - 2 * age + 40 * (city == "Oslo") + random.normal(0, 5, rows)
    gaps = random.random(rows) < 0.1
    return {
        "size": size.round(2).tolist(),
        "age": [None if gap else round(value, 2) for gap, value in zip(gaps, age, strict=True)],
        "city": city.tolist(),
        "paid": np.where(price > np.median(price), "yes", "no").tolist(),
        "price": price.round(3).tolist(),
    }


@pytest.fixture(scope="session")
def columns() -> dict[str, list]:
    return make_columns()
