"""Findings made by hand for the tests of the report and the answer."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from netwright.core.cells import CellType
from netwright.core.notice import Notice
from netwright.core.schema import CategoryColumn, LeftOutColumn, NumberColumn, Schema, TimeColumn
from netwright.core.steps import EpochRecord
from netwright.evaluate.evaluation import evaluate
from netwright.evaluate.findings import Findings, Importance
from netwright.tasks import Classification, MultiLabel, Regression, Task

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")


def columns() -> tuple:
    """One column of every kind."""
    number = {"cell": NUMBER, "center": 44.5, "scale": 9.0, "lowest": 32.1, "highest": 59.6}
    day = {"cell": CellType(kind="datetime"), "center": 1.6e9, "scale": 1e7, "lowest": 1.5e9, "highest": 1.7e9}
    return (
        NumberColumn(name="bill_length_mm", why="its 143 values are numbers", missing=2, **number),
        NumberColumn(name="body_mass_g", why="heavy tails", quantiles=(1.0, 2.0, 3.0), **number),
        CategoryColumn(name="island", cell=TEXT, why="3 different values", values=("Biscoe", "Dream", "Torgersen")),
        CategoryColumn(name="observer", cell=TEXT, why="few values", values=("a", "b", "c", "d"), rare=7, missing=3),
        TimeColumn(name="seen_at", why="all are dates", parts=("weekday", "month"), **day),
        LeftOutColumn(name="id", cell=TEXT, why="every value is different", kind="id"),
    )


def history(epochs: int, members: int = 0, seed: int = 0) -> tuple[EpochRecord, ...]:
    """A training that goes well, then learns by heart."""
    random = np.random.default_rng(seed)
    found = []
    for epoch in range(epochs):
        loss = 0.08 + 0.9 * np.exp(-epoch / (epochs / 6))
        validation = loss + 0.05 + 0.15 * (epoch / epochs) ** 2
        values = validation * (1 + 0.08 * random.standard_normal(members)) if members else validation
        found.append(
            EpochRecord(
                epoch=epoch,
                losses={"train": float(loss)},
                validation=torch.as_tensor(values),
                metrics={},
                learning_rate=1e-3,
                rows=1000,
                seconds=0.1,
            )
        )
    return tuple(found)


def findings(task: Task, predictions: np.ndarray, truth: np.ndarray, baselines: dict | None = None) -> Findings:
    """A run of that task with every section filled."""
    constant = {task.constant_title: task.constant(len(truth))}
    schema = Schema(columns=columns())
    names = [column.name for column in schema.columns]
    return Findings(
        title="penguins-mlp",
        command="netwright train penguins --target species",
        source="penguins.csv",
        rows=5 * len(truth),
        task=task,
        task_why="it has three different values",
        schema=schema,
        split=f"{4 * len(truth):,} rows train and validate, {len(truth):,} are held out; shares of the classes kept.",
        notices=(
            Notice(what="Left out: every value is different", fix="--use id takes it all the same", column="id"),
            Notice(what="3 exact duplicate rows were kept on one side of the split"),
        ),
        family="mlp",
        network="MLP(\n  (layers): Sequential(\n    (0): Linear(12 -> 64)  832 parameters\n  )\n)\n1,027 parameters",
        settings={"epochs": 100, "batch_size": 256, "learning_rate": 0.002, "hidden_sizes": [256, 256], "group": None},
        history=history(40),
        best_epoch=22,
        seconds={"read": 0.0123, "train": 8.42, "evaluate": 0.9},
        evaluation=evaluate(task, predictions, truth, constant | (baselines or {})),
        predictions=predictions,
        truth=truth,
        importance=tuple(
            Importance(column=n, drop=0.31 / 2**i - 0.012, spread=0.02 / (i + 1)) for i, n in enumerate(names)
        ),
        worst=tuple(
            {"row": 17 + 31 * i, "truth": "Adelie", "prediction": "Chinstrap", "error": 2.3 / (i + 1)}
            | {"bill_length_mm": 38.1 + i, "body_mass_g": 3750.0, "island": "Dream", "observer": None, "id": f"N{i}A1"}
            for i in range(8)
        ),
        next_steps=(
            "netwright predict runs/penguins new.csv -o answers.csv",
            "netwright report runs/penguins",
            "netwright train penguins --target species --time-limit 600",
        ),
    )


def classification(classes: tuple[str, ...], rows: int = 200, seed: int = 0, sure: float = 3.0) -> Findings:
    """Softmax of noise with a push towards the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(classes), rows)
    counts = tuple(int(n) + 1 for n in np.bincount(truth, minlength=len(classes)))
    task = Classification(targets=("species",), cells=(TEXT,), classes=classes, counts=counts)
    return findings(
        task, _soft(random, truth, len(classes), sure), truth, {"linear model": _soft(random, truth, len(classes), 2)}
    )


def regression(targets: tuple[str, ...], rows: int = 300, seed: int = 0, unit: float = 4000.0) -> Findings:
    """The truth and a tenth of noise."""
    random = np.random.default_rng(seed)
    truth = unit * np.exp(0.8 * random.standard_normal((rows, len(targets))))
    many = len(targets)
    task = Regression(
        targets=targets,
        cells=(NUMBER,) * many,
        center=(unit,) * many,
        scale=(unit,) * many,
        lowest=(0.0,) * many,
        highest=(10 * unit,) * many,
    )
    noisy = truth * (1 + 0.1 * random.standard_normal(truth.shape))
    linear = truth * 0.7 + 0.3 * unit + 0.3 * unit * random.standard_normal(truth.shape)
    return findings(task, noisy, truth, {"linear model": linear})


def multilabel(labels: tuple[str, ...], rows: int = 200, seed: int = 0) -> Findings:
    """Each label true of a third of the rows."""
    random = np.random.default_rng(seed)
    truth = (random.random((rows, len(labels))) < 0.35).astype(np.float32)
    logits = 2.5 * (2 * truth - 1) + 1.5 * random.standard_normal(truth.shape)
    task = MultiLabel(targets=("tags",), cells=(TEXT,), labels=labels, separator="|", shares=(0.35,) * len(labels))
    return findings(task, 1 / (1 + np.exp(-logits)), truth)


def bare(full: Findings) -> Findings:
    """The same without whatever a family may lack."""
    return replace(
        full,
        history=(),
        best_epoch=-1,
        importance=(),
        worst=(),
        notices=(),
        next_steps=(),
        command="",
        settings={},
        seconds={},
    )


def _soft(random: np.random.Generator, truth: np.ndarray, classes: int, sure: float) -> np.ndarray:
    logits = random.standard_normal((len(truth), classes)) + sure * np.eye(classes)[truth]
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """The makers above, for tests to call."""
    return SimpleNamespace(
        bare=bare,
        classification=classification,
        columns=columns,
        findings=findings,
        history=history,
        multilabel=multilabel,
        regression=regression,
    )
