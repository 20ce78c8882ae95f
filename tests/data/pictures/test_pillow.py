"""Every kind of picture becomes the pixels a person sees; what can't be read says why."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from netwright.data.pictures import pillow
from netwright.data.pictures.pillow import Head, Unreadable, fit_array, pixels, sheet, size_and_mode, to_png
from tests.data.pictures.make import encoded, noise, save


def colour(data: bytes | str, height: int, width: int, fitting: str = "stretch") -> np.ndarray:
    return pixels(data, channels=3, height=height, width=width, fitting=fitting)


def grey(data: bytes | str, height: int, width: int, fitting: str = "stretch") -> np.ndarray:
    return pixels(data, channels=1, height=height, width=width, fitting=fitting)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(0, 99))
def test_an_array_written_as_png_comes_back_the_same(height: int, width: int, channels: int, seed: int) -> None:
    array = noise(height, width, channels, seed)
    planes = array[None] if channels == 1 else array.transpose(2, 0, 1)
    for form in (array, planes):
        if form.ndim == 3 and form is array and height in (1, 3):
            continue  # channels first would do
        back = pixels(to_png(form), channels=channels, height=height, width=width, fitting="pad")
        np.testing.assert_array_equal(back, planes)


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.integers(0, 255),
    st.sampled_from(["pad", "stretch"]),
)
def test_one_colour_stays_that_colour_at_every_size(before: tuple, after: tuple, value: int, fitting: str) -> None:
    array = np.full((1, *before), value, dtype=np.uint8)
    out = fit_array(array, channels=3, height=after[0], width=after[1], fitting=fitting)
    assert out.shape == (3, *after)
    assert (out == value).all()


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "HSV", "LAB"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same_red_and_grey(mode: str) -> None:
    sixteen = mode in ("I;16", "I", "F")
    image = Image.new("RGB", (4, 3), (200, 30, 40))
    if sixteen:
        image = Image.fromarray(np.full((3, 4), {"I;16": 200 * 257, "I": 200 * 257, "F": 200}[mode], np.uint16))
        image = (
            image if mode == "I;16" else Image.fromarray(np.asarray(image).astype(np.int32 if mode == "I" else "f4"))
        )
    elif mode == "LAB":
        image = Image.new("LAB", (4, 3), (112, 190, 160))
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert(mode)
    seen = fit_plain(image, 3)
    assert seen.shape == (3, 3, 4)
    if mode in ("RGB", "RGBA", "CMYK", "YCbCr", "HSV", "P", "PA"):
        assert abs(seen[:, 0, 0].astype(int) - [200, 30, 40]).max() <= 55  # a palette of 216 colours is coarse
    if sixteen:
        assert (seen == 200).all()
        assert (fit_plain(image, 1) == 200).all()


def fit_plain(image: Image.Image, channels: int) -> np.ndarray:
    return pillow.planes(np.asarray(pillow.as_plain(image, channels)))


KINDS = "1 PNG, L JPEG, P GIF, RGB BMP, RGB WEBP, CMYK JPEG, CMYK TIFF, YCbCr TIFF, I;16 PNG, I;16 TIFF, F TIFF, LA PNG"


@pytest.mark.parametrize("form", KINDS.split(", "))
def test_files_of_every_kind_are_read(form: str) -> None:
    mode, kind = form.split()
    image = Image.new("L", (8, 8), 255)
    image = Image.fromarray(np.full((8, 8), 65535, np.uint16)) if mode == "I;16" else image.convert(mode)
    data = encoded(image, kind)
    assert (colour(data, 4, 4) >= 253).all()
    assert (grey(data, 8, 8) >= 253).all()
    assert (size_and_mode(data).height, size_and_mode(data).width) == (8, 8)


def test_what_lets_light_through_lies_on_white() -> None:
    clear = encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), "PNG")
    half = encoded(Image.new("LA", (2, 2), (0, 127)), "PNG")
    keyed = Image.new("P", (2, 2), 0)
    keyed.putpalette([0, 0, 0] * 256)
    assert (colour(clear, 2, 2) == 255).all()
    assert (grey(half, 2, 2) == 128).all()
    assert (colour(encoded(keyed, "PNG", transparency=0), 2, 2) == 255).all()


def test_float_and_integer_pictures_are_scaled_by_what_holds_them() -> None:
    ones = encoded(Image.fromarray(np.full((2, 2), 0.5, np.float32)), "TIFF")
    large = encoded(Image.fromarray(np.full((2, 2), 100_000, np.int32)), "TIFF")
    assert (grey(ones, 2, 2) == 128).all()
    assert (grey(large, 2, 2) == 255).all()
    with pytest.raises(Unreadable, match="not finite"):
        grey(encoded(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"), 2, 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int) -> None:
    array = np.zeros((16, 32, 3), np.uint8)
    array[:8, :8] = 255  # the corner that comes to lie elsewhere
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG"):
        data = encoded(Image.fromarray(array), kind, exif=exif)
        head = size_and_mode(data)
        assert (head.height, head.width) == ((32, 16) if orientation > 4 else (16, 32))
        seen = colour(data, head.height, head.width)[0]
        corners = [seen[2, 2], seen[2, -3], seen[-3, -3], seen[-3, 2]]
        where = [0, 0, 1, 2, 3, 0, 1, 2, 3][orientation]
        assert int(np.argmax(corners)) == where, kind


def test_the_first_frame_of_a_moving_picture_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        assert colour(data, 4, 4)[:, 0, 0].tolist() == [255, 0, 0]


def test_padding_repeats_the_edge_and_keeps_the_shape() -> None:
    array = np.zeros((10, 20), np.uint8)
    array[:, 10:] = 200
    out = grey(to_png(array), 20, 20, "pad")[0]
    assert (out[:, :8] == 0).all()
    assert (out[:, 12:] == 200).all()
    assert (out == out[10]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_the_thinnest_pictures_work(size: tuple[int, int]) -> None:
    data = to_png(np.full(size, 77, np.uint8))
    for fitting in ("pad", "stretch"):
        assert (colour(data, 16, 16, fitting) == 77).all()


def test_a_large_jpeg_is_decoded_at_a_reduced_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (20_000, 20_000), 90), "JPEG")
    assert np.abs(grey(data, 32, 32).astype(int) - 90).max() <= 1
    assert size_and_mode(data) == Head(20_000, 20_000, True)
    progressive = encoded(Image.new("L", (1000, 1000), 90), "JPEG", progressive=True)
    monkeypatch.setattr(pillow, "MOST_PIXELS", 900_000)
    with pytest.raises(Unreadable, match="decompression bomb"):
        grey(progressive, 32, 32)


def bomb(side: int) -> bytes:
    """A PNG that says it is that large."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("side", [10_000, 20_000, 60_000])
