"""Raw rows in, answers out."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.artifact.forecasting import forecast
from netwright.artifact.load import load as load_artifact
from netwright.artifact.making import classes_for, made
from netwright.artifact.manifest import Manifest
from netwright.artifact.reading import Raw, raw_rows
from netwright.artifact.writing import prompt_tokens, write, writer_form
from netwright.core.arrays import as_bytes, as_tensor, chunks
from netwright.core.errors import InputError
from netwright.core.forms import SequenceForm
from netwright.core.notice import NetwrightWarning, Notice
from netwright.core.schema import Schema
from netwright.core.seeds import derive
from netwright.data.conform import conform
from netwright.data.corpus.corpus import Corpus
from netwright.data.encode import encode
from netwright.data.pictures.album import Album
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.scaling import scale_notice
from netwright.data.pictures.unreadable import unreadable
from netwright.data.rows_back import parted, rows_back
from netwright.data.sequences.collection import Sequences
from netwright.data.sequences.encode import encode_sequences
from netwright.data.table import Table
from netwright.families.flat import MOST_PLACES
from netwright.tasks import Denoising, Forecasting, Generation, Language, Task


@dataclass(frozen=True)
class Predictor:
    """A trained network and all that turns raw rows into its inputs and its outputs into answers."""

    module: nn.Module
    task: Task
    schema: Schema
    manifest: Manifest | None = None

    def predict(self, source: object) -> np.ndarray:
        """The answer for each row, in the order of the rows.

        `source` is anything `nw.train` takes: a path, a frame, a dict of columns, an array, a folder of pictures. Of
        series it is what came before, and the answers are for the steps that follow, series by series. Gives (N,)
        classes or numbers, (N, T) for several numeric targets, (N, L) zeros and ones for labels; of a reduction the
        codes (N, Z), of a search for anomalies the scores (N,), of a denoising the rows without noise: pictures
        (N, H, W) or (N, H, W, 3) uint8, or numbers as the network is fed them. Warns of unseen categories and of cells
        it could not read; raises InputError for a missing column and for a picture that can't be read.
        """
        rows = self.read(source)
        if isinstance(self.task, Forecasting):
            table, notices = self.answers(rows)
            width = len(self.task.targets) * len(self.task.quantiles)
            names = [name for name in table.columns[-width:] if name.startswith("prediction")]
            predictions = np.stack([table[name].to_numpy() for name in names], axis=1)
        else:
            predictions, notices = self.predictions(rows)
        _warn(notices)
        match self.task.kind:
            case "classification":
                return np.asarray(self.task.labels)[predictions.argmax(1)]
            case "multilabel":
                return (predictions > 0.5).astype(np.int64)
            case "anomaly":
                return predictions[:, 2]
            case "denoising" if self.schema.image is not None:
                return _upright(as_bytes(predictions))
            case "regression" | "forecasting":
                return predictions[:, 0] if predictions.shape[1] == 1 else predictions
        return predictions

    def predict_proba(self, source: object) -> np.ndarray:
        """(N, C) the probability of each class, or (N, L) of each label. Raises InputError for other tasks."""
        if self.task.kind not in ("classification", "multilabel"):
            raise InputError(
                f"A {self.task.kind} gives no probabilities.",
                got=f"predict_proba of a network for {self.task.title}",
                wanted="a network for classification",
                fix="Use predict.",
            )
        predictions, notices = self.predictions(self.read(source))
        _warn(notices)
        return predictions

    def read(self, source: object, *, query: str | None = None, written: bool = False) -> Raw:
        """The source as this network needs it; with `written` the cells of a table as they stand in a file.

        Raises InputError for data of another kind.
        """
        return raw_rows(self.schema, self.task, source, query=query, written=written)

    def predictions(self, rows: Raw, dtype: torch.dtype = torch.float32) -> tuple[np.ndarray, list[Notice]]:
        """The task's predictions for raw rows, and what was odd about them.

        Raises InputError for a missing column, for pictures that can't be read, and where the task is to make new rows.
        """
        inputs, notices, good = self._inputs(rows, dtype)
        if not good.all():
            raise InputError(
                "Some pictures can't be read.",
                got=notices[-1].what,
                wanted="pictures alone",
                fix="Replace or delete them; `netwright predict` answers for the others.",
            )
        return self._predictions(inputs, dtype), notices

    def readable(self, rows: Raw) -> tuple[np.ndarray, np.ndarray, list[Notice]]:
        """The task's predictions for the rows that can be read, the positions (n,) of those, and what was odd.

        Raises InputError as `predictions` does, but for pictures only where none can be read.
        """
        inputs, notices, good = self._inputs(rows, torch.float32)
        if not good.any() and len(good):
            raise none_readable(notices)
        which = np.flatnonzero(good)
        return self._predictions(inputs, torch.float32, None if good.all() else which), which, notices

    def cleaned(self, album: Album) -> tuple[np.ndarray, np.ndarray, list[Notice]]:
        """As `readable`, of a denoising of pictures: (n, H, W) or (n, H, W, 3) uint8."""
        assert isinstance(self.task, Denoising) and self.schema.image is not None
        predictions, which, notices = self.readable(album)
        return _upright(as_bytes(predictions)), which, notices

    def answers(self, rows: Raw) -> tuple[Table, list[Notice]]:
        """The rows with the answers added as columns; a name that is taken gets a `_` behind it.

        For a picture that can't be read the answers are empty. Of series it is the steps that follow, with their time.
        """
        if isinstance(self.task, Forecasting):
            assert isinstance(rows, Table)
            return forecast(self, rows)
        inputs, notices, good = self._inputs(rows, torch.float32)
        if len(good) and not good.any():
            raise none_readable(notices)
        table = rows if isinstance(rows, Table) else rows.table
        added: dict[str, np.ndarray] = {}
        for name, values in self._columns(self._predictions(inputs, torch.float32)).items():
            while name in table.columns:
                name += "_"
            added[name] = values
        answered = table.with_columns(added)
        return (answered if good.all() else answered.blanked(list(added), ~good)), notices

    def generate(self, count: int, *, label: object = None, seed: int = 0) -> "np.ndarray | Table":
        """`count` new rows: pictures (count, H, W) or (count, H, W, 3) uint8, or a table with the training columns.

        `label` is the class they are to be of, where the network knows classes; None draws classes as they were in
        training. A table then has the column of labels at its end. The same seed gives the same rows. Raises InputError
        for a network that makes none and an unknown label.
        """
        return self.made(count, label=label, seed=seed)[0]

    def made(
        self, count: int, *, label: object = None, seed: int = 0
    ) -> "tuple[np.ndarray | Table, np.ndarray | None]":
        """What `generate` gives, and the label (count,) of each row; None where the network knows no classes."""
        classes = classes_for(self.module, self.task, count, label=label, seed=seed)
        new = made(self.module, count, classes, derive(seed, "generate"))
        known = self.task.label if isinstance(self.task, Generation) else None
        labels = np.asarray(known.labels)[classes] if known is not None and classes is not None else None
        if self.schema.image is not None:
            return _upright(new[0]), labels
        table = rows_back(self.schema, *new)
        return table if labels is None else table.with_columns({self.task.targets[0]: labels}), labels

    def write(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """What follows the prompt, in pieces as they are written: `length` characters, without the prompt itself.

        Of the tokens that may come next one is drawn by its probability to the power of 1/`temperature` (0 takes the
        likeliest), among the `top_k` likeliest, or the fewest that have `top_p` of the probability together. The same
        seed writes the same text. Raises InputError for a network that writes none, and for numbers out of bounds.
        """
        form = writer_form(self.task, self.schema.form)
        _warn(prompt_tokens(form, prompt)[1])
        return write(
            self.module, form, prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
        )

    def _inputs(self, rows: Raw, dtype: torch.dtype) -> tuple[tuple[Tensor, ...], list[Notice], np.ndarray]:
        """What the network is fed, what was odd, and which rows (N,) could be read at all."""
        if isinstance(rows, Album):
            assert self.schema.image is not None
            decoded = decode(rows, self.schema.image)
            return (
                (as_tensor(decoded.pixels),),
                [*rows.notices, *scale_notice(rows.loader, self.schema.image), *unreadable(rows, decoded)],
                decoded.good,
            )
        if isinstance(rows, Sequences):
            assert isinstance(self.schema.form, SequenceForm)
            encoded = encode_sequences(self.schema.form, rows)
            fed = tuple(map(as_tensor, encoded.inputs))
            return fed, [*rows.notices, *encoded.notices], np.ones(rows.table.rows, dtype=bool)
        if isinstance(rows, Corpus):
            raise _no_answers(self.task)
        read, notices = conform(self.schema, rows)
        encoded = encode(self.schema, read, np.float64 if dtype == torch.float64 else np.float32)
        notices += encoded.notices
        notices += _odd(encoded.unseen, "value(s) that training never saw: treated as unknown")
        notices += _odd(encoded.gaps, "empty cell(s) where training had none: the median, or unknown, stands in")
        return tuple(map(as_tensor, encoded.inputs)), notices, np.ones(rows.rows, dtype=bool)

    def _columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """What is added to the rows."""
        if isinstance(self.task, Denoising):
            clean = rows_back(self.schema, *parted(predictions, self.schema, MOST_PLACES))
            return {f"{name}_clean": clean[name].to_numpy() for name in clean.columns}
        assert not isinstance(self.task, Generation | Forecasting | Language), "refused before"
        return self.task.columns(predictions)

    def _predictions(
        self, inputs: tuple[Tensor, ...], dtype: torch.dtype, which: np.ndarray | None = None
    ) -> np.ndarray:
        if isinstance(self.task, Generation | Language):
            raise _no_answers(self.task)
        assert not isinstance(self.task, Forecasting), "goes on from the end of what it is given"
        return self.task.predictions(forward(self.module, inputs, dtype, rows=which))


def _no_answers(task: Task) -> InputError:
    new = "text" if task.kind == "language" else "rows"
    return InputError(
        f"This network makes new {new}; it has no answers for {new} it is given.",
        got=f"predict with a network for {task.title}",
        wanted="a network that answers",
        fix="Use generate.",
    )


def load(path: str | os.PathLike[str]) -> Predictor:
    """The predictor saved in this run folder or artifact folder.

    Nothing in it is unpickled or imported. Raises InputError where there is none, ArtifactError where it is damaged.
    """
    manifest, module = load_artifact(Path(path))
    return Predictor(module, manifest.task, manifest.data, manifest)


def forward(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    dtype: torch.dtype = torch.float32,
    *,
    rows: np.ndarray | None = None,
) -> Tensor:
    """The module's outputs for all rows, or for the `rows` (n,) with these positions, on the CPU.

    They are made chunk by chunk, in eval mode and without gradients.
    """
    numbers = (x for x in (*module.parameters(), *module.buffers()) if x.is_floating_point())
    first = next(numbers, torch.zeros(0))
    device, before = first.device, first.dtype
    module.eval()
    if before != dtype:
        module.to(dtype)
    try:
        with torch.inference_mode():
            found = [module(*(_as(x.to(device), dtype) for x in chunk)).cpu() for chunk in chunks(inputs, rows)]
    finally:
        module.to(before)
    return torch.cat(found)


def none_readable(notices: Sequence[Notice]) -> InputError:
    """The error for pictures of which none can be read, which the last of the notices names."""
    return InputError(
        "None of the pictures can be read.", got=notices[-1].what, wanted="one or more that can", fix="Replace them."
    )


def _as(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _upright(pictures: np.ndarray) -> np.ndarray:
    """(N, 1, H, W) → (N, H, W), (N, 3, H, W) → (N, H, W, 3)."""
    return pictures[:, 0] if pictures.shape[1] == 1 else pictures.transpose(0, 2, 3, 1)


def _odd(counts: Mapping[str, int], what: str) -> list[Notice]:
    return [Notice(what=f"{name!r} has {count:,} {what}", column=name) for name, count in counts.items()]


def _warn(notices: list[Notice]) -> None:
    for notice in notices:
        warnings.warn(str(notice), NetwrightWarning, stacklevel=3)
