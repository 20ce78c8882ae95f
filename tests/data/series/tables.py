"""Tables of series for tests."""

from datetime import datetime, timedelta

import numpy as np

from netwright.core.settings import Settings
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.schema import forced_types
from netwright.data.series.layout import Layout, find_layout
from netwright.data.series.regular import Regular, regular
from netwright.data.sources.read import read
from netwright.data.table import Table


def laid_out(source: object, **settings: object) -> tuple[Table, Layout, Table]:
    """The table of a source, its layout, and the table as it came."""
    raw = read(source)
    asked = Settings(source="table", **({"target": "y", "horizon": 1} | settings))
    types = forced_types(infer_types(raw)[0], asked.kinds)
    table = read_cells(raw, types)[0]
    return table, find_layout(table, raw, types, asked), raw


def made_regular(source: object, **settings: object) -> Regular:
    """The series of a source."""
    table, layout, _ = laid_out(source, **settings)
    return regular(table, layout)


def days(count: int, start: str = "2024-01-01", form: str = "%Y-%m-%d") -> list[str]:
    """So many days as text."""
    first = datetime.fromisoformat(start)
    return [f"{first + timedelta(days=i):{form}}" for i in range(count)]


def hours(count: int, start: str = "2024-01-01") -> list[str]:
    """So many hours as text."""
    first = datetime.fromisoformat(start)
    return [f"{first + timedelta(hours=i):%Y-%m-%d %H:%M}" for i in range(count)]


def wave(count: int, season: int = 7, seed: int = 0) -> np.ndarray:
    """(count,) numbers that repeat, with a little chance."""
    steps = np.arange(count)
    return 50 + 10 * np.sin(steps / season * 2 * np.pi) + np.random.default_rng(seed).normal(0, 0.5, count)


def told(notices) -> str:
    """What all the notices say."""
    return "\n".join(map(str, notices))
