"""Small data of each kind, and a network built, prepared and trained on it as a run does."""

from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.plan import Plan
from netwright.core.schema import CategoryColumn, ImageColumn, NumberColumn, Schema
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.tally import Tally
from netwright.families.autoencoder.family import FAMILY
from netwright.tasks import Anomaly, Classification, Denoising, Generation, Reduction, Task

ROWS = 120
TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
KINDS = ("reduction", "anomaly", "denoising", "generation")
DATA = ("table", "grey", "colour")


def table_schema(numbers: int, cardinalities: tuple[int, ...]) -> Schema:
    common: dict[str, Any] = {"why": "", "center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0}
    made = [NumberColumn(name=f"n{i}", cell=NUMBER, **common) for i in range(numbers)]
    words = [tuple(f"v{k}" for k in range(size - 1)) for size in cardinalities]
    named = [CategoryColumn(name=f"c{i}", cell=TEXT, why="", values=w) for i, w in enumerate(words)]
    return Schema(columns=(*made, *named))


def picture_schema(channels: Any, height: int, width: int) -> Schema:
    column = ImageColumn(
        name="picture", cell=TEXT, why="", channels=channels, height=height, width=width,
        mean=(0.4,) * channels, std=(0.3,) * channels,
    )  # fmt: skip
    return Schema(columns=(column,))


def rows_of(data: str, rows: int = ROWS) -> tuple[Schema, tuple[Tensor, ...]]:
    """Rows on a curved sheet of two dimensions, so that there is something to be found."""
    maker = torch.Generator().manual_seed(5)
    hidden = torch.randn(rows, 2, generator=maker)
    bent = torch.cat([hidden, hidden.square(), hidden.prod(1, keepdim=True)], 1)
    if data == "table":
        numbers = (bent @ torch.randn(5, 6, generator=maker)).tanh() * 2
        categories = torch.stack([(hidden[:, 0] > 0).long() + 1, (hidden[:, 1] * 2).long().clamp(-2, 2) + 3], 1)
        return table_schema(6, (3, 6)), (numbers, categories)
    channels, height, width = (1, 8, 8) if data == "grey" else (3, 9, 6)
    pixels = (bent @ torch.randn(5, channels * height * width, generator=maker)).sigmoid()
    pictures = (pixels * 255).round().to(torch.uint8).view(rows, channels, height, width)
    return picture_schema(channels, height, width), (pictures,)


def labelled(rows: int) -> tuple[Classification, Tensor]:
    label = Classification(targets=("y",), cells=(TEXT,), classes=("a", "b"), counts=(60, 60))
    return label, torch.arange(rows) % 2


def task_of(kind: str, **options: Any) -> Task:
    makers = {"reduction": Reduction, "anomaly": Anomaly, "denoising": Denoising, "generation": Generation}
    return makers[kind](**({"size": 2} if kind == "reduction" else {}) | options)


class Made:
    """One task on one kind of data."""

    def __init__(self, kind: str, data: str, *, seed: int = 0, task: dict | None = None, **settings: Any) -> None:
        torch.manual_seed(seed)
        self.schema, inputs = rows_of(data)
        self.task = task_of(kind, **(task or {}))
        self.batch = Batch(inputs=inputs, target=labelled(ROWS)[1], fold=torch.full((ROWS,), -1))
        self.training, self.validation = self.take(torch.arange(90)), self.take(torch.arange(90, ROWS))
        small = {"hidden_sizes": (32, 16)}
        defaults = FAMILY.defaults(90, 1, self.schema, self.task).model_dump()
        self.config = FAMILY.configured(defaults | small | settings)
        self.module = self.blank()
        assert FAMILY.prepare and FAMILY.phases and FAMILY.finish
        FAMILY.prepare(self.module, self.config, self.task, self.training, self.validation)

    def blank(self) -> nn.Module:
        return FAMILY.build(self.config, self.schema, self.task, nn)

    def take(self, rows: Tensor) -> Batch:
        inputs = tuple(x[rows] for x in self.batch.inputs)
        return Batch(inputs=inputs, target=self.batch.target[rows], fold=self.batch.fold[rows])

    def step(self, steps: int = 1) -> None:
        self.module.train()
        assert FAMILY.phases is not None
        phases = FAMILY.phases(self.module, self.config, self.task, steps, lambda: 0.0)
        job = Job(module=self.module, phases=phases, source=None)
        eager = Eager(job, Cursor(job), Averages(phases), Plan())
        for _ in range(steps):
            eager.step([self.training], phases, Tally(Position()))
        self.module.eval()

    def finish(self) -> None:
        assert FAMILY.finish is not None
        FAMILY.finish(self.module, self.config, self.task, self.training, self.validation)

    @torch.no_grad()
    def judged(self) -> float:
        assert FAMILY.judge is not None
        return float(FAMILY.judge(self.module.eval(), self.config, self.task, self.training).mean())