def test_a_bomb_is_refused_in_words(side: int) -> None:
    with pytest.raises(Unreadable, match="decompression bomb"):
        grey(bomb(side), 8, 8)


def test_a_large_jpeg_keeps_twice_what_is_needed() -> None:
    rows = np.tile(np.arange(800, dtype=np.uint8)[:, None] // 4, (1, 800))
    sharp = grey(to_png(rows), 50, 50)
    drafted = grey(encoded(Image.fromarray(rows), "JPEG", quality=95), 50, 50)
    assert np.abs(sharp.astype(int) - drafted).max() <= 3


def test_what_can_not_be_read_says_why(tmp_path: Path) -> None:
    photo = encoded(Image.fromarray(noise(64, 64)), "JPEG")
    cases = {
        "empty.png": (b"", "empty"),
        "text.png": (b"hello world, this is text", "begins with b'hello world,'"),
        "cut.jpg": (photo[: len(photo) // 2], "truncated"),
        "cut.png": (to_png(noise(64, 64))[:900], "truncated"),
        "photo.heic": (b"\0\0\0\x18ftypheic", r"\.heic can't be read"),
        "bad.png": (b"\x89PNG\r\n\x1a\n" + b"\xff" * 50, "it is "),
        "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "can't be read"),
    }
    for name, (data, words) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unreadable, match=words):
            colour(str(tmp_path / name), 8, 8)
    with pytest.raises(Unreadable, match="not there"):
        colour(str(tmp_path / "gone.png"), 8, 8)
    with pytest.raises(Unreadable, match="folder"):
        colour(str(tmp_path), 8, 8)
    with pytest.raises(Unreadable, match="no picture"):
        size_and_mode(b"nothing")


@given(st.binary(max_size=60), st.integers(0, 400), st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]))
def test_damaged_bytes_are_read_or_refused_never_more(junk: bytes, at: int, kind: str) -> None:
    data = encoded(Image.fromarray(noise(16, 16)), kind)
    try:
        assert colour(data[:at] + junk + data[at + len(junk) :], 8, 8).shape == (3, 8, 8)
    except Unreadable as error:
        assert str(error)


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 3), np.uint8)
    made = sheet(images, 3, gap=1)
    assert made.shape == (9, 11)
    assert [made[0, 0], made[0, 4], made[0, 8], made[5, 0], made[5, 4]] == [0, 1, 2, 3, 4]
    assert made[0, 3] == made[4, 0] == made[8, 10] == 255
    assert sheet(np.repeat(images, 3, axis=1), 5).shape == (4, 23, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "P"])
def test_a_very_large_picture_is_averaged_down_first(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.zeros((128, 160), np.uint8)
    array[:, 80:] = 240
    image = Image.fromarray(array).convert("RGB").convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(array))
    data = encoded(image, "TIFF")
    before = colour(data, 16, 16)
    monkeypatch.setattr(pillow, "LARGE", 100)
    assert np.abs(colour(data, 16, 16).astype(int) - before).max() <= 12


def test_files_are_closed_and_written_to_never(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    path.chmod(0o444)
    colour(str(path), 4, 4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
