"""Which numbers are black and white: usual scales where pictures fill them, else what was measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.data.pictures.decoding import decode
from netwright.data.pictures.loaders import ArrayPictures
from netwright.data.pictures.read import read_album
from netwright.data.pictures.scaling import OVERSHOOT, SCALES, matching_scale, measured_scale, scale_notice
from tests.data.pictures.make import column

BYTES = np.uint8


def arrays(source: np.ndarray | list) -> ArrayPictures:
    loader = read_album(source).loader
    assert isinstance(loader, ArrayPictures)
    return loader


def measured(array: np.ndarray) -> tuple[float, float]:
    return measured_scale(arrays(array.reshape(1, 1, -1)), np.arange(1))


@pytest.mark.parametrize(
    ("array", "low", "high"),
    [
        (np.array([0, 200], BYTES), 0, 255),
        (np.array([0, 1], BYTES), 0, 1),
        (np.array([0, 2], BYTES), 0, 2),
        (np.array([0, 13], BYTES), 0, 15),
        (np.array([0, 16], BYTES), 0, 16),
        (np.array([0, 40], BYTES), 0, 40),
        (np.array([0, 0], BYTES), 0, 1),
        (np.array([0.0, 1.0]), 0, 1),
        (np.array([0.0, 1.05]), 0, 1),
        (np.array([-0.04, 1.05]), 0, 1),
        (np.array([0.0, 1.2]), 0, 1.2),
        (np.array([0.0, 0.4]), 0, 0.4),
        (np.array([0.0, 3e-9]), 0, 3e-9),
        (np.array([-0.9, 0.5]), -1, 1),
        (np.array([-1.04, 1.02]), -1, 1),
        (np.array([-0.5, 2.8]), -0.5, 2.8),
        (np.array([-0.2, 0.1]), -0.2, 0.1),
        (np.array([0, 16]), 0, 16),
        (np.array([0, 17]), 0, 17),
        (np.array([0.0, 15.5]), 0, 16),
        (np.array([0, 15], np.uint16), 0, 15),
        (np.array([0.0, 200.0, np.nan]), 0, 255),
        (np.array([0.0, 255.4]), 0, 255),
        (np.array([0.0, 300.0]), 0, 300),
        (np.array([0, 4000], np.int32), 0, 4095),
        (np.array([0, 60000], np.uint16), 0, 65535),
        (np.array([0.0, 1e6]), 0, 1e6),
        (np.array([0.0, 0.0]), 0, 1),
        (np.array([-2.0, -2.0]), -2, -2 * (1 - 1e-6)),
        (np.array([False, True]), 0, 1),
        (np.array([np.nan, np.nan]), 0, 1),
    ],
)
def test_the_full_scale(array: np.ndarray, low: float, high: float) -> None:
    assert measured(array) == (low, pytest.approx(high))


@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=2, max_size=5))
def test_levels_are_kept_whatever_the_numbers(values: list[float]) -> None:
    low, high = measured(np.array(values))
    assert low < high
    lowest, highest = min(0.0, *values), max(values)
    slack = OVERSHOOT * 1.0001 * (high - low)
    assert low - slack <= lowest and highest <= high + slack  # hardly anything is clipped
    reach = max(-lowest, highest)
    assert reach == 0 or 2 * reach > 0.9999 * max(-low, high)  # and more than half of the levels serve
    usual = [(-1.0, 1.0), *((0.0, float(scale)) for scale in SCALES)]
    assert (low, high) in usual or low == lowest


@pytest.mark.parametrize("first", [BYTES(200), BYTES(3)])
def test_pictures_of_different_sizes(first: BYTES) -> None:
    loader = arrays([np.full((2, 2), first), np.full((3, 3), 7, BYTES)])
    assert measured_scale(loader, np.arange(2)) == ((0, 255) if first > 127 else (0, 7))


@pytest.mark.parametrize(
    ("array", "own", "wanted"),
    [
        (np.array([0, 1], BYTES), (0, 1), (0, 1)),
        (np.array([0, 2], BYTES), (0, 1), (0, 255)),
        (np.array([0, 1], BYTES), (-1, 1), (0, 1)),
        (np.array([0, 200], BYTES), (-1, 1), (0, 255)),
        (np.array([0, 16], BYTES), (0, 16), (0, 16)),
        (np.array([0.0, 1.05, np.nan]), (0, 255), (0, 1)),
        (np.array([0.0, 2.0]), (0, 255), (0, 255)),
        (np.array([0.0, 0.5]), (0, 4095), (0, 1)),
        (np.array([0, 60_000], np.uint16), (0, 255), (0, 65535)),
        (np.array([-1.0, 0.9]), (0, 1), (-1, 1)),
        (np.array([0.0, 250.0]), (0, 1), (0, 255)),
        (np.array([0, 7]), (0, 3.5), (0, 3.5)),
    ],
)
def test_what_is_given_later_is_matched(array: np.ndarray, own: tuple, wanted: tuple) -> None:
    form = column(1, array.size, 1, low=float(own[0]), high=float(own[1]))
    assert matching_scale(arrays(array.reshape(1, 1, -1)), form) == wanted


def test_zeros_and_ones_are_black_and_white() -> None:
    array = np.array([[[0, 1], [1, 0]]], BYTES)
    low, high = measured(array)
    assert decode(read_album(array), column(2, 2, 1, low=low, high=high)).pixels.ravel().tolist() == [0, 255, 255, 0]


def test_another_scale_is_told() -> None:
    form = column(1, 2, 1, low=0.0, high=255.0)
    assert scale_notice(arrays(np.array([[[0, 255]]], np.uint8)), form) == []
    assert scale_notice(arrays(np.array([[[0.0, 1.0]]])), form) == []
    (notice,) = scale_notice(arrays(np.array([[[0, 65535]]], np.uint16)), form)
    assert "0 to 65535" in notice.what and "0 to 255" in notice.what
    assert scale_notice(None, form) == []
