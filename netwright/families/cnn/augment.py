"""Pictures as they might have been: changed at random, batch by batch, on the device they lie on.

Each function keeps shapes and never looks at values from Python, so that an engine may record it. Pixels are from 0 to
255, as uint8 or floating point. B pictures, C channels, H height, W width.

Sources: random erasing, Zhong et al. 2017; shift by padding and cropping, He et al. 2016.
"""

import torch
from torch import Tensor


def mirrored(pictures: Tensor) -> Tensor:
    """(B, C, H, W) → each picture as it is or, as a coin says, with left and right exchanged."""
    coin = _uniform(pictures, 0, 1) < 0.5
    return torch.where(coin[:, None, None, None], pictures.flip(-1), pictures)


def shifted(pictures: Tensor, most: int) -> Tensor:
    """(B, C, H, W) → each picture moved by up to `most` pixels along each side; its edge fills what opens."""
    if most == 0:
        return pictures
    count, _, height, width = pictures.shape
    device = pictures.device
    down, right = torch.randint(-most, most + 1, (2, count, 1), device=device)
    rows = (torch.arange(height, device=device) + down).clamp(0, height - 1)  # (B, H)
    columns = (torch.arange(width, device=device) + right).clamp(0, width - 1)  # (B, W)
    each = torch.arange(count, device=device)[:, None, None]
    moved = pictures.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2)


def recoloured(pictures: Tensor, strength: float) -> Tensor:
    """(B, C, H, W) → float: brightness, contrast and, of pictures in colour, its depth changed by up to `strength`."""
    if strength == 0:
        return pictures
    shape = (-1, 1, 1, 1)
    x = pictures if pictures.is_floating_point() else pictures.float()
    bright = _uniform(x, -strength, strength).view(shape) * 128
    contrast = 1 + _uniform(x, -strength, strength).view(shape)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * contrast + mean + bright
    if x.shape[1] == 3:
        grey = x.mean(1, keepdim=True)
        x = (x - grey) * (1 + _uniform(x, -strength, strength).view(shape)) + grey
    return x.clamp(0, 255)


def erased(pictures: Tensor, share: float) -> Tensor:
    """(B, C, H, W) → in this share of the pictures a rectangle (2 to 20 % of the area) is set to the mean."""
    if share == 0:
        return pictures
    _, _, height, width = pictures.shape
    area = _uniform(pictures, 0.02, 0.2)
    shape = _uniform(pictures, -1, 1).exp()
    used = _uniform(pictures, 0, 1) < share
    rows = _between(pictures, (area * shape).sqrt().clamp(max=1), height)
    columns = _between(pictures, (area / shape).sqrt().clamp(max=1), width)
    hole = (rows[:, :, None] & columns[:, None, :] & used[:, None, None])[:, None]
    mean = pictures.float().mean((2, 3), keepdim=True).to(pictures.dtype)
    return torch.where(hole, mean, pictures)


def _between(pictures: Tensor, length: Tensor, size: int) -> Tensor:
    """(B, size) bool: true for a stretch of this share (B,) of the size, anywhere within."""
    first = _uniform(pictures, 0, 1) * (1 - length)
    place = (torch.arange(size, device=pictures.device) + 0.5) / size
    return (place >= first[:, None]) & (place < (first + length)[:, None])


def _uniform(pictures: Tensor, low: float, high: float) -> Tensor:
    """(B,) float32, one number for each picture."""
    return torch.rand(len(pictures), device=pictures.device) * (high - low) + low
