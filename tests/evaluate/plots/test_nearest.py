import numpy as np

from netwright.evaluate.plots.nearest import nearest, nearest_pictures

RANDOM = np.random.default_rng(0)


def test_the_nearest_is_found_across_blocks():
    reals = RANDOM.integers(0, 256, (2300, 1, 4, 4), dtype=np.uint8)
    fakes = reals[[0, 1234, 2299]].copy()
    fakes[1] ^= 1
    places, away = nearest_pictures(fakes, reals)
    assert places.tolist() == [0, 1234, 2299]
    assert np.allclose(away, [0, 1 / 255, 0])


def test_a_pair_with_its_distance():
    html = nearest(np.zeros((2, 3, 8, 8), dtype=np.uint8), np.full((5, 3, 8, 8), 51, dtype=np.uint8))
    assert html.count("<img ") == 4
    assert html.count("<figcaption>0.200 apart</figcaption>") == 2
    assert nearest(np.zeros((2, 3, 8, 8), dtype=np.uint8), np.zeros((0, 3, 8, 8), dtype=np.uint8)) == ""
