"""Pictures in files to pixels and back, and the one file that imports Pillow.

C channels, H height, W width.
"""

import functools
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin

from netwright.data.pictures.sniff import FOREIGN, HEAD, extension

if TYPE_CHECKING:  # a worker starts sooner without pydantic
    from netwright.core.schema import Fitting

MOST_PIXELS = 90_000_000
"""Of a picture as it is decoded: some 360 MB. What has more is refused, for it could be a decompression bomb."""
LARGE = 10_000_000
"""Pixels from which a picture is averaged down first."""
MOST_JPEG = 1 << 30
"""Pixels of a JPEG that can be decoded at an eighth of its size."""
FORMATS = (
    "PNG",
    "JPEG",
    "MPO",
    "GIF",
    "BMP",
    "DIB",
    "TIFF",
    "WEBP",
    "AVIF",
    "PPM",
    "ICO",
    "TGA",
    "PCX",
    "JPEG2000",
    "SGI",
)
GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes of pictures without colour."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations of pictures that lie on their side."""
ORIENTATION = 0x0112


class Unreadable(Exception):
    """A picture can't be read; the reason, in words, is its message."""


@dataclass(frozen=True)
class Head:
    """What is known of a picture before it is decoded: its size as it is to be seen, and whether it is grey."""

    height: int
    width: int
    grey: bool


def is_image(value: object) -> bool:
    """Whether this is an image of Pillow's."""
    return isinstance(value, Image.Image)


def size_and_mode(source: str | bytes) -> Head:
    """The size of a picture, upright, and whether its mode is grey; only its header is read. Raises Unreadable."""
    with _opened(source) as image:
        width, height = image.size
        if image.getexif().get(ORIENTATION) in TURNED:
            width, height = height, width
        return Head(height, width, image.mode in GREY)


def pixels(source: str | bytes, *, channels: int, height: int, width: int, fitting: "Fitting") -> np.ndarray:
    """(C, H, W) uint8 of the picture in a file: upright, its first frame, on white where it lets light through.

    16 bits are scaled to 8 by their full scale; integers and floats of 32 bits by the smallest of 1 (floats), 255,
    65535 and so on that holds them. A JPEG much larger than asked for is decoded at a half, quarter or eighth of its
    size. Raises Unreadable.
    """
    with _opened(source) as image:
        _draft(image, channels, height, width)
        _refuse_bomb(image)
        image.load()
        plain = as_plain(_reduced(image, 2 * max(height, width)), channels)
        if image.getexif().get(ORIENTATION, 1) != 1:
            plain = _upright(plain, image.getexif()[ORIENTATION])
        return fit(plain, height, width, fitting)


