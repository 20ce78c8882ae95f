"""What sources and targets are called, so that a run's settings say it and a resume finds it again."""

import os
from pathlib import Path

import numpy as np
import torch

from netwright.core.errors import InputError, InputTypeError
from netwright.core.settings import Settings
from netwright.data.pictures.read import holds_pictures
from netwright.data.sources.bundled import DATASETS
from netwright.data.sources.read import read
from netwright.data.text.folder import LABEL, holds_texts


def complete(settings: Settings) -> Settings:
    """The settings with files named by their whole path, and a source's own target where none is given.

    That is the target of a bundled data set, and "label" of a folder with a folder of texts for each class.
    """
    info = DATASETS.get(settings.source)
    target = settings.target
    if not target and info is not None and not Path(settings.source).exists():
        target = (info.target,)
    elif not target and settings.task != "language" and holds_texts(settings.source, lines=False):
        target = (LABEL,)
    roles = ("validation", "test", "pretrained")
    files = {role: source_name(getattr(settings, role)) for role in roles if getattr(settings, role)}
    family = settings.family or ("bert" if settings.pretrained else None)
    if settings.pretrained is not None and family != "bert":
        raise InputError(
            "Only the family bert goes on from what others have trained.",
            got=f"--pretrained with --family {family}",
            wanted="--family bert",
            fix="Leave --family or --pretrained out.",
        )
    return settings.model_copy(
        update={"source": source_name(settings.source), "target": target, "family": family, **files}
    )


def with_target(source: object, target: object) -> tuple[object, tuple[str, ...] | None]:
    """The source with a target given as values added as columns; and the names of the target columns."""
    if target is None or isinstance(target, str):
        return source, tuple(part.strip() for part in target.split(",")) if isinstance(target, str) else None
    if isinstance(target, list | tuple) and all(isinstance(name, str) for name in target):
        return source, tuple(target)
    if not isinstance(target, np.ndarray | torch.Tensor | list | tuple) and not hasattr(target, "__array__"):
        raise InputTypeError(
            "The target is neither names nor values.",
            got=f"{type(target).__name__}: {target!r:.60}",
            wanted="a column's name, a list of names, or one value for each row",
            fix='For column 5 of an array target="x5".',
        )
    values = target.numpy() if isinstance(target, torch.Tensor) else np.asarray(target)
    if holds_pictures(source):
        if isinstance(source, str | os.PathLike):
            raise InputError(
                "Labels from memory go with pictures from memory.",
                got=f"target of {len(values)} values for {source}",
                wanted="a folder for each class, or a table with the paths and the labels",
                fix='Sort the files into folders, or write such a table and give target="label".',
            )
        if hasattr(source, "__len__") and len(source) != len(values):  # type: ignore[arg-type]
            raise _other_number(len(values), f"{len(source)} pictures")  # type: ignore[arg-type]
        return (source, values), None
    values = values.reshape(len(values), -1)
    table = read(source)
    if table.rows != len(values):
        raise _other_number(len(values), f"{table.rows} rows")
    names = tuple(f"target{i}" for i in range(values.shape[1])) if values.shape[1] > 1 else ("target",)
    return table.with_columns({name: values[:, i] for i, name in enumerate(names)}), names


def _other_number(values: int, rows: str) -> InputError:
    return InputError(
        "The target has another number of values than the source has rows.",
        got=f"{values} values for {rows}",
        wanted="one value, or one row of values, for each row",
        fix="Give target=values of the same length.",
    )


def source_name(source: object) -> str:
    """What a source is called in the settings: an absolute path stays valid whatever folder a resume starts from."""
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        return str(Path(text).resolve()) if Path(text).exists() else str(text)
    return "table"


def stem(source: object) -> str:
    """What a run of this source is called where its folder is not named."""
    name = source_name(source)
    if name == "-":
        return "stdin"
    return Path(name.removeprefix("sqlite:///")).name.split(".")[0] or "table"
