"""Whether pictures mean the same with left and right exchanged: so for most photographs, not for letters.

It is asked before training, of a model that is fitted at once: random convolutions and ridge regression on what they
see. Each picture is answered by a model fitted on other pictures, as it is and with its sides exchanged; pictures may
be mirrored if hardly a right answer is lost.

n pictures, C channels, H height, W width, F features, K classes.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, one_hot

PICTURES = 3000
"""Pictures that are looked at, at most."""
FOLDS = 4
LOST = 0.03
"""Share of what is known beyond chance that may be lost, and once more as much as counting is uncertain by."""
LOST_BY_A_CLASS = 0.3
"""Share of the right answers that a single class may lose, beyond three times what counting is uncertain by."""
FILTERS = 48
SIDE = 32
"""Pixels a picture is wide and high at most for it."""
GRID = 3
"""Fields a side that what the filters see is averaged over."""


@torch.no_grad()
def alike(pictures: Tensor, classes: Tensor) -> bool:
    """Whether answers survive the exchange, judged on pictures (n, C, H, W) float of the classes (n,).

    Where the model knows no more than chance, colour pictures are taken to be photographs, and grey ones not.
    """
    chosen = torch.linspace(0, len(pictures) - 1, min(PICTURES, len(pictures)), device=pictures.device).long()
    pictures, classes = pictures[chosen], classes[chosen]
    if len(classes) < FOLDS or classes.min() == classes.max():
        return pictures.shape[1] == 3
    order = torch.randperm(len(classes), generator=torch.Generator().manual_seed(0)).to(classes.device)
    pictures, classes = pictures[order], classes[order]
    target = one_hot(classes).float()
    straight, turned = _answered(_features(pictures), _features(pictures.flip(3)), target)
    return survives(straight == classes, turned == classes, target, colour=pictures.shape[1] == 3)


def survives(straight: Tensor, turned: Tensor, target: Tensor, *, colour: bool) -> bool:
    """The rule, from which answers are right, (n,) bool each, and the classes (n, K) one-hot."""
    lost, gained = (straight & ~turned).float(), (turned & ~straight).float()
    chance = float(target.mean(0).max()) * len(target)
    known = float(straight.sum()) - chance
    if known <= 2 * max(1.0, chance) ** 0.5:
        return colour
    net, doubt = float((lost - gained).sum()), float((lost + gained).sum()) ** 0.5
    by_class, doubts = (lost - gained) @ target, ((lost + gained) @ target).sqrt()
    one_lost = by_class > LOST_BY_A_CLASS * (straight.float() @ target) + 3 * doubts
    return net <= LOST * known + doubt and not bool(one_lost.any())


def binned(target: Tensor, bins: int = 4) -> Tensor:
    """(n,) class numbers of targets (n,) or (n, T): quantile bins of the first number, or the first labels together."""
    if not target.is_floating_point():
        return target.long()
    columns = target.flatten(1).double()
    if bool(((columns == 0) | (columns == 1)).all()):
        some = columns[:, :3].long()
        return (some * 2 ** torch.arange(some.shape[1], device=some.device)).sum(1)
    edges = torch.quantile(columns[:, 0], torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=target.device))
    return torch.bucketize(columns[:, 0].contiguous(), edges[1:-1].unique())


def shrunk(pictures: Tensor) -> Tensor:
    """(n, C, H, W) float32, at most 32 pixels wide and high: means over fields."""
    size = min(SIDE, pictures.shape[2]), min(SIDE, pictures.shape[3])
    return adaptive_avg_pool2d(pictures.float(), size)


def _features(pictures: Tensor) -> Tensor:
    """(n, F) float64: what fixed random filters see, averaged over a grid of three by three."""
    pictures = shrunk(pictures)
    size = pictures.shape[2:]
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(FILTERS, pictures.shape[1], 5, 5, generator=draw).to(pictures.device)
    weight = weight / weight[0].numel() ** 0.5
    stride = 2 if min(size) >= 16 else 1
    parts = []
    for part in pictures.split(500):
        seen = conv2d(part, weight, padding=2, stride=stride).relu()
        parts.append(adaptive_avg_pool2d(seen, (min(GRID, size[0]), min(GRID, size[1]))).flatten(1))
    features = torch.cat(parts).double()
    return torch.cat([features, torch.ones_like(features[:, :1])], dim=1)


def _answered(straight: Tensor, turned: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) classes of pictures as they are (n, F) and of their mirror images, each told by ridge on the other folds."""
    fold = torch.arange(len(target), device=target.device) % FOLDS
    answers = torch.empty(2, len(target), dtype=torch.long, device=target.device)
    eye = torch.eye(straight.shape[1], dtype=straight.dtype, device=straight.device)
    every, sums = straight.T @ straight, straight.T @ target.double()
    for number in range(FOLDS):
        own = fold == number
        x, y = straight[own], target[own].double()
        mean = target[~own].double().mean(0)
        product = every - x.T @ x
        penalty = 0.01 * product.diagonal().mean() + 1e-9
        moment = sums - x.T @ y - straight[~own].sum(0)[:, None] * mean
        weight = torch.linalg.solve(product + penalty * eye, moment)
        answers[0, own] = (straight[own] @ weight + mean).argmax(1)
        answers[1, own] = (turned[own] @ weight + mean).argmax(1)
    return answers[0], answers[1]
