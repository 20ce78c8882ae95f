import numpy as np
import pytest
import torch

from netwright.metrics.generation import confident_share, frechet, label_kl, nearest, precision_recall, random_features

random = np.random.default_rng(0)


def exactly(mean: np.ndarray, cov: np.ndarray, rows: int = 200) -> np.ndarray:
    """Rows with just this mean and covariance."""
    x = np.random.default_rng(1).normal(size=(rows, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(cov).T + mean


def test_frechet_of_two_gaussians_is_the_formula():
    a = exactly(np.array([0.0, 0.0]), np.diag([4.0, 1.0]))
    b = exactly(np.array([3.0, 4.0]), np.diag([1.0, 9.0]))
    assert frechet(a, b) == pytest.approx(25 + (2 - 1) ** 2 + (1 - 3) ** 2)
    assert frechet(b, a) == pytest.approx(frechet(a, b))
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_of_one_feature_and_of_fewer_rows_than_features():
    assert frechet(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])) == pytest.approx(1)
    few = random.normal(size=(4, 50))
    assert frechet(few, few) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(frechet(few, few + 1)) and frechet(few, few + 1) == pytest.approx(50, rel=1e-6)


def test_too_few_rows_have_no_figure_and_raise_nothing():
    none, one, two = np.zeros((0, 3)), np.zeros((1, 3)), np.ones((2, 3))
    for few in (none, one):
        assert np.isnan(frechet(few, two)) and np.isnan(frechet(two, few))
    assert np.isnan(precision_recall(one, two)[0]) and precision_recall(one, two)[1] == 0
    assert np.isnan(precision_recall(none, none)).all() and precision_recall(two, two) == (1, 1)
    assert np.isnan(label_kl([0, 0], [1, 2])) and np.isnan(label_kl([1, 2], [0, 0]))
    assert np.isnan(confident_share(np.zeros((0, 2))))
    assert frechet(np.zeros((2, 1)), np.ones((2, 1))) == 1


def test_frechet_agrees_with_scipys_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    a = random.normal(size=(300, 8)) @ random.normal(size=(8, 8))
    b = random.normal(size=(400, 8)) @ random.normal(size=(8, 8)) + 1
    cov = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(linalg.sqrtm(cov[0] @ cov[1]))
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov[0] + cov[1] - 2 * root)
    assert frechet(a, b) == pytest.approx(wanted, rel=1e-8)


def test_label_kl():
    assert label_kl([5, 5], [50, 50]) == 0
    assert label_kl([10, 0], [50, 50]) == pytest.approx(np.log(2))
    assert label_kl([1, 3], [1, 1]) == pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5))
    assert label_kl([1, 1], [2, 0]) == np.inf


def test_confident_share():
    assert confident_share(np.array([[0.95, 0.05], [0.5, 0.5], [0.1, 0.9], [0.2, 0.8]])) == 0.5
    assert confident_share(np.array([[0.6, 0.4]]), at=0.6) == 1


def test_precision_and_recall_at_their_ends():
    real = random.normal(size=(200, 3))
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)
    one_spot = real[:1] + 1e-6 * random.normal(size=(200, 3))
    precision, recall = precision_recall(real, one_spot)
    assert precision == 1 and recall < 0.02
    two = np.concatenate([real, real + 100])
    assert precision_recall(two, real) == (1, 0.5)


def test_nearest_finds_copies():
    real = random.normal(size=(1500, 4))
    index, away = nearest(real, real[[7, 1200, 3]])
    assert index.tolist() == [7, 1200, 3] and away.tolist() == [0, 0, 0]
    index, away = nearest(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[3.0, 4.0]]))
    assert index.tolist() == [0] and away.tolist() == [5]
    assert nearest(real, real[:0])[0].shape == (0,)


@pytest.mark.parametrize("shape", [(3, 1, 28, 28), (3, 3, 8, 9), (3, 1, 1, 1), (3, 5)])
def test_random_features_are_the_same_in_every_run(shape: tuple[int, ...]):
    rows = random.normal(size=shape)
    first = random_features(rows)
    state = torch.get_rng_state()
    assert np.array_equal(first, random_features(rows)) and torch.equal(state, torch.get_rng_state())
    assert first.shape[0] == 3 and first.ndim == 2 and first.dtype == np.float64 and np.isfinite(first).all()
    assert not np.array_equal(first, random_features(rows, seed=1))
    assert np.allclose(first[1:2], random_features(rows[1:2])), "rows do not see each other"
    assert len(random_features(rows[:0])) == 0


def test_bytes_are_scaled():
    pictures = random.integers(0, 256, (2, 1, 8, 8)).astype(np.uint8)
    assert np.allclose(random_features(pictures), random_features(pictures / 127.5 - 1))
