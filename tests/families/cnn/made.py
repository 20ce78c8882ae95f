"""Pictures, tasks and a network for them, ready to train."""

import numpy as np
import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.core.schema import ImageColumn, Schema
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.tally import Tally
from netwright.families.cnn.family import FAMILY, CNNConfig
from netwright.tasks import Classification, MultiLabel, Regression, Supervised

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
TASKS = ("classification", "regression", "multilabel")
SHAPES = ((1, 1, 1), (1, 8, 8), (1, 28, 28), (3, 33, 47), (3, 64, 64), (3, 224, 224))
"""(channels, height, width)."""


def schema_of(shape: tuple[int, int, int]) -> Schema:
    channels, height, width = shape
    column = ImageColumn(
        name="picture",
        cell=TEXT,
        why="",
        channels=1 if channels == 1 else 3,
        height=height,
        width=width,
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
    )
    return Schema(columns=(column,))


def task_of(kind: str, signal: np.ndarray) -> tuple[Supervised, Tensor]:
    """A task and its encoded target, which follows from the signal (N,)."""
    rows = np.arange(len(signal))
    match kind:
        case "regression":
            values = {"y": signal * 30 + 100, "z": -signal}
            task = Regression.fit(values, dict.fromkeys(values, NUMBER), rows)
        case "classification":
            values = {"y": np.array(["a", "b", "c"])[np.digitize(signal, [-0.5, 0.5])]}
            task = Classification.fit(values, {"y": TEXT}, rows, balanced=True)
        case _:
            values = {"y": signal > 0, "z": signal > 0.7}
            task = MultiLabel.fit(values, dict.fromkeys(values, TEXT), rows)
    return task, torch.from_numpy(task.encode(values))


def pictures_of(count: int, shape: tuple[int, int, int]) -> tuple[Tensor, np.ndarray]:
    """Noise (N, C, H, W) uint8 that is lighter where the signal (N,), from −1 to 1, is greater."""
    draw = np.random.default_rng(0)
    signal = np.linspace(-1, 1, count)
    draw.shuffle(signal)
    pixels = 128 + 80 * signal[:, None, None, None] + 20 * draw.standard_normal((count, *shape))
    return torch.from_numpy(pixels.clip(0, 255).astype(np.uint8)), signal


class Made:
    """The family built for pictures of one shape and one task."""

    def __init__(self, kind: str = "classification", shape=(1, 8, 8), rows: int = 48, **asked: object) -> None:
        torch.manual_seed(0)
        pictures, signal = pictures_of(rows, shape)
        self.schema = schema_of(shape)
        self.task, target = task_of(kind, signal)
        self.batch = Batch(inputs=(pictures,), target=target, fold=torch.full((rows,), -1))
        config = FAMILY.configured(FAMILY.defaults(rows, 1, self.schema, self.task).model_dump() | asked)
        assert isinstance(config, CNNConfig)
        self.config = config
        self.module = self.fresh()
        assert FAMILY.prepare is not None
        FAMILY.prepare(self.module, self.config, self.task, self.batch, self.batch)

    def fresh(self) -> nn.Module:
        return FAMILY.build(self.config, self.schema, self.task, nn)

    def phases(self, steps: int = 100) -> list[Phase]:
        assert FAMILY.phases is not None
        return list(FAMILY.phases(self.module, self.config, self.task, steps, lambda: 0.5))

    def step(self, steps: int = 1, batch: Batch | None = None) -> None:
        self.module.train()
        phases = self.phases()
        job = Job(module=self.module, phases=phases, source=None)  # type: ignore[arg-type]
        eager = Eager(job, Cursor(job), Averages(phases), Plan())
        for _ in range(steps):
            eager.step([batch or self.batch], phases, Tally(Position()))

    def finish(self) -> None:
        assert FAMILY.finish is not None
        FAMILY.finish(self.module, self.config, self.task, self.batch, self.batch)

    @torch.no_grad()
    def outputs(self, pictures: Tensor | None = None) -> Tensor:
        return self.module.eval()(self.batch.inputs[0] if pictures is None else pictures)

    def loss(self) -> float:
        return float(self.task.losses(self.outputs(), self.batch.target).mean())

    def first(self, count: int) -> Batch:
        b = self.batch
        return Batch(inputs=(b.inputs[0][:count],), target=b.target[:count], fold=b.fold[:count])
