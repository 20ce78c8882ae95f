"""Where windows lie: their series, their times, and what came, in the targets' unit.

N windows, B of them, L steps of the past, H of the horizon, T targets, M steps of all series, S series.
"""

import numpy as np

from netwright.api.rows import Rows
from netwright.core.forms import SeriesForm
from netwright.data.series.regular import names_of
from netwright.data.series.step import Grid, parse_step
from netwright.metrics.forecasting import seasonal_error


class Places:
    """What is known of the windows of some rows."""

    def __init__(self, rows: Rows) -> None:
        form = rows.schema.form
        assert isinstance(form, SeriesForm)
        self.form = form
        self.values = np.stack([_numbers(rows, name) for name in form.targets], axis=1)
        """(M, T) in their unit, NaN where not observed."""
        clock = rows.table[rows.table.columns[0]]
        local = clock.dt.replace_time_zone(None).dt.epoch("us") if clock.dtype.is_temporal() else clock
        self.clock = local.to_numpy()
        """(M,) microseconds that clocks show, or steps."""
        self.grid = Grid(step=parse_step(form.step))
        self.ids = names_of(rows.table, form.id) if form.id is not None else [""] * len(self.clock)
        """(M,) the name of the series of each step."""
        places = {one.id: i for i, one in enumerate(form.series)}
        self.series = np.asarray([places[name or ""] for name in self.ids])
        """(M,) the number of each step's series in the form; that of a window is its first step's."""
        targets = len(form.targets)
        self._center = np.asarray([one.center[:targets] for one in form.series])
        self._scale = np.asarray([one.scale[:targets] for one in form.series])
        self.naive_error = self._naive(rows)
        """(S, T) mean absolute error of the seasonal naive, a season ahead, in training; None where there is none."""

    def truth(self, windows: np.ndarray) -> np.ndarray:
        """(B, H, T) what came, in its unit, NaN where not observed."""
        return self.values[self._ahead(windows)]

    def before(self, window: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The times (k,) and values (k, T) of at most so many steps before what a window foretells."""
        end = window + self.form.window
        same = np.flatnonzero(self.series[max(0, end - steps) : end] == self.series[window])
        inside = same + max(0, end - steps)
        return self.clock[inside], self.values[inside]

    def times(self, windows: np.ndarray) -> np.ndarray:
        """(B, H) the times of the steps foretold."""
        return self.clock[self._ahead(windows)]

    def scale(self, windows: np.ndarray) -> np.ndarray:
        """(B, T) the training standard deviations of the windows' series."""
        return self._scale[self.series[windows]]

    def in_unit(self, windows: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Standardised forecasts (B, H, T, Q) in the targets' unit."""
        own = self.series[windows]
        return found * self._scale[own][:, None, :, None] + self._center[own][:, None, :, None]

    def blocks(self, windows: np.ndarray) -> np.ndarray:
        """(n,) equal for windows of one series that begin within one horizon."""
        new = np.concatenate([[True], np.diff(self.series[windows]) != 0])[: len(windows)]
        run = np.cumsum(new) - 1
        return run * (len(self.clock) + 1) + (windows - windows[new][run]) // self.form.horizon

    def named(self, window: int) -> dict[str, object]:
        """The name of the window's series, by the column that says it; nothing where there is one series."""
        return {} if self.form.id is None else {self.form.id: self.ids[window]}

    def _ahead(self, windows: np.ndarray) -> np.ndarray:
        return windows[:, None] + self.form.window + np.arange(self.form.horizon)

    def _naive(self, rows: Rows) -> np.ndarray | None:
        if not len(rows.split.training):
            return None
        whole = self.form.window + self.form.horizon
        found = np.full(self._scale.shape, np.nan)
        # sorted, so that those of a series lie side by side: thousands of series must not each look at all windows
        windows = np.sort(rows.split.training)
        begins = np.flatnonzero(np.diff(self.series[windows], prepend=-1))
        for begin, end in zip(begins, [*begins[1:], len(windows)], strict=True):
            values = self.values[windows[begin] : windows[end - 1] + whole]
            if len(values) > self.form.season:
                found[self.series[windows[begin]]] = seasonal_error(values, self.form.season)
        # a series that never changed has no scale of this kind: the spread stands in
        return np.where(found > 0, found, self._scale)


def _numbers(rows: Rows, name: str) -> np.ndarray:
    return rows.table[name].cast(float).to_numpy().astype(np.float64)
