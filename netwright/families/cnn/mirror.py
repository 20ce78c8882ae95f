"""Whether pictures mean the same with left and right exchanged: so for most photographs, not for letters.

It is asked before training, of a model that is fitted at once: random convolutions and ridge regression on what they
see. If its answers for pictures it was not fitted on survive the exchange, pictures may be mirrored.

n pictures, F features, K outputs.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, one_hot

PICTURES = 5000
"""Pictures it is fitted on at most."""
KEPT = 0.85
"""Of what is known beyond chance, the share that must survive."""
FILTERS = 64
SIDE = 32
"""Pixels a picture is wide and high at most for it."""


@torch.no_grad()
def alike(training: Tensor, classes: Tensor, others: Tensor, truth: Tensor) -> bool:
    """Whether answers for `others` (m, C, H, W) survive the exchange, fitted on `training` (n, C, H, W); both floats.

    `classes` (n,) and `truth` (m,) are class numbers. Where the model knows no more than chance, colour pictures are
    taken to be photographs, and grey ones not.
    """
    count = int(max(classes.max(), truth.max())) + 1
    if not len(others) or count < 2:
        return False
    mean = one_hot(classes[:PICTURES], count).float().mean(0)
    weight = _fitted(_features(training[:PICTURES]), one_hot(classes[:PICTURES], count).float() - mean)
    straight, turned = ((_features(x) @ weight + mean).argmax(1) == truth for x in (others, others.flip(3)))
    chance = float((mean.argmax() == truth).float().mean())
    known, left = float(straight.float().mean()) - chance, float(turned.float().mean()) - chance
    doubt = 1 / len(truth) ** 0.5
    if known <= 1.5 * doubt:
        return training.shape[1] == 3
    return left >= KEPT * known - 0.5 * doubt


def binned(target: Tensor, bins: int = 4) -> Tensor:
    """(n,) class numbers of numeric targets (n,) or (n, T): quantile bins of the first, or a label's yes and no."""
    first = target.flatten(1)[:, 0] if target.dim() > 1 else target
    if not first.is_floating_point():
        return first.long()
    edges = torch.quantile(first.double(), torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=first.device))
    return torch.bucketize(first.double(), edges[1:-1].unique())


def _features(pictures: Tensor) -> Tensor:
    """(n, F) float32: what fixed random filters see, averaged over a grid of four by four."""
    shrunk = min(SIDE, pictures.shape[2]), min(SIDE, pictures.shape[3])
    parts = []
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(FILTERS, pictures.shape[1], 5, 5, generator=draw).to(pictures.device, torch.float32)
    weight = weight / weight[0].numel() ** 0.5
    for part in pictures.split(500):
        small = adaptive_avg_pool2d(part.float(), shrunk)
        seen = conv2d(small, weight, padding=2).relu()
        parts.append(adaptive_avg_pool2d(seen, (min(4, shrunk[0]), min(4, shrunk[1]))).flatten(1))
    features = torch.cat(parts)
    return torch.cat([features, torch.ones_like(features[:, :1])], dim=1)


def _fitted(features: Tensor, target: Tensor) -> Tensor:
    """(F, K) ridge weights, the penalty a small part of the features' mean square."""
    features, target = features.double(), target.double()
    product = features.T @ features
    penalty = 0.01 * product.diagonal().mean() + 1e-9
    eye = torch.eye(len(product), dtype=product.dtype, device=product.device)
    return torch.linalg.solve(product + penalty * eye, features.T @ target).float()
