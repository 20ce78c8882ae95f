import numpy as np

from netwright.evaluate.plots.heat import colours, overlaid


def test_no_heat_leaves_the_picture_in_grey():
    grey = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    assert np.array_equal(overlaid(grey, np.zeros((1, 8, 8))), grey.repeat(3, axis=1))
    red = np.zeros((1, 3, 2, 2), dtype=np.uint8)
    red[:, 0] = 200
    assert np.unique(overlaid(red, np.zeros((1, 2, 2)))).tolist() == [60]


def test_heat_is_seen_on_black_and_on_white():
    heat = np.linspace(0, 1, 16).reshape(1, 4, 4)
    for shade in (0, 255):
        seen = overlaid(np.full((1, 3, 4, 4), shade, dtype=np.uint8), heat).astype(int)
        red, blue = seen[0, 0].ravel(), seen[0, 2].ravel()
        assert red[-1] - blue[-1] > 100
        assert len({tuple(c) for c in seen[0].reshape(3, -1).T.tolist()}) == 16


def test_colours_grow_lighter_in_even_steps():
    brightness = colours() @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) > 0).all()
    assert np.diff(brightness).max() < 3 * np.diff(brightness).mean()


def test_heat_beyond_its_range_is_held_back():
    picture = np.zeros((1, 1, 1, 3), dtype=np.uint8)
    seen = overlaid(picture, np.array([[[-1.0, 2.0, np.nan]]]))
    assert seen[0, :, 0, 0].tolist() == seen[0, :, 0, 2].tolist() == [0, 0, 0]
    assert np.array_equal(seen[0, :, 0, 1], overlaid(picture, np.ones((1, 1, 3)))[0, :, 0, 1])
