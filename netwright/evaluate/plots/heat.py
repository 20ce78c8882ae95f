"""A map of heat over a picture: the darker a colour the less heat, so that it reads in grey too.

n pictures, C channels (1 or 3), H height, W width.
"""

import math
from functools import cache

import numpy as np

COLD, HOT = (0.32, 0.13, -70.0), (0.93, 0.16, 102.0)
"""Lightness, chroma and hue (degrees) of the ends, in Oklch (Ottosson 2020): violet, by way of red, to yellow."""
GREY = (0.299, 0.587, 0.114)
"""What red, green and blue give to the brightness (ITU-R BT.601)."""
COVER = 0.85
"""How much of the picture the greatest heat hides."""


def overlaid(pictures: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(n, 3, H, W) uint8: pictures (n, C, H, W) uint8 in grey, heat (n, H, W) from 0 to 1 in colour over them.

    Where there is no heat the picture stays as it is but grey, so that nothing in it can be taken for heat.
    """
    weights = np.asarray(GREY if pictures.shape[1] == 3 else (1.0,), dtype=np.float32)
    grey = np.einsum("nchw,c->nhw", pictures.astype(np.float32), weights)[:, None]
    warm = np.clip(np.nan_to_num(heat), 0, 1)
    colour = colours()[np.rint(warm * 255).astype(int)].transpose(0, 3, 1, 2)
    cover = (COVER * np.sqrt(warm))[:, None]
    return np.rint(grey * (1 - cover) + colour * cover).clip(0, 255).astype(np.uint8)


@cache
def colours() -> np.ndarray:
    """(256, 3) float32 red, green and blue from 0 to 255, from the least heat to the greatest, even to the eye."""
    share = np.linspace(0, 1, 256)
    lightness, chroma, hue = (low + share * (high - low) for low, high in zip(COLD, HOT, strict=True))
    a, b = chroma * np.cos(hue * math.pi / 180), chroma * np.sin(hue * math.pi / 180)
    return _srgb(lightness, a, b)


def _srgb(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Oklab to sRGB (https://bottosson.github.io/posts/oklab), (N, 3) float32 from 0 to 255."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    linear = np.clip(np.stack([red, green, blue], axis=1), 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (255 * curved).astype(np.float32)