@contextmanager
def _opened(source: str | bytes) -> Iterator[Image.Image]:
    """The picture, while it is read; whatever a decoder raises becomes Unreadable, and nothing is warned of."""
    if not source:
        raise Unreadable("there is no picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = BytesIO(source) if isinstance(source, bytes) else _file(source)
            with file, _identified(file) as image:
                yield image
    except Unreadable:
        raise
    except FileNotFoundError:
        raise Unreadable("the file is not there any more, or never was") from None
    except PermissionError:
        raise Unreadable("the file may not be opened: look at its permissions") from None
    except IsADirectoryError:
        raise Unreadable("it is a folder") from None
    except (MemoryError, Image.DecompressionBombError):
        raise Unreadable("it is too large to be decoded: it could be a decompression bomb; make it smaller") from None
    except Exception as error:  # decoders raise whatever they stumble over in damaged bytes
        raise Unreadable(_reason(source, error)) from None


def _file(path: str) -> IO[bytes]:
    """An open file; to open a pipe would wait for ever."""
    mode = os.stat(path).st_mode  # noqa: PTH116
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Unreadable("it is no file but a pipe, a device or the like")
    return open(path, "rb")  # noqa: PTH123


def _identified(file: Any) -> Image.Image:
    head = file.read(HEAD)
    file.seek(0)
    if not head:
        raise Unreadable("the file is empty")
    if head.startswith(b"\xff\xd8\xff"):  # opened so, because Image.open refuses by the size before it is reduced
        return JpegImagePlugin.JpegImageFile(file)
    return Image.open(file, formats=_formats())


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of our formats that this Pillow can read; PostScript, which would start a program, is none of them."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _reason(source: str | bytes, error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        if isinstance(source, str) and extension(source) in FOREIGN:
            return f"pictures of the kind {extension(source)} can't be read: turn it into PNG or JPEG"
        head = source[:12] if isinstance(source, bytes) else _head(source)
        return f"it is no picture, whatever its name says: it begins with {head!r}"
    text = str(error).strip().split("\n")[0] or type(error).__name__
    if "truncated" in text or "Truncated" in text or isinstance(error, EOFError):
        return f"it is truncated: {text}; copy it again"
    return f"it is damaged ({text}); copy it again"


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(12)
    except OSError:
        return b""


def _draft(image: Image.Image, channels: int, height: int, width: int) -> None:
    """Have a JPEG decoded at a reduced size that is still twice what is needed."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        _refuse_jpeg(image)
        side = 2 * max(height, width)
        mode = "L" if channels == 1 and image.mode in ("L", "RGB") else image.mode
        image.draft(mode, (side, side))


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """A very large picture averaged down to sides of no less than `side`, before copies of it are made."""
    factor = min(image.size) // side
    if image.width * image.height < LARGE or factor < 2 or "transparency" in image.info:
        return image
    if image.mode in ("RGBA", "LA"):
        image = image.convert({"RGBA": "RGBa", "LA": "La"}[image.mode])
    return image.reduce(factor) if image.mode in ("L", "La", "RGB", "RGBa", "CMYK", "YCbCr") else image


def _refuse_jpeg(image: Image.Image) -> None:
    most = MOST_PIXELS if "progressive" in image.info else MOST_JPEG
    if image.width * image.height > most:
        raise _bomb(image)


def _refuse_bomb(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _bomb(image)


def _bomb(image: Image.Image) -> Unreadable:
    size = f"{image.width:,} × {image.height:,} pixels"
    return Unreadable(f"it has {size}, which is too large: it could be a decompression bomb; make it smaller")


def as_plain(image: Image.Image, channels: int) -> Image.Image:
    """The picture in mode L (1 channel) or RGB (3); what lets light through is laid on white."""
    wanted = "L" if channels == 1 else "RGB"
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    elif image.mode in ("LA", "La", "PA", "RGBA", "RGBa", "RGBX") or "transparency" in image.info:
        image = _on_white(image)
    elif image.mode == "P" and channels == 1:
        image = image.convert("RGB")
    return image if image.mode == wanted else image.convert(wanted)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGBX":
        return image.convert("RGB")
    grey = image.mode in ("L", "LA", "La", "1")
    opaque = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, opaque).convert("L" if grey else "RGB")


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """(H, W) of 16 or 32 bits to uint8."""
    if values.dtype.itemsize == 2:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not np.isfinite(values).all():
        raise Unreadable("some of its values are not finite")
    steps = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    highest = float(values.max())
    scale = next((step for step in steps if highest <= step), highest)
    return np.rint(np.clip(values.astype(np.float64) / scale, 0, 1) * 255).astype(np.uint8)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(image)


def fit(image: Image.Image, height: int, width: int, fitting: "Fitting") -> np.ndarray:
    """(C, H, W) uint8 of a plain picture: stretched to the size, or scaled as a whole and padded with its edge."""
    if image.size == (width, height):
        return planes(np.asarray(image))
    if fitting == "stretch":
        return planes(np.asarray(_scaled(image, width, height)))
    ratio = min(width / image.width, height / image.height)
    inner = max(1, min(width, round(image.width * ratio))), max(1, min(height, round(image.height * ratio)))
    array = planes(np.asarray(_scaled(image, *inner)))
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    bottom, right = height - inner[1] - top, width - inner[0] - left
    return np.pad(array, ((0, 0), (top, bottom), (left, right)), mode="edge")


def _scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    """Reduced by an average over what falls together, enlarged between neighbours; never sharper than it was."""
    if image.size == (width, height):
        return image
    smaller = width < image.width or height < image.height
    method = Image.Resampling.LANCZOS if smaller else Image.Resampling.BILINEAR
    return image.resize((width, height), method, reducing_gap=3.0)


def planes(array: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) → (C, H, W)."""
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def fit_array(array: np.ndarray, *, channels: int, height: int, width: int, fitting: "Fitting") -> np.ndarray:
    """(C, H, W) uint8 with 1, 2, 3 or 4 channels → (channels, height, width), as `pixels` does with a file."""
    flat = np.ascontiguousarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0))
    image = Image.fromarray(flat)
    return fit(as_plain(image, channels), height, width, fitting)


def file_bytes(image: Any) -> bytes:
    """An image of Pillow's as the bytes of a PNG file, its pixels kept; modes PNG lacks become RGB or grey first."""
    if image.mode in ("I", "F"):
        image = as_plain(image, 1)
    elif image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "RGB")
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def to_png(array: np.ndarray) -> bytes:
    """A PNG file of pixels (H, W), (1, H, W), (3, H, W) or (H, W, 3), uint8; channels first where both would do."""
    if array.ndim == 3:
        array = array[0] if len(array) == 1 else array.transpose(1, 2, 0) if len(array) == 3 else array
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(file, "PNG", optimize=True)
    return file.getvalue()


def sheet(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """One picture (H, W) or (H, W, 3) of many (n, C, H, W), uint8, row by row, `gap` white pixels between them."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        whole[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return whole[:, :, 0] if channels == 1 else whole
