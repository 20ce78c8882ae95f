"""Whether what a generator draws is as varied as the real rows: a GAN's losses do not tell.

B rows, D features.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, conv2d

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.families.gan.network import GANNetwork
from netwright.tasks import Task

ROWS = 256
"""Rows of each kind that are looked at."""
LEAST_DIVERSITY = 0.5
"""Of the real rows' diversity; below it a generator has collapsed."""
NEAREST = 5
"""Neighbours a row's surroundings reach to."""


@torch.no_grad()
def watched(module: nn.Module, config: Record, task: Task, batch: Batch) -> dict[str, float]:
    """Figures of 256 new rows beside as many real ones, of the same classes where rows are labelled.

    `diversity` is the mean distance of two new rows (of one class) over that of two real ones, in features of a fixed
    random network: about 1 is right, 0 is always the same row. `coverage` is the share of real rows that have a new one
    among their five nearest (Naeem et al. 2020).
    """
    assert isinstance(module, GANNetwork)
    index = torch.linspace(0, len(batch) - 1, min(ROWS, len(batch)), device=batch.target.device).round().long()
    labels = batch.target[index] if module.classes else None
    made = module.generate(len(index), labels, torch.Generator().manual_seed(0))
    real = module.real(*(x[index] for x in batch.inputs))
    return figures(real, module.real(*(x.to(real.device) for x in made)), labels)


def collapsed(figures: Mapping[str, float]) -> bool:
    """True where new rows have less than half the diversity of real ones: they are all alike, or a few kinds."""
    return not figures["diversity"] >= LEAST_DIVERSITY


def warning(figures: Mapping[str, float]) -> str:
    """What to say of these figures; "" where new rows are as varied as they should be."""
    if not collapsed(figures):
        return ""
    share = max(0.0, figures["diversity"])
    return (
        f"what the generator makes is {share:.0%} as varied as the real rows: it has collapsed, or was trained too "
        "short; train longer, or try --set pack=2 or --set loss=wgan_gp"
    )


def figures(real: Tensor, fake: Tensor, labels: Tensor | None = None) -> dict[str, float]:
    """`diversity` and `coverage` of rows (B, …) as the discriminator sees them, as many real as fake."""
    real, fake = _features(real), _features(fake)
    apart = torch.cdist(real, real)
    other = ~torch.eye(len(real), dtype=torch.bool, device=real.device)
    pairs = other if labels is None else other & (labels[:, None] == labels)
    spread = float(apart[pairs].mean()) if bool(pairs.any()) else 0.0
    drawn = float(torch.cdist(fake, fake)[pairs].mean()) if bool(pairs.any()) else 0.0
    reach = apart.kthvalue(min(NEAREST + 1, len(real)), dim=1).values  # the nearest is the row itself
    covered = torch.cdist(real, fake).amin(1) <= reach
    return {"diversity": drawn / spread if spread > 0 else 1.0, "coverage": float(covered.float().mean())}


def _features(rows: Tensor) -> Tensor:
    """(B, …) → (B, D) float32: random convolutions of pictures, random directions of rows; the same in every run."""
    rows = rows.float()
    draw = torch.Generator().manual_seed(0)
    if rows.dim() == 2:
        weight = torch.randn(rows.shape[1], 64, generator=draw).to(rows.device) / rows.shape[1] ** 0.5
        return torch.relu(rows @ weight)
    for outputs in (16, 32):
        size = rows.shape[1] * 9
        weight = torch.randn(outputs, rows.shape[1], 3, 3, generator=draw).to(rows.device) * (2 / size) ** 0.5
        rows = torch.relu(conv2d(rows, weight, stride=2, padding=1))
    return adaptive_avg_pool2d(rows, (min(4, rows.shape[2]), min(4, rows.shape[3]))).flatten(1)
