"""The figures of a report on forecasts.

n windows, H steps of the horizon, T targets, Q quantiles.
"""

from collections.abc import Callable, Mapping

import numpy as np
from torch import nn

from netwright.api.judging.places import Places
from netwright.api.judging.tally import Tally
from netwright.api.rows import Rows
from netwright.data.series.moments import time_words
from netwright.evaluate.format import figure, percent, shorten
from netwright.evaluate.panels import Panel
from netwright.evaluate.plots.forecasts import Foretold, by_step, over_truth, shares
from netwright.tasks import Forecasting

SERIES, TARGETS = 3, 2
"""Series, and targets, that are drawn at most."""
PAST = 3
"""Horizons of the past that are drawn before a forecast, at most."""
LEAST_PAST = 48
HEADINGS = {"the last": "The last forecast", "typical": "A typical forecast", "the worst": "The worst forecast"}


def forecast_panels(
    rows: Rows,
    module: nn.Module,
    places: Places,
    held: np.ndarray,
    own: Tally,
    others: Mapping[str, Tally],
    foretell: Callable[[np.ndarray], np.ndarray],
) -> tuple[Panel, ...]:
    """Forecasts over what came, the error by step, and what a blend is made of.

    `foretell` gives (B, H, T, Q) standardised for windows (B,); `own` and `others` are the errors over those `held`.
    """
    task = rows.task
    assert isinstance(task, Forecasting)
    drawn = []
    for what, place in _chosen(places, held, own.window_errors()):
        window = held[place : place + 1]
        found = places.in_unit(window, foretell(window))[0]
        error = figure("mean absolute error", float(own.window_errors()[place]))
        caption = f"{own.error_title} of this window: {error}.".capitalize()
        for t in range(min(TARGETS, len(task.targets))):
            drawn.append(_drawn(places, task, int(window[0]), t, found[:, t], heading=HEADINGS[what], caption=caption))
    steps = {"this forecast": own.step_errors()} | {name: tally.step_errors() for name, tally in others.items()}
    title = "Error by step of the horizon"
    told = "How the error grows the further ahead a step lies; below the others is better."
    if len(held) < len(rows.split.test):
        told += f" All figures are of {len(held):,} of the {len(rows.split.test):,} windows held out, spread evenly."
    more = [Panel(section="Forecasts", title=title, html=by_step(steps, own.error_title), caption=told)]
    weights, names = getattr(module, "weights", None), getattr(module, "names", ())
    if weights is not None and len(names) == weights.shape[-1] and weights.dim() == 2:
        picture = shares(weights.detach().cpu().double().numpy(), names)
        words = "How much each part counts at each step ahead, found on the steps that validate."
        more.append(Panel(section="Forecasts", title="What the forecast is made of", html=picture, caption=words))
    return (*drawn, *more)


def _chosen(places: Places, held: np.ndarray, errors: np.ndarray) -> list[tuple[str, int]]:
    """Which windows are drawn, and why: the last, the typical and the worst, then the last of other series."""
    known = np.flatnonzero(np.isfinite(errors))
    if not len(known):
        return []
    order = known[np.argsort(errors[known], kind="stable")]
    picked = [("the last", int(known[-1])), ("typical", int(order[len(order) // 2])), ("the worst", int(order[-1]))]
    series = places.series[held]
    for which in dict.fromkeys(series[known].tolist()):
        if len({int(series[place]) for _, place in picked}) >= SERIES:
            break
        if which not in {int(series[place]) for _, place in picked}:
            picked.append(("the last", int(known[series[known] == which][-1])))
    return [(what, place) for i, (what, place) in enumerate(picked) if place not in [p for _, p in picked[:i]]]


def _drawn(
    places: Places, task: Forecasting, window: int, column: int, found: np.ndarray, *, heading: str, caption: str
) -> Panel:
    """One forecast (H, Q) of the target in this column over what came."""
    form, target = places.form, shorten(task.targets[column], 40)
    times, values = places.before(window, max(LEAST_PAST, form.season, min(form.window, PAST * form.horizon)))
    ahead, truth = places.times(np.asarray([window]))[0], places.truth(np.asarray([window]))[0, :, column]
    name = next((f" of {shorten(str(one), 40)!r}" for one in places.named(window).values()), "")
    low, high = task.quantiles[0], task.quantiles[-1]
    picture = over_truth(
        Foretold(
            name=target,
            past_times=times,
            past=values[:, column],
            times=ahead,
            truth=truth,
            middle=found[:, task.middle],
            low=found[:, 0] if len(task.quantiles) > 1 else None,
            high=found[:, -1] if len(task.quantiles) > 1 else None,
            inside=percent(high - low),
        ),
        dated=form.step[-1] != "i",
    )
    begins = time_words(places.grid, int(ahead[0]))
    title = f"{heading}{name}, from {begins} on" + (f": {target}" if len(task.targets) > 1 else "")
    return Panel(section="Forecasts", title=title, html=picture, caption=caption)
