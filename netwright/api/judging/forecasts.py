"""Forecasts against what came, from every place among the steps held out.

n windows, B of them at once, L steps of the past, H of the horizon, T targets, Q quantiles, M steps of all series.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from netwright.api.judging.foretold import forecast_panels
from netwright.api.judging.judged import Judged, device_of
from netwright.api.judging.places import Places
from netwright.api.judging.tally import Tally
from netwright.api.rows import Rows
from netwright.core.arrays import as_tensor
from netwright.core.settings import Settings
from netwright.data.series.moments import time_words
from netwright.evaluate.evaluation import Evaluation
from netwright.tasks import Forecasting

ROOM = 32_000_000
"""Numbers that the windows judged at once, and what is foretold of them, may have together."""
MOST_ROWS = 1024
"""Windows judged at once at most."""
LAST, SEASON = "last value", "seasonal naive"
"""What repeats the last value, and what repeats the last season."""
ALONE = {"network": "network alone"}
"""What a part of a blend is called where it stands beside the whole."""
OWN = "forecast"
WORST = 10


def judge_forecasts(rows: Rows, module: nn.Module, settings: Settings) -> Judged:
    """The figures over all windows held out, beside those of simpler things and of the parts of a blend."""
    task, held = rows.task, rows.split.test
    assert isinstance(task, Forecasting)
    places = Places(rows)
    tallies: dict[str, Tally] = {}
    for start, part in _parts(rows, held):
        truth, scale = places.truth(part), places.scale(part)
        for name, found in _forecasts(rows, module, part).items():
            tally = tallies.setdefault(name, Tally(len(held), task, places.naive_error))
            tally.add(start, places.in_unit(part, found), truth, scale, places.series[part], banded=_banded(name))
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
