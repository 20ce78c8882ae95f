"""The second half of a run: a family's module is built, prepared, and trained by the engine."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.api.frames import Frames
from netwright.api.rows import Rows
from netwright.api.session import Session, Watch
from netwright.api.stopping import Stop
from netwright.api.validating import validation
from netwright.core import devices
from netwright.core.arrays import as_tensor
from netwright.core.forms import CorpusForm, SeriesForm
from netwright.core.plan import Plan, Planned
from netwright.core.record import Record
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.core.steps import EpochRecord
from netwright.data.batches import Batches
from netwright.engine.averages import Averages
from netwright.engine.job import Job
from netwright.engine.planner import Planner
from netwright.families.family import Family, Training
from netwright.families.namespace import namespace

SAMPLE, SAMPLE_BYTES = 20_000, 512_000_000
"""Pictures, and bytes of what is no table, that are measured before and after training at most."""
EPOCH_TOKENS = 1_000_000
"""Tokens of a text that are trained on in an epoch at most, so that a long one is validated now and then."""
EPOCH_WINDOWS = 100_000
"""Windows of series that are trained on in an epoch at most: they overlap."""
PREPARING = 0.35
"""Of a time limit that may go into what is measured on texts before training."""
NGRAM_SECONDS = 3e-6
"""A linear model of n-grams takes for each n-gram of a text and output, over its whole fit, on a slow core."""
SMALL_WORK = 1e9
"""Multiplications a step below which one thread is used. A second brings little there, and where another process wants
the same core it was measured to make a step of 8e7 seventy times slower."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A trained module. `ended` says in words why training ended."""

    module: nn.Module
    family: Family
    config: Record
    history: tuple[EpochRecord, ...]
    best_epoch: int
    ended: str
    plan: Planned = field(default_factory=Planned)
    """What was tried, chosen and refused to run the steps fast, and which steps ran how."""
    frames: tuple[tuple[str, np.ndarray], ...] = ()
    """Of a network that generates pictures: some it made, from the same noise, after so many epochs, in words."""
    warning: str = ""
    """What a person should worry about in how training went; "" for nothing."""
    early: bool = False
    """True where training can go on: it was ended by a signal, the time limit or a loss that is not finite."""
    failed: bool = False
    """True where a loss was not finite; the module has the best weights before that."""


def configure(family: Family, rows: Rows, asked: dict[str, object]) -> Record:
    """The family's settings for these rows, with what a person asked for in their place.

    Raises InputError for a setting the family does not have, or a value that does not fit.
    """
    defaults = family.defaults(len(rows.split.fitting), len(rows.split.folds), rows.schema, rows.task)
    return family.configured(defaults.model_dump() | asked)


def fit(
    rows: Rows,
    family: Family,
    config: Record,
    settings: Settings,
    *,
    stop: Stop,
    watch: Watch,
    folder: Path | None = None,
    most_rows: int | None = None,
) -> Fitted:
    """Build, prepare and train. With a `folder`, checkpoints are kept there, and training goes on from the last one.

    `most_rows` bounds the training rows used; they are then drawn at random.

    The caller's random streams and thread setting are as before when this returns.
    """
    device = devices.choose(settings.device)
    with torch.random.fork_rng(), threads(1):
        torch.manual_seed(derive(settings.seed, "weights"))
        module = family.build(config, rows.schema, rows.task, namespace(settings.layers))
        batches = to_batches(rows, config, device, most_rows)
        module.to(device)
        sample = _sample(rows, family, settings.time_limit)
        if family.prepare is not None:
            family.prepare(module, config, rows.task, batches.training(sample), batches.validating(sample))
        if family.phases is None:
            return Fitted(module=module, family=family, config=config, history=(), best_epoch=-1, ended="fitted")
        assert isinstance(config, Training)
        phases = family.phases(module, config, rows.task, batches.steps * config.epochs, stop.spent)
        job = Job(module=module, phases=phases, source=batches, share=family.share, watched=False)
        averages = Averages(phases)
        frames = Frames(module, averages, rows.task, watch) if rows.schema.image is not None else None
        plan = _plan(rows, module, batches)
        session = Session(
            job=job,
            runner=Planner(job, averages, plan, epochs=config.epochs),
            averages=averages,
            epochs=config.epochs,
            order=lambda epoch: derive(derive(settings.seed, "order"), f"epoch {epoch}"),
            validate=validation(family, config, rows, batches),
            patience=config.patience,
            stop=stop,
            watch=frames or watch,
            folder=folder,
            fingerprint={"SHA-256": _fingerprint(config, batches)} if folder is not None else {},
        )
        with threads(plan.threads if plan is not None else 0):
            torch.manual_seed(derive(settings.seed, "training"))
            try:
                ended, early = session.train()
            finally:
                session.runner.close()
            if family.finish is not None:
                family.finish(module, config, rows.task, batches.training(sample), batches.validating(sample))
    return Fitted(
        module=module,
        family=family,
        config=config,
        plan=session.runner.planned(),
        history=tuple(session.history),
        best_epoch=session.best.epoch,
        frames=tuple(frames.taken) if frames is not None else (),
        ended=ended,
        warning=family.warning(session.history[-1].metrics) if session.history else "",
        early=early,
        failed=session.failed,
    )


