"""Raw rows in, answers out."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.artifact.load import load as load_artifact
from netwright.artifact.manifest import Manifest
from netwright.core.errors import InputError
from netwright.core.notice import NetwrightWarning, Notice
from netwright.core.schema import Schema
from netwright.data.conform import conform
from netwright.data.encode import encode
from netwright.data.sources.read import read
from netwright.data.table import Table
from netwright.tasks import Task

CHUNK = 2048
"""Rows a forward pass sees: fixed, so that the same rows give the same bits. More leave the cache and were slower."""


@dataclass(frozen=True)
class Predictor:
    """A trained network and all that turns raw rows into its inputs and its outputs into answers."""

    module: nn.Module
    task: Task
    schema: Schema
    manifest: Manifest | None = None

    def predict(self, source: object) -> np.ndarray:
        """The answer for each row, in the order of the rows.

        `source` is anything `nw.train` takes: a path, a frame, a dict of columns, an array. Gives (N,) classes or
        numbers, (N, T) for several numeric targets, (N, L) zeros and ones for labels. Warns of unseen categories and
        of cells it could not read; raises InputError for a missing column.
        """
        predictions, notices = self.predictions(read(source))
        _warn(notices)
        match self.task.kind:
            case "classification":
                return np.asarray(self.task.labels)[predictions.argmax(1)]
            case "multilabel":
                return (predictions > 0.5).astype(np.int64)
            case _:
                return predictions[:, 0] if predictions.shape[1] == 1 else predictions

    def predict_proba(self, source: object) -> np.ndarray:
        """(N, C) the probability of each class, or (N, L) of each label. Raises InputError for regression."""
        if self.task.kind == "regression":
            raise InputError(
                "A regression gives no probabilities.",
                got=f"predict_proba of a network for {self.task.title}",
                wanted="a network for classification",
                fix="Use predict.",
            )
        predictions, notices = self.predictions(read(source))
        _warn(notices)
        return predictions

    def predictions(self, table: Table, dtype: torch.dtype = torch.float32) -> tuple[np.ndarray, list[Notice]]:
        """The task's predictions for the raw rows of a table, and what was odd about them."""
        rows, notices = conform(self.schema, table)
        encoded = encode(self.schema, rows, np.float64 if dtype == torch.float64 else np.float32)
        notices += _odd(encoded.unseen, "value(s) that training never saw: treated as unknown")
        notices += _odd(encoded.gaps, "empty cell(s) where training had none: the median, or unknown, stands in")
        inputs = (torch.from_numpy(encoded.numbers), torch.from_numpy(encoded.categories))
        return self.task.predictions(forward(self.module, inputs, dtype)), notices

    def answers(self, table: Table) -> tuple[Table, list[Notice]]:
        """The table with the answers added as columns; a name that is taken gets a `_` behind it."""
        predictions, notices = self.predictions(table)
        added = {}
        for name, values in self.task.columns(predictions).items():
            while name in table.columns:
                name += "_"
            added[name] = values
        return table.with_columns(added), notices


def load(path: str | os.PathLike[str]) -> Predictor:
    """The predictor saved in this run folder or artifact folder.

    Nothing in it is unpickled or imported. Raises InputError where there is none, ArtifactError where it is damaged.
    """
    manifest, module = load_artifact(Path(path))
    return Predictor(module, manifest.task, manifest.data, manifest)


def forward(module: nn.Module, inputs: tuple[Tensor, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    """The module's outputs for all rows, chunk by chunk, in eval mode and without gradients, on the CPU."""
    first = next(module.parameters(), None)
    device, before = (first.device, first.dtype) if first is not None else (torch.device("cpu"), dtype)
    module.eval()
    if before != dtype:
        module.to(dtype)
    try:
        with torch.inference_mode():
            chunks = [
                module(*(_as(x[start : start + CHUNK].to(device), dtype) for x in inputs)).cpu()
                for start in range(0, max(1, len(inputs[0])), CHUNK)
            ]
    finally:
        module.to(before)
    return torch.cat(chunks)


def _as(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _odd(counts: Mapping[str, int], what: str) -> list[Notice]:
    return [Notice(what=f"{name!r} has {count:,} {what}", column=name) for name, count in counts.items()]


def _warn(notices: list[Notice]) -> None:
    for notice in notices:
        warnings.warn(str(notice), NetwrightWarning, stacklevel=3)
