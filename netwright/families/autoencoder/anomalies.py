"""Anomalies: rows that two denoising autoencoders can't make again, or that lie far from all kept rows.

B rows, D length of the flat vector, P length of what is compared with neighbours, Z code size.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.errors import InputError
from netwright.core.schema import Schema
from netwright.families.autoencoder.config import AutoencoderConfig
from netwright.families.autoencoder.dense import Autoencoder
from netwright.families.autoencoder.neighbours import Neighbours
from netwright.families.autoencoder.principal import Chunks, Principal
from netwright.families.autoencoder.rows import Flat, evenly
from netwright.families.autoencoder.scores import RobustZ, threshold
from netwright.families.autoencoder.standardized import FARTHEST, Standardized
from netwright.tasks import Anomaly, Task

MEMBERS = 2
"""Autoencoders that differ only in their first weights; their residuals are averaged."""
EDGE_SHARE, EDGE_VALUES = 0.01, 20_000_000
"""Share of the ordinary values of a column beyond which nothing is made again, measured on so many at most: else values
far outside, for which layers go on in a straight line, are made again well."""
PICTURE_CODES = 64
"""Principal components in which pictures are compared."""


class AnomalyNetwork(nn.Module):
    """`forward(*inputs)` gives (B, 4): score by reconstruction, by neighbours, by both, and 1 where that is an alarm.

    The first is the mean squared residual of standardised values once they are made again, the second the distance to
    the nearest kept rows, the third the sum of the robust z of their logarithms. Only rows labelled `normal`, where one
    is named, count as ordinary: nothing is learned from others.
    """

    def __init__(self, flat: Flat, members: nn.ModuleList, noise: float, normal: int) -> None:
        super().__init__()
        self.members, self.noise, self.normal = members, noise, normal
        self.flat = Standardized(flat)
        self.linear = Principal(flat.size, min(flat.size, round(flat.size**0.5) + 1))
        pictures = flat.shape is not None
        self.principal = Principal(flat.size, min(PICTURE_CODES, flat.size)) if pictures else None
        self.neighbours = Neighbours(min(PICTURE_CODES, flat.size) if pictures else flat.size)
        self.of_residual, self.of_distance = RobustZ(), RobustZ()
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.full((flat.size,), -FARTHEST))
        self.register_buffer("high", torch.full((flat.size,), FARTHEST))
        self.limit: Tensor
        self.register_buffer("limit", torch.tensor(torch.inf))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, 4)."""
        x = self.flat(*inputs)
        residual, distance = self.residuals(x), self.neighbours(self.place(x))
        both = self.of_residual(residual) + self.of_distance(distance)
        return torch.stack([residual, distance, both, (both > self.limit).to(both.dtype)], dim=1)

    def residuals(self, x: Tensor) -> Tensor:
        """Mean squared residual of the members' reconstructions of x (B, D), (B,)."""
        again = torch.stack([member(x) for member in self.members]).clamp(self.low, self.high)
        return (again - x).square().mean(2).mean(0)

    def place(self, x: Tensor) -> Tensor:
        """What neighbours are sought by: (B, D) → (B, P)."""
        return x if self.principal is None else self.principal.encode(x)

    def encode(self, *inputs: Tensor) -> Tensor:
        """Codes of the first member, (B, Z)."""
        member = self.members[0]
        assert isinstance(member, Autoencoder)
        return member.encode(self.flat(*inputs))

    def reconstruct(self, *inputs: Tensor) -> Tensor:
        """Rows made again, the members' mean, (B, D), standardised as `flat` gives them."""
        x = self.flat(*inputs)
        return torch.stack([member(x) for member in self.members]).clamp(self.low, self.high).mean(0)

    def reconstruct_linear(self, *inputs: Tensor) -> Tensor:
        """Rows made again by √D + 1 principal components, (B, D), standardised."""
        return self.linear.decode(self.linear.encode(self.flat(*inputs)))

    def losses(self, batch: Batch, task: Task) -> Tensor:
        """While training: squared residual of each row from its noised copy, (B,); zero for rows not ordinary."""
        x = self.flat(*batch.inputs)
        fed = x + self.noise * torch.randn_like(x)
        losses = torch.stack([(member(fed) - x).square().mean(1) for member in self.members]).mean(0)
        return losses if self.normal < 0 else losses * self.ordinary(batch) / self.share(batch)

    def judged(self, batch: Batch, task: Task) -> Tensor:
        """Squared residual of each row, (B,); zero for rows not ordinary."""
        x = self.flat(*batch.inputs)
        losses = self.residuals(x)
        return losses if self.normal < 0 else losses * self.ordinary(batch) / self.share(batch)

    def ordinary(self, batch: Batch) -> Tensor:
        """1 where a row is ordinary, (B,)."""
        return (batch.target == self.normal).to(self.limit.dtype)

    def share(self, batch: Batch) -> Tensor:
        """The share of ordinary rows, ()."""
        return self.ordinary(batch).mean().clamp(min=1 / len(batch))

    def chosen(self, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs of the ordinary rows."""
        if self.normal < 0:
            return batch.inputs
        return tuple(x[batch.target == self.normal] for x in batch.inputs)

    def prepare(self, task: Task, training: Batch) -> None:
        """Measure the ordinary rows, and keep some of them."""
        assert isinstance(task, Anomaly)
        inputs = self.chosen(training)
        if not len(inputs[0]):
            raise no_ordinary_rows(task)
        self.flat.fit(inputs)
        chunks = Chunks(self.flat, inputs)
        self.linear.fit(chunks)
        if self.principal is not None:
            self.principal.fit(chunks)
        else:
            self.low[:], self.high[:] = edges(self.flat(*evenly(inputs, EDGE_VALUES // max(1, len(self.low)))))
        kept = Chunks(self.flat, evenly(inputs, len(self.neighbours.kept)))
        self.neighbours.keep(torch.cat([self.place(x) for x in kept]))

    def finish(self, task: Task, training: Batch, validation: Batch) -> None:
        """Measure what scores ordinary rows have, and lay the threshold.

        Training rows tell the spread; no kept row is its own neighbour there. Validation rows tell the threshold, and
        the training rows with them where they are too few for the share asked.
        """
        assert isinstance(task, Anomaly)
        kept = Chunks(self.flat, evenly(self.chosen(training), self.neighbours.count))
        residuals, distances = torch.cat([self.residuals(x) for x in kept]), self.neighbours.leave_one_out()
        self.of_residual.fit(residuals)
        self.of_distance.fit(distances)
        scores = self.of_residual(residuals) + self.of_distance(distances)
        held = Chunks(nn.Identity(), self.chosen(validation))
        fresh = [self(*inputs)[:, 2] for inputs in held.pieces()]
        if held.rows * task.false_alarms < 1:
            fresh.append(scores)
        self.limit.fill_(threshold(torch.cat(fresh), task.false_alarms))


def edges(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of each column of x (N, D), the values (D,) that `EDGE_SHARE` of the rows lie below and above."""
    ordered = x.sort(0).values
    at = round(EDGE_SHARE * (len(ordered) - 1))
    return ordered[at], ordered[len(ordered) - 1 - at]


def no_ordinary_rows(task: Anomaly) -> InputError:
    """The error for a normal label that no training row has."""
    return InputError(
        "There are no ordinary rows to learn from.",
        got=f"normal={task.normal!r}",
        wanted=f"a label that training rows have: {', '.join(task.classes) or 'none is known'}",
        fix="Correct normal, --normal LABEL, or leave it out: all rows then count as ordinary.",
    )


def build(config: AutoencoderConfig, schema: Schema, task: Task, layers: ModuleType) -> AnomalyNetwork:
    """Dense autoencoders side by side, and places for rows to be kept."""
    assert isinstance(task, Anomaly)
    if task.normal is not None and task.normal not in task.classes:
        raise no_ordinary_rows(task)
    flat = Flat(schema)
    members = nn.ModuleList(
        Autoencoder(flat.size, config.hidden_sizes, config.code_size, activation=config.activation, layers=layers)
        for _ in range(MEMBERS)
    )
    normal = task.classes.index(task.normal) if task.normal is not None else -1
    return AnomalyNetwork(flat, members, config.noise, normal)
