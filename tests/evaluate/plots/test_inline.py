import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from netwright.data.pictures.pillow import to_png
from netwright.evaluate.plots.inline import MOST_SIDE, inline, shrunk

RANDOM = np.random.default_rng(0)


def pictures() -> list[np.ndarray]:
    y, x = np.mgrid[:20, :31]
    return [
        RANDOM.integers(0, 256, (1, 7, 5), dtype=np.uint8),
        RANDOM.integers(0, 256, (3, 5, 9), dtype=np.uint8),
        np.stack([x * 8, y * 12, (x + y) * 5]).astype(np.uint8),
        np.full((1, 1, 1), 9, dtype=np.uint8),
    ]


@pytest.mark.parametrize("place", range(4))
def test_another_reader_of_png_sees_the_same_pixels(place: int):
    picture = pictures()[place]
    seen = np.asarray(Image.open(BytesIO(to_png(picture))))
    assert np.array_equal(seen.reshape(*picture.shape[1:], -1).transpose(2, 0, 1), picture)


def test_smooth_pictures_are_packed_by_their_differences():
    smooth = pictures()[2]
    assert len(to_png(smooth)) < smooth.size / 8


def test_shrinking_averages():
    picture = RANDOM.integers(0, 256, (3, 12, 8), dtype=np.uint8)
    assert shrunk(picture, 12) is picture
    means = picture.reshape(3, 6, 2, 4, 2).mean((2, 4))
    assert np.abs(shrunk(picture, 6) - means).max() <= 0.5
    assert shrunk(picture, 1).shape == (3, 1, 1)
    assert shrunk(np.full((1, 7, 300), 77, dtype=np.uint8), 64).tolist() == [[[77] * 64]]


def test_large_pictures_are_shrunk():
    (tag,) = inline([np.zeros((1, 300, 900), dtype=np.uint8)], ["x"])
    code = re.search(r"base64,([^\"]*)", tag)
    assert code is not None
    assert Image.open(BytesIO(b64decode(code.group(1)))).size == (MOST_SIDE, 53)
