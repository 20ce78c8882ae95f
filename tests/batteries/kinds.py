"""Small data of every kind, and settings with which a run on it takes a second."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.families.family import Family

WORDS = [
    "the",
    "a",
    "small",
    "old",
    "green",
    "house",
    "river",
    "stone",
    "bird",
    "wind",
    "sings",
    "falls",
    "runs",
    "under",
]


@dataclass(frozen=True)
class Kind:
    """Data of one kind, and new data to ask about."""

    make: Callable[[Path], object]
    new: Callable[[Path], object]
    asked: dict


def sequences(count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    turns = [random.integers(9, 25) for _ in range(count)]
    return [
        np.sin(np.arange(n) * (0.4 + (i % 2)))[:, None] + random.normal(0, 0.1, (n, 2)) for i, n in enumerate(turns)
    ]


def series(days: int) -> dict[str, object]:
    random = np.random.default_rng(0)
    day = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")[:days]
    sold = 20 + 8 * np.sin(np.arange(days) * 2 * np.pi / 7) + random.normal(size=days)
    return {"day": day, "sold": sold, "price": random.normal(size=days)}


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    own = [["glad", "warm"], ["grim", "cold"]]
    return [" ".join([*random.choice(WORDS, random.integers(3, 12)), random.choice(own[i % 2])]) for i in range(count)]


def novel(folder: Path) -> str:
    file = folder / "novel.txt"
    file.write_text("\n".join(sentences(150, 3)), encoding="utf-8")
    return str(file)


KINDS = {
    "sequence": Kind(lambda _: (sequences(60, 0), [i % 2 for i in range(60)]), lambda _: sequences(7, 1), {}),
    "series": Kind(lambda _: series(200), lambda _: series(150), {"target": "sold", "horizon": 5, "window": 14}),
    "text": Kind(
        lambda _: {"line": sentences(80, 0), "length": [i % 7 for i in range(80)], "mood": ["high", "low"] * 40},
        lambda _: {"line": sentences(5, 1), "length": [3] * 5},
        {"target": "mood"},
    ),
    "corpus": Kind(novel, novel, {"window": 24}),
}


def small(family: Family) -> dict[str, object]:
    """Settings of the family with which a run takes a second."""
    known = family.config.model_fields
    few = {"epochs": 3, "patience": 50, "batch_size": 16, "hidden_size": 16, "width": 16, "num_layers": 1}
    few |= {"depth": 1, "members": 2, "features": 84, "places": 2**10, "orders": 2, "num_heads": 2}
    few |= {"batch_size": 64} if "corpus" in family.fits else {}
    return {name: value for name, value in few.items() if name in known}


def asked(data: str) -> dict:
    given = dict(KINDS[data].asked)
    return given | ({"target": (given["target"],)} if "target" in given else {})
