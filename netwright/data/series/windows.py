"""Steps become windows: what a network is fed, as views that cost no memory.

S series, M steps of all of them, L steps of a window, H of the horizon, V numbers a step, T of them targets, K numbers
known in advance (columns, then sine and cosine of the calendar), N = M − L − H + 1 windows, one from each step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netwright.core.forms import SeriesForm, SeriesStatistics
from netwright.core.schema import TimePart
from netwright.data.encode import Encoded, parts_encoded
from netwright.data.series.calendar import calendar
from netwright.data.series.gaps import filled
from netwright.data.series.regular import Regular

FAR = 1e4
"""Standardised values are held within ± this, so that one wild value does not drown the others."""
BEND = 3.0
"""Standard deviations that columns beside the targets end at: training may have seen them hardly vary."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What windows are cut from, float32: `past` (M, V), `ahead` (M, K), `target` (M, T), NaN where not observed."""

    past: np.ndarray
    ahead: np.ndarray
    target: np.ndarray


def statistics(series: Regular, training: np.ndarray | None = None) -> tuple[SeriesStatistics, ...]:
    """Mean and spread of each column of each series over the steps in the mask (M,), or over all of them.

    A column that does not vary gets a scale of 1, one without a value a center of 0.
    """
    found = []
    for which, name in enumerate(series.ids):
        inside = series.of(which)
        values = series.values[inside] if training is None else series.values[inside][training[inside]]
        measured = [_measured(values[:, i]) for i in range(values.shape[1])]
        center, scale = zip(*measured, strict=True)
        found.append(SeriesStatistics(id=name, steps=max(1, len(values)), center=center, scale=scale))
    return tuple(found)


def _measured(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    center, scale = float(known.mean()), float(known.std())
    return center, scale if scale > 1e-9 * max(abs(center), 1e-130) else 1.0


def with_unknown(form: SeriesForm, series: Regular) -> tuple[SeriesForm, tuple[str, ...]]:
    """The form with statistics of the series that training did not know, by their own values, and their names."""
    known = {one.id for one in form.series}
    unknown = tuple(name for name in series.ids if name not in known)
    if not unknown:
        return form, ()
    own = tuple(one for one in statistics(series) if one.id not in known)
    return form.model_copy(update={"series": (*form.series, *own)}), unknown


def steps_of(form: SeriesForm, series: Regular, parts: Sequence[TimePart], shown: np.ndarray) -> Steps:
    """The steps as the network sees them, each series standardised as the form says; `shown` (M,) are the times that
    clocks show. What is no target is bent smoothly towards ± `BEND`.
    """
    known: Mapping[str, SeriesStatistics] = {one.id: one for one in form.series}
    used = [known[name] for name in series.ids]
    center, scale = np.asarray([s.center for s in used]), np.asarray([s.scale for s in used])
    which, targets, ahead_from = series.series, len(form.targets), len(form.targets) + len(form.past)
    # clipped as the past is, lest one wild value decide the loss; figures are measured on the values themselves
    scaled = np.clip((series.values - center[which]) / scale[which], -FAR, FAR)
    past = np.nan_to_num(filled(scaled, series.starts, form.season))
    beside = past[:, targets:]
    past[:, targets:] = beside / np.sqrt(1 + np.square(beside / BEND))
    past = past.astype(np.float32)
    return Steps(
        past=past,
        ahead=np.concatenate([past[:, ahead_from:], calendar(shown, parts)], axis=1),
        target=np.ascontiguousarray(scaled[:, :targets], dtype=np.float32),
    )


def windows(form: SeriesForm, steps: Steps) -> tuple[Encoded, np.ndarray]:
    """(past (N, L, V), ahead (N, L + H, K)) and target (N, H, T), all of them views of the steps.

    Window i begins at step i and foretells the steps from i + L on; those that cross from a series into the next one
    are there too: `starts_of` says which are whole.
    """
    length, whole = form.window, form.window + form.horizon
    past = _views(steps.past, length)[: max(0, len(steps.past) - whole + 1)]
    target = _views(steps.target[length:], form.horizon)
    return parts_encoded(past, _views(steps.ahead, whole), lengths=(None, None)), target


def _views(values: np.ndarray, length: int) -> np.ndarray:
    """(M, V) → (M − length + 1, length, V), a view; without rows where there are fewer steps."""
    if len(values) < length:
        return np.zeros((0, length, values.shape[1]), dtype=values.dtype)
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0).transpose(0, 2, 1)


def starts_of(form: SeriesForm, series: Regular) -> np.ndarray:
    """(n,) the windows that lie within one series."""
    whole = form.window + form.horizon
    parts = [np.arange(b, e - whole + 1) for b, e in zip(series.starts[:-1], series.starts[1:], strict=True)]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int64)]).astype(np.int64)


def observed(form: SeriesForm, target: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(n,) whether anything of what the windows `starts` (n,) foretell was observed; `target` (M, T)."""
    known = np.concatenate([[0], np.cumsum(np.isfinite(target).any(axis=1))])
    first = starts + form.window
    return known[first + form.horizon] > known[first]
