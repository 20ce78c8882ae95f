"""Forecasts against what came, from every place among the steps held out.

n windows, B of them at once, L steps of the past, H of the horizon, T targets, Q quantiles, M steps of all series.
"""

from collections.abc import Iterator, Mapping
from time import monotonic

import numpy as np
import torch
from torch import nn

from netwright.api.fitting import configure, fit
from netwright.api.judging.foretold import forecast_panels
from netwright.api.judging.judged import Judged, device_of
from netwright.api.judging.places import Places
from netwright.api.judging.tally import Tally
from netwright.api.rows import Rows
from netwright.api.session import nobody
from netwright.api.stopping import Stop
from netwright.core.arrays import as_tensor
from netwright.core.settings import Settings
from netwright.data.series.moments import time_words
from netwright.evaluate.evaluation import Evaluation
from netwright.families.registry import find
from netwright.tasks import Forecasting

ROOM = 32_000_000
"""Numbers that the windows judged at once, and what is foretold of them, may have together."""
MOST_ROWS = 1024
"""Windows judged at once at most."""
LAST, SEASON = "last value", "seasonal naive"
"""What repeats the last value, and what repeats the last season."""
ALONE = {"network": "network alone"}
"""What a part of a blend is called where it stands beside the whole."""
OWN, LINE = "forecast", "linear map"
WORST = 10
MOST, FEWEST = 20_000, 500
"""Windows that are judged at most, and however much each of them foretells."""
NUMBERS = 200_000_000
"""Numbers that the windows judged may foretell together."""
PILOT = 64
"""Windows by which it is told how long one takes, where time is short."""
TIME_SHARE = 0.1
"""Share of the time limit that judging may take."""


