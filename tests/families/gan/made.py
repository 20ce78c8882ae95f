"""Schemas, tasks and rows of known form for the tests of this folder."""

import torch
from torch import Tensor

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.schema import CategoryColumn, ImageColumn, NumberColumn, Schema
from netwright.tasks import Classification, Generation

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")


def picture_schema(height: int, width: int, channels: int = 1) -> Schema:
    mean = (0.5,) * channels
    column = ImageColumn(
        name="picture", cell=TEXT, why="", channels=channels, height=height, width=width, mean=mean, std=mean
    )
    return Schema(columns=(column,))


def row_schema(numbers: int, cardinalities: tuple[int, ...] = ()) -> Schema:
    common = {"why": "", "center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0}
    made = [NumberColumn(name=f"n{i}", cell=NUMBER, **common) for i in range(numbers)]
    words = [tuple(f"v{k}" for k in range(size - 1)) for size in cardinalities]
    return Schema(
        columns=(*made, *(CategoryColumn(name=f"c{i}", cell=TEXT, why="", values=w) for i, w in enumerate(words)))
    )


def task_of(counts: tuple[int, ...] = ()) -> Generation:
    names = tuple("abcdefghij"[: len(counts)])
    label = Classification(targets=("y",), cells=(TEXT,), classes=names, counts=counts) if counts else None
    return Generation(label=label)


def rows_of(schema: Schema, count: int, classes: int = 0) -> Batch:
    """Random rows; labels are 0 where there are no classes."""
    draw = torch.Generator().manual_seed(0)
    image, inputs = schema.image, ()
    if image is not None:
        shape = (count, image.channels, image.height, image.width)
        inputs: tuple[Tensor, ...] = (torch.randint(0, 256, shape, generator=draw).to(torch.uint8),)
    else:
        numbers = torch.randn(count, len(schema.number_features), generator=draw)
        columns = [torch.randint(1, max(n, 2), (count,), generator=draw) % n for n in schema.cardinalities]
        categories = torch.stack(columns, 1) if columns else torch.zeros(count, 0, dtype=torch.int64)
        inputs = (numbers, categories)
    target = torch.randint(max(classes, 1), (count,), generator=draw)
    return Batch(inputs=inputs, target=target, fold=torch.full((count,), -1))
