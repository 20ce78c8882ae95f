"""Where a network for pictures looked: the places of its last map that spoke for an answer.

Grad-CAM, Selvaraju et al. 2017: each channel of the map counts as much as its mean gradient.

B pictures, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

AT_ONCE = 64


def attention(module: nn.Module, pictures: Tensor, chosen: Tensor) -> Tensor:
    """(B, H, W) from 0 to 1: how much each place of pictures (B, C, H, W) uint8 spoke for the output `chosen` (B,).

    `module` is a `PictureNetwork`, which is left in eval mode.
    """
    module.eval()
    parts = [_seen(module, p, c) for p, c in zip(pictures.split(AT_ONCE), chosen.split(AT_ONCE), strict=True)]
    return torch.cat(parts)


def _seen(module: nn.Module, pictures: Tensor, chosen: Tensor) -> Tensor:
    with torch.enable_grad():
        maps = module.maps(pictures).detach().requires_grad_(True)  # type: ignore[operator]
        score = module.answer(maps).gather(1, chosen[:, None]).sum()  # type: ignore[operator]
        (gradient,) = torch.autograd.grad(score, maps)
    with torch.no_grad():
        heat = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu()
        heat = interpolate(heat, pictures.shape[2:], mode="bilinear", align_corners=False)[:, 0]
        return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12)