def judge_forecasts(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """The figures over the windows held out, beside those of simpler things and of the parts of a blend.

    Beside a network alone a closed-form linear map is fitted as well.

    Of very many windows, or where the time is short, some are judged, spread evenly; the captions say how many.
    """
    task = rows.task
    assert isinstance(task, Forecasting)
    places = Places(rows)
    held = _bounded(rows, module, places, settings.time_limit)
    tallies: dict[str, Tally] = {}
    line = _line(rows, module, settings)
    for start, part in _parts(rows, held):
        _tallied(rows, module, places, part, start, len(held), tallies)
        if line is not None:
            tally = tallies.setdefault(LINE, Tally(len(held), task, places.naive_error))
            said = places.in_unit(part, _own(rows, line, part))
            tally.add(start, said, places.truth(part), places.scale(part), places.series[part], banded=True)
    own = tallies.pop(OWN)
    main = "mean absolute error" if len(task.targets) == 1 else "scaled error"
    low, high = own.range_of(main, places.blocks(held), seed=settings.seed)
    evaluation = Evaluation(
        main=main,
        rows=len(held),
        figures=own.figures(),
        low=low,
        high=high,
        baselines={name: tally.figures() for name, tally in tallies.items()},
        unit="window",
    )
    return Judged(
        evaluation=evaluation,
        worst=_worst(rows, places, held, own),
        panels=forecast_panels(rows, module, places, held, own, tallies, lambda part: _own(rows, module, part)),
    )


def _line(rows: Rows, module: nn.Module, settings: Settings) -> nn.Module | None:
    """The linear map fitted on the same windows; None where it is there already, or nothing trains."""
    if hasattr(module, "members") or settings.family in ("linear", "naive") or not len(rows.split.training):
        return None
    family = find("linear", "series")
    quiet = settings.model_copy(update={"device": "cpu"})
    return fit(rows, family, configure(family, rows, {}), quiet, stop=Stop(), watch=nobody).module


def _bounded(rows: Rows, module: nn.Module, places: Places, time_limit: float | None) -> np.ndarray:
    """(n,) the windows that are judged: as many of those held out, spread evenly, as there is time for."""
    task, held = rows.task, rows.split.test
    assert isinstance(task, Forecasting)
    most = max(FEWEST, min(MOST, NUMBERS // task.output_size))
    if time_limit is not None and len(held) > PILOT:
        some, start = evenly(held, PILOT), monotonic()
        tallies: dict[str, Tally] = {}
        for begin, part in _parts(rows, some):
            _tallied(rows, module, places, part, begin, len(some), tallies)
        each = (monotonic() - start) / len(some)
        most = min(most, max(PILOT, int(TIME_SHARE * time_limit / max(each, 1e-9))))
    return evenly(held, most)


def evenly(windows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the windows (n,), spread evenly from the first to the last."""
    if len(windows) <= most:
        return windows
    return windows[np.linspace(0, len(windows) - 1, most).round().astype(np.int64)]


def _tallied(
    rows: Rows,
    module: nn.Module,
    places: Places,
    part: np.ndarray,
    start: int,
    windows: int,
    tallies: dict[str, Tally],
) -> None:
    """Add the errors of the windows (B,), the first of which is number `start` of so many, to those of each name."""
    assert isinstance(rows.task, Forecasting)
    truth, scale = places.truth(part), places.scale(part)
    for name, found in _forecasts(rows, module, part).items():
        tally = tallies.setdefault(name, Tally(windows, rows.task, places.naive_error))
        tally.add(start, places.in_unit(part, found), truth, scale, places.series[part], banded=_banded(name))


def _banded(name: str) -> bool:
    """Whether a forecast has quantiles that mean something."""
    return name not in (LAST, SEASON)


def _parts(rows: Rows, held: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The windows (n,) in parts that memory has room for, and where each part begins."""
    task = rows.task
    assert isinstance(task, Forecasting)
    each = sum(int(np.prod(x.shape[1:])) for x in rows.encoded.inputs) + 8 * task.output_size
    step = max(1, min(MOST_ROWS, ROOM // max(1, each)))
    for start in range(0, len(held), step):
        yield start, held[start : start + step]


def _own(rows: Rows, module: nn.Module, part: np.ndarray) -> np.ndarray:
    """(B, H, T, Q) standardised: what the module foretells."""
    return _asked(rows, module, part, members=False)[OWN]


def _asked(rows: Rows, module: nn.Module, part: np.ndarray, *, members: bool) -> dict[str, np.ndarray]:
    """By name, each (B, H, T, Q) standardised: what the module foretells, and what its parts do."""
    task, device = rows.task, device_of(module)
    assert isinstance(task, Forecasting)
    module.eval()
    with torch.inference_mode():
        inputs = [as_tensor(x[part]).to(device) for x in rows.encoded.inputs]
        found = {OWN: task.predictions(module(*inputs))}
        own: Mapping[str, torch.Tensor] = module.members(*inputs) if members and hasattr(module, "members") else {}  # type: ignore[operator]
        return found | {
            ALONE.get(name, name): task.predictions(outputs)
            for name, outputs in own.items()
            if name not in (LAST, SEASON)
        }


def _forecasts(rows: Rows, module: nn.Module, part: np.ndarray) -> dict[str, np.ndarray]:
    """By name, each (B, H, T, Q) standardised: the module's, then the simpler ones."""
    task, form = rows.task, rows.schema.form
    assert isinstance(task, Forecasting)
    asked = _asked(rows, module, part, members=True)
    past = rows.encoded.inputs[0][part][:, :, : len(task.targets)].astype(np.float64)
    shape = (len(part), task.horizon, len(task.targets), len(task.quantiles))
    simple = {LAST: np.broadcast_to(past[:, -1:, :, None], shape)}
    season = form.season  # type: ignore[union-attr]
    if 1 < season <= past.shape[1]:
        again = past[:, past.shape[1] - season + np.arange(task.horizon) % season]
        simple[SEASON] = np.broadcast_to(again[..., None], shape)
    return {OWN: asked.pop(OWN)} | simple | asked


def _worst(rows: Rows, places: Places, held: np.ndarray, own: Tally) -> tuple[dict[str, object], ...]:
    """The windows with the greatest error, no two of which foretell the same step."""
    form, error = rows.schema.form, own.window_errors()
    chosen: list[int] = []
    for place in np.argsort(-np.nan_to_num(error), kind="stable"):
        window = int(held[place])
        if all(abs(window - int(held[other])) >= form.horizon for other in chosen):  # type: ignore[union-attr]
            chosen.append(int(place))
        if len(chosen) == WORST:
            break
    return tuple(
        {
            "row": int(rows.numbers[held[place]]),
            "foretold from": time_words(places.grid, int(places.times(held[place : place + 1])[0, 0])),
            **places.named(int(held[place])),
            own.error_title: float(error[place]),
        }
        for place in chosen
    )
