import numpy as np
import pytest
import torch

from netwright.core.batch import Batch
from netwright.families.forecast.line import LinearMap
from tests.families.forecast.made import cut, rows_of, schema_of, walk, wave


def fitted(values: np.ndarray, *, known: np.ndarray | None = None, season: int = 7) -> tuple[LinearMap, Batch]:
    width = 0 if known is None else known.shape[1]
    targets = values.shape[1]
    every = cut(values, schema_of(targets=targets), known)
    line = LinearMap(12, 4, targets, width, season)
    line.fit(rows_of(every, slice(0, -60)), rows_of(every, slice(-40, None)))
    return line, rows_of(every, slice(-40, None))


def error(line: LinearMap, batch: Batch) -> float:
    return float((line(*batch.inputs) - batch.target).square().mean())


def test_it_foretells_what_repeats():
    line, held = fitted(wave(noise=0.0))
    assert error(line, held) < 1e-4


def test_what_cannot_be_foretold_is_the_last_value():
    line, held = fitted(walk())
    last = held.inputs[0][:, -1:].expand(-1, 4, -1)
    assert bool(line.from_last) and torch.allclose(line(*held.inputs), last, atol=0.02)


@pytest.mark.parametrize(("shift", "scale"), [(100.0, 1.0), (0.0, 3.0), (-7.0, 20.0)])
def test_a_series_moved_and_scaled_has_its_forecast_moved_and_scaled(shift: float, scale: float):
    line, held = fitted(wave())
    past, ahead = held.inputs
    assert torch.allclose(line(shift + scale * past, ahead), shift + scale * line(past, ahead), atol=1e-3)


def test_targets_share_the_map():
    line, held = fitted(np.concatenate([wave(), wave(seed=1) * 5], 1))
    past, ahead = held.inputs
    assert torch.allclose(line(past.flip(2), ahead).flip(2), line(past, ahead))


def test_what_is_known_ahead_is_used_where_it_tells():
    draw = np.random.default_rng(0)
    known = (draw.random((260, 1)) < 0.2).astype(float)
    line, held = fitted(wave() + 3 * known, known=known)
    assert abs(float(line.known[0, 0]) - 3) < 0.5
    blank, _ = fitted(wave() + 3 * known)
    assert error(line, held) < 0.6 * error(
        blank, Batch((held.inputs[0], held.inputs[1][..., :0]), held.target, held.fold)
    )
    useless, _ = fitted(wave(), known=draw.normal(size=(260, 1)))
    assert not useless.known.any()


def test_windows_of_which_nothing_was_observed_never_touch_the_weights():
    every = cut(wave(), schema_of())
    holes = Batch(inputs=every.inputs, target=every.target.clone(), fold=every.fold)
    holes.target[10:30] = float("nan")
    kept = torch.cat([torch.arange(10), torch.arange(30, len(every))])
    both = []
    for batch in (holes, Batch(tuple(x[kept] for x in every.inputs), every.target[kept], every.fold[kept])):
        line = LinearMap(12, 4, 1, 0, 7)
        line.fit(batch, batch, penalty=0.1)
        both.append(line.weight)
    assert torch.allclose(both[0], both[1], atol=1e-6) and torch.isfinite(both[0]).all()


def test_a_part_that_was_not_observed_is_stood_in_for():
    values = wave(noise=0.0)
    values[50:52] = np.nan
    every = cut(values, schema_of())
    clean = Batch(inputs=cut(wave(noise=0.0), schema_of()).inputs, target=every.target, fold=every.fold)
    line = LinearMap(12, 4, 1, 0, 7)
    line.fit(rows_of(clean, slice(0, -60)), rows_of(clean, slice(-40, None)))
    assert error(line, rows_of(clean, slice(-40, None))) < 1e-2


def test_without_windows_it_repeats_the_last_value():
    none = rows_of(cut(wave(), schema_of()), slice(0, 0))
    line = LinearMap(12, 4, 1, 0, 7)
    line.fit(none, none)
    past = torch.randn(3, 12, 1)
    assert torch.equal(line(past, torch.zeros(3, 16, 0)), past[:, -1:].expand(-1, 4, -1))


def test_fitting_again_takes_the_last_windows_too():
    every = cut(wave(), schema_of())
    line = LinearMap(12, 4, 1, 0, 7)
    first, last = rows_of(every, slice(0, -60)), rows_of(every, slice(-60, None))
    line.fit(first, last)
    before = line.weight.clone()
    line.refit(first, last)
    assert not torch.equal(before, line.weight) and torch.isfinite(line.weight).all()