def _sample(rows: Rows, family: Family, limit: float | None) -> int | None:
    """How many rows are measured; None of a table, which is measured whole, and of sequences for a closed form.

    Of a text they are windows that lie side by side, so that each of its tokens is seen about once.
    """
    form = rows.schema.form
    if isinstance(form, CorpusForm):
        return max(1, -(-len(rows.split.training) // form.window))
    if rows.schema.data == "table" or (rows.schema.data == "sequence" and family.phases is None):
        return None
    if rows.schema.data == "text" and limit:
        return affordable(rows, PREPARING * limit)
    room = SAMPLE_BYTES // max(1, sum(x[:1].nbytes for x in (*rows.encoded.inputs, rows.target)))
    return max(1, min(SAMPLE, room) if rows.schema.image is not None else room)


def affordable(rows: Rows, seconds: float) -> int:
    """How many texts a linear model of their n-grams can be fitted on in so many seconds, more or less."""
    counts = rows.encoded.lengths[1]
    assert counts is not None, "the n-grams of a text"
    grams = max(1.0, float(counts.mean()))
    return max(500, round(seconds / (NGRAM_SECONDS * grams * max(1, rows.task.output_size))))


def _drawn(rows: Rows) -> int | None:
    """Windows an epoch has at most: of a text as many as lie side by side, of a long one those of a part of it."""
    form = rows.schema.form
    if isinstance(form, SeriesForm):
        return EPOCH_WINDOWS
    if not isinstance(form, CorpusForm):
        return None
    return max(1, -(-min(EPOCH_TOKENS, len(rows.split.training)) // form.window))


def to_batches(rows: Rows, config: Record, device: torch.device, most_rows: int | None = None) -> Batches:
    """The rows that train or validate, as tensors on the device."""
    training = np.sort(rows.split.training)
    if most_rows is not None and len(training) > most_rows:
        training = np.sort(np.random.default_rng(0).choice(training, most_rows, replace=False))
    inputs = tuple(map(as_tensor, rows.encoded.inputs))
    near = sum(x.nbytes for x in inputs) < _free(device) / 2
    place = device if near else torch.device("cpu")
    return Batches(
        inputs=tuple(x.to(place) for x in inputs),
        target=as_tensor(rows.target).to(place),
        fold=torch.from_numpy(rows.split.fold_of(len(rows.target))).to(place),
        rows=torch.from_numpy(training).to(place),
        batch_size=config.batch_size if isinstance(config, Training) else len(training),
        device=device,
        lengths=tuple(None if x is None else torch.from_numpy(x).to(place) for x in rows.encoded.lengths),
        draw=_drawn(rows),
    )


def _free(device: torch.device) -> float:
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else float("inf")


def _plan(rows: Rows, module: nn.Module, batches: Batches) -> Plan | None:
    """None, measured on the first steps; the small steps of tables are known to be best as they are."""
    return Plan(threads=_choose_threads(module, batches)) if rows.schema.data == "table" else None


def _choose_threads(module: nn.Module, batches: Batches) -> int:
    """One thread for small steps, else torch's own setting; the multiplications of a step are about rows × weights."""
    weights = sum(p.numel() for p in module.parameters())
    return 1 if weights * batches.batch_size < SMALL_WORK else 0


@contextmanager
def threads(count: int) -> Iterator[None]:
    """While inside, torch uses this many threads for an operator; 0 is its own choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or DEFAULT_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


HASHED = 256_000_000
"""Bytes of a tensor that a fingerprint is taken of, more or less."""
DEFAULT_THREADS = torch.get_num_threads()


def _fingerprint(config: Record, batches: Batches) -> str:
    digest = hashlib.sha256(repr(config).encode())
    for tensor in (*batches.inputs, batches.target, batches.rows):
        digest.update(np.ascontiguousarray(_some(tensor).cpu().numpy()).data)
    return digest.hexdigest()


def _some(tensor: Tensor) -> Tensor:
    """The tensor, or rows of it spread evenly where all would take long to look at."""
    return tensor[:: max(1, math.ceil(tensor.nbytes / HASHED))]
