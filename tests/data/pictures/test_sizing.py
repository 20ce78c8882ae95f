"""The rule by which sizes and colours are brought together."""

from pathlib import Path

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.read import read_album
from netwright.data.pictures.sizing import choose_column, spread, with_statistics
from tests.data.pictures.make import column, noise, save


def chosen(source: object, most: int = 64, rows: int | None = None):
    album = read_album(source)
    return choose_column(album, np.arange(rows or album.table.rows), most=most, name="image")


def test_the_median_size_of_training_pictures_shrunk(tmp_path: Path) -> None:
    for i, (height, width) in enumerate([(100, 200), (120, 240), (90, 170), (1, 1)]):
        save(tmp_path / f"{i}.png", noise(height, width))
    found, notices = chosen(tmp_path, most=50, rows=3)
    assert (found.height, found.width, found.channels, found.fitting) == (25, 50, 3, "stretch")
    assert "pictures of 3 sizes from 90 × 170 to 120 × 240 (height × width) become 25 × 50, stretched" in str(
        notices[0]
    )
    assert chosen(tmp_path, most=50)[0].fitting == "pad"


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(7, 5, 1))
    found, notices = chosen(tmp_path)
    assert (found.height, found.width, found.channels, notices) == (7, 5, 1, [])
    found, notices = chosen(tmp_path, most=3)
    assert (found.height, found.width) == (3, 2)
    assert "become 3 × 2" in str(notices[0])


def test_one_coloured_picture_makes_all_coloured(tmp_path: Path) -> None:
    save(tmp_path / "1.png", noise(4, 4, 1))
    save(tmp_path / "2.png", noise(4, 4, 3))
    assert chosen(tmp_path)[0].channels == 3
    assert chosen(tmp_path, rows=1)[0].channels == 1


def test_mean_and_spread_are_those_of_training_pictures() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1200, 3, 4, 4), dtype=np.uint8)
    rows = np.arange(0, 1200, 2)
    found = with_statistics(column(4, 4), pixels, rows)
    scaled = pixels[rows] / 255
    np.testing.assert_allclose(found.mean, scaled.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(found.std, scaled.std(axis=(0, 2, 3)))
    flat = with_statistics(column(4, 4, 1), np.full((5, 1, 4, 4), 51, np.uint8), np.arange(5))
    assert (flat.mean[0], flat.std[0]) == (pytest.approx(0.2), 1e-3)


def test_the_scale_of_arrays_is_that_of_training_rows() -> None:
    array = np.stack([np.full((2, 2), value) for value in (12.0, 200.0)])
    assert [(chosen(array, rows=rows)[0].low, chosen(array, rows=rows)[0].high) for rows in (1, 2)] == [
        (0, 15),
        (0, 255),
    ]


def test_rows_are_spread_evenly() -> None:
    assert spread(np.arange(5), 9).tolist() == [0, 1, 2, 3, 4]
    assert spread(np.arange(101), 3).tolist() == [0, 50, 100]


def test_pictures_none_of_which_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: the file is empty"):
        chosen(tmp_path)


def test_what_is_chosen_is_what_comes_out(tmp_path: Path) -> None:
    for i in range(4):
        save(tmp_path / f"{i}.jpg", noise(30 + i, 50, 3, i))
    album = read_album(tmp_path)
    found, _ = choose_column(album, np.arange(4), most=20, name="photo")
    assert decode(album, found).pixels.shape == (4, 3, found.height, found.width)
    assert found.name == "photo"
