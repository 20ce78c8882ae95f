"""Scores of strange rows: neighbours, thresholds, and what counts as ordinary."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from netwright.core.errors import InputError
from netwright.families.autoencoder import neighbours
from netwright.families.autoencoder.family import FAMILY
from netwright.families.autoencoder.neighbours import Neighbours
from netwright.families.autoencoder.scores import RobustZ, threshold
from netwright.families.autoencoder.standardized import unsquashed
from tests.families.autoencoder.made import ROWS, Made, labelled

MAKER = torch.Generator().manual_seed(4)


def test_distances_are_those_of_scikit_learn():
    kept, asked = torch.randn(300, 4, generator=MAKER), torch.randn(50, 4, generator=MAKER)
    mine = Neighbours(4)
    mine.keep(kept)
    reference = NearestNeighbors(n_neighbors=5).fit(kept.numpy())
    assert np.allclose(mine(asked), reference.kneighbors(asked.numpy())[0].mean(1), atol=1e-5)
    assert np.allclose(mine.leave_one_out(), reference.kneighbors()[0].mean(1), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_places_without_a_row_are_never_neighbours(count: int):
    kept = torch.randn(count, 3, generator=MAKER) + 50  # nearer to it than zero, where empty places lie
    mine = Neighbours(3)
    mine.keep(kept)
    assert mine.count == count
    far = mine(torch.zeros(4, 3))
    assert torch.isfinite(far).all() and far.min() > 50
    assert torch.isfinite(mine.leave_one_out()).all()
    near = mine(kept[:1])
    assert near < 20


def test_more_rows_than_places(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_ROWS", 10)
    made = Made("anomaly", "table")
    made.finish()
    assert made.module.neighbours.count == 10
    assert torch.equal(made.module.neighbours.kept, made.module.flat(*(x[::9] for x in made.training.inputs)))
    with torch.no_grad():
        assert torch.isfinite(made.module(*made.batch.inputs)).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=300), st.floats(0.01, 0.5))
def test_a_threshold_lets_no_more_than_its_share_through(scores: list[float], share: float):
    values = torch.tensor(scores, dtype=torch.float64)
    assert float((values > threshold(values, share)).double().mean()) <= share


def test_a_threshold_gives_its_share_on_rows_it_has_not_seen():
    scores = torch.randn(20_000, generator=MAKER)
    limit = threshold(scores[:10_000], 0.05)
    assert abs(float((scores[10_000:] > limit).double().mean()) - 0.05) < 0.01


def test_robust_z_ignores_the_few_and_bears_equal_distances():
    distances = torch.randn(2000, generator=MAKER).exp()
    score = RobustZ()
    score.fit(torch.cat([distances, torch.full((50,), 1e6)]))
    z = score(distances)
    assert abs(z.median()) < 0.1 and abs(z.std() - 1) < 0.1
    for same in (torch.zeros(5), torch.ones(5)):
        score.fit(same)
        assert torch.isfinite(score(torch.tensor([0.0, 1.0, 1e6]))).all()


def test_far_values_stay_far():
    z = torch.tensor([-1e6, -50.0, -3.0, 0.0, 0.2, 3.0, 50.0, 1e6])
    back = unsquashed(z / (1 + (z / 3) ** 2).sqrt())
    assert torch.allclose(back[1:-1], z[1:-1], rtol=1e-3) and back[-1] == pytest.approx(100, rel=1e-3)
    assert torch.isfinite(unsquashed(torch.tensor([3.0, -3.5]))).all()


def test_alarms_are_as_rare_as_asked_and_far_rows_raise_one():
    made = Made("anomaly", "table", task={"false_alarms": 0.1})
    made.step(30)
    made.finish()
    with torch.no_grad():
        ordinary = made.module(*made.validation.inputs)
        numbers, categories = (x.clone() for x in made.validation.inputs)
        strange = made.module(numbers * -1 + 2.8, torch.zeros_like(categories))
    assert ordinary[:, 3].mean() <= 0.1
    assert strange[:, 3].mean() > 0.9 and (strange[:, :3].median(0).values > ordinary[:, :3].amax(0)).all()


def test_only_rows_of_the_normal_label_are_learned_from():
    label, _ = labelled(ROWS)
    states = []
    for broken in (False, True):
        made = Made("anomaly", "table", task={"label": label, "normal": "b", "false_alarms": 0.2})
        if broken:
            for batch in (made.batch, made.training, made.validation):
                batch.inputs[0][batch.target == 0] = 2.5
        torch.manual_seed(0)
        assert FAMILY.prepare is not None
        FAMILY.prepare(made.module, made.config, made.task, made.training, made.validation)
        torch.manual_seed(1)
        made.step(3)
        made.finish()
        states.append(made.module.state_dict())
    assert all(torch.allclose(value, states[1][name], atol=1e-6) for name, value in states[0].items())


def test_a_label_nobody_has_is_told():
    label, _ = labelled(ROWS)
    with pytest.raises(InputError, match="--normal LABEL"):
        Made("anomaly", "table", task={"label": label, "normal": "c"})
    made = Made("anomaly", "table", task={"label": label, "normal": "b"})
    with pytest.raises(InputError, match="ordinary"):
        made.module.prepare(made.task, made.take(torch.arange(0, ROWS, 2)))
