"""`nw.train`: from a source to a trained, measured, saved network. This file is the map of the whole."""

import os
import shutil
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from netwright.api.baselines import baselines_of
from netwright.api.corpus import gather_corpus
from netwright.api.fitting import Fitted, configure, fit, threads
from netwright.api.judging.judge import judge
from netwright.api.naming import complete, source_name, stem, with_target
from netwright.api.next_steps import next_steps
from netwright.api.opening import opened
from netwright.api.pictures import gather_pictures
from netwright.api.pretrained import pretrained_for
from netwright.api.rows import Rows, Sources, gather
from netwright.api.run import Run, new_folder, write_results
from netwright.api.sequences import gather_sequences
from netwright.api.series import gather_series
from netwright.api.session import Watch, nobody
from netwright.api.stopping import Stop, listening
from netwright.artifact.manifest import Manifest
from netwright.artifact.predictor import Predictor
from netwright.artifact.save import save
from netwright.core import devices
from netwright.core.errors import InputError
from netwright.core.files import write_file
from netwright.core.lock import locked
from netwright.core.notice import Notice
from netwright.core.record import Record
from netwright.core.settings import Settings, read_toml, resolve, to_toml
from netwright.families.family import Family

RESERVE, RESERVED = 0.15, 6.0
"""Share of the time limit that is kept for measuring and writing, and seconds besides: a tenth of it at most."""


def train(
    source: object,
    *,
    target: str | list[str] | np.ndarray | None = None,
    validation: object = None,
    test: object = None,
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    watch: Watch | None = None,
    **settings: object,
) -> Run:
    """Train a network on a table, pictures, sequences, series or texts, measure it on what is held out, and save it.

    `source` is a path (CSV, TSV, Parquet, Arrow, JSON lines, also .gz and .zst), a database URL with `query`, the name
    of a bundled data set, a pandas or polars frame, a dict of columns, or a 2-D array or tensor (columns x0, x1, …).
    Pictures come as a folder with a folder for each class, a table with a column of paths, `.npz`, `.npy` and IDX
    files, an array or tensor (N, H, W), (N, H, W, 3) or (N, 3, H, W), a pair of such and labels, or a list of Pillow's
    images.
    With `horizon` a table holds series, whose next steps are foretold; a table with a column of texts is read; a text
    file is a text to be continued; sequences come as `.ts` files, arrays (N, T, C), or a long table with `id`.
    `target` names the column to predict, or several; for arrays it may be the values themselves, (N,) or (N, T).
    `validation` and `test` are sources of the same columns. `output` is the run folder, `runs/<name>` by default.
    `watch` is called with every Notice, StepRecord and EpochRecord. `settings` are the fields of
    `netwright.core.settings.Settings`, such as family, seed, time_limit, kinds, exclude, config,
    layers=netwright.layers.

    Raises InputError for data or options that can't be used, TrainingError where training can't go on.
    """
    started = time.monotonic()
    source, names = with_target(source, target)
    given = {"target": names, **settings, "source": source_name(source)}
    given |= {role: source_name(s) for role, s in (("validation", validation), ("test", test)) if s is not None}
    sources = Sources(training=source, validation=validation, test=test)
    return start(sources, resolve(given), output, force=force, started=started, watch=watch)


def start(
    sources: Sources | None,
    settings: Settings,
    output: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
    started: float | None = None,
    watch: Watch | None = None,
    command: str = "",
) -> Run:
    """A new run with these settings. Without `sources`, they are what the settings name."""
    settings = complete(settings)
    path = new_folder(Path(output) if output is not None else None, stem(settings.source), force=force)
    return run(
        sources or named(settings),
        settings,
        path,
        started=time.monotonic() if started is None else started,
        watch=watch or nobody,
        command=command,
        anew=True,
    )


def preview(settings: Settings) -> "Preparation":
    """Everything that would be decided about the data, and nothing trained."""
    settings = complete(settings)
    return prepare(named(settings), settings)


def named(settings: Settings) -> Sources:
    """The sources the settings name."""
    return Sources(training=settings.source, validation=settings.validation, test=settings.test)


def resume(
    path: str | os.PathLike[str],
    source: object = None,
    *,
    time_limit: float | None = None,
    watch: Watch | None = None,
) -> Run:
    """Go on with a run that was stopped or killed, from its last checkpoint, to the same numbers.

    `source` is needed only for a run whose data came from memory or standard input. `time_limit` is in seconds, of this
    call; that of the run before does not count. Raises InputError for a folder
    that is no run or a run that is finished.
    """
    path = Path(path)
    if not (path / "settings.toml").is_file():
        raise InputError(
            "There is no run to resume here.",
            got=path,
            wanted="a run folder with its settings.toml",
            fix="Give the folder that `netwright train` named, such as runs/penguins.",
        )
    if (path / "metrics.json").exists() and not (path / "checkpoints").exists():
        raise InputError(
            "This run is finished; there is nothing to resume.",
            got=path,
            wanted="a run that was stopped before its end",
            fix="Use it with `netwright predict`, or train again with more --epochs or patience.",
        )
    settings = Settings.model_validate(read_toml(path / "settings.toml") | {"time_limit": time_limit})
    if source is None and settings.source in ("-", "table"):
        raise InputError(
            "The data of this run came from memory or standard input and must be given again.",
            got=f"source = {settings.source!r}",
            wanted="the same rows",
            fix="nw.resume(path, source) with the same values.",
        )
    sources = named(settings) if source is None else replace(named(settings), training=source)
    return run(sources, settings, path, started=time.monotonic(), watch=watch or nobody)


@dataclass(frozen=True)
class Preparation:
    """What is known before training: `netwright train … --dry-run` shows it."""

    rows: Rows
    family: Family
    config: Record


def prepare(sources: Sources, settings: Settings, watch: Watch = nobody) -> Preparation:
    """Read, decide and measure everything that comes before training."""
    sources, data, family = opened(sources, settings)
    asked = settings.config
    match data:
        case "image":
            rows = gather_pictures(sources, settings, family, watch)
        case "sequence":
            rows = gather_sequences(sources, settings, family, watch)
        case "series":
            rows = gather_series(sources, settings, family, watch)
        case "corpus":
            rows = gather_corpus(sources, settings, family, watch)
        case "text" if family.name == "bert":
            pretrained, own = pretrained_for(settings)
            rows, asked = gather(sources, settings, family, pretrained), asked | own
        case _:
            rows = gather(sources, settings, family)
    return Preparation(rows, family, configure(family, rows, asked))


def run(
    sources: Sources,
    settings: Settings,
    path: Path,
    *,
    started: float,
    watch: Watch,
    command: str = "",
    anew: bool = False,
) -> Run:
    """The whole flow, from sources to a run folder; goes on from checkpoints there unless it is to begin `anew`."""
    seconds: dict[str, float] = {}
    clock = time.monotonic()
    ready = prepare(sources, settings, watch)
    rows = ready.rows
    for notice in rows.notices:
        watch(notice)
    seconds["read and encode"] = time.monotonic() - clock

    clock = time.monotonic()
    baselines = baselines_of(rows, settings)
    seconds["baselines"] = time.monotonic() - clock

    clock = time.monotonic()
    limit = settings.time_limit
    stop = Stop(deadline=started + limit - _reserve(limit) if limit else float("inf"))
    devices.choose(settings.device)
    with locked(path), listening(stop), threads(1):
        _begin(path, settings, anew=anew)
        fitted = fit(rows, ready.family, ready.config, settings, stop=stop, watch=watch, folder=path / "checkpoints")
        seconds["train"] = time.monotonic() - clock
        if fitted.early:
            watch(Notice(what=f"{fitted.ended}: what there is will be measured and saved"))
        return _finish(rows, fitted, baselines, settings, path, seconds, stop, command)


def _reserve(limit: float) -> float:
    """Seconds of the time limit in which nothing is trained any more."""
    return RESERVE * limit + min(RESERVED, 0.1 * limit)


def _begin(path: Path, settings: Settings, *, anew: bool) -> None:
    """Write the settings. Of an earlier run in the folder only what this one must not go on from is removed."""
    if anew:
        if (path / "checkpoints").exists():
            shutil.rmtree(path / "checkpoints")
        (path / "metrics.json").unlink(missing_ok=True)
    write_file(path / "settings.toml", to_toml(settings).encode())


def _finish(
    rows: Rows,
    fitted: Fitted,
    baselines: dict[str, np.ndarray],
    settings: Settings,
    path: Path,
    seconds: dict[str, float],
    stop: Stop,
    command: str,
) -> Run:
    """Save, measure, save with the figures, report."""
    clock = time.monotonic()
    rows = _told(rows, fitted)
    keep = partial(_keep, path / "model", rows, fitted, settings)
    keep({})  # whatever happens while it is judged, the network is there
    findings = None
    if len(rows.split.test):
        steps = next_steps(path, settings, rows, fitted.family.name, command, early=fitted.early and not fitted.failed)
        findings = judge(
            rows,
            fitted,
            baselines,
            settings,
            title=path.name,
            command=command,
            seconds=seconds,
            next_steps=steps,
            stop=stop,
        )
    seconds["measure"] = time.monotonic() - clock
    manifest = keep(findings.evaluation.figures if findings else {})
    write_results(path, findings, fitted.history, fitted.ended, fitted.plan)
    if not fitted.early:
        shutil.rmtree(path / "checkpoints", ignore_errors=True)
    return Run(
        path=path,
        predictor=Predictor(fitted.module, rows.task, rows.schema, manifest),
        findings=findings,
        history=fitted.history,
        ended=fitted.ended,
        notices=rows.notices,
        exit_code=stop.exit_code or int(fitted.failed),
    )


def _told(rows: Rows, fitted: Fitted) -> Rows:
    """The rows with what was odd about training among their notices, first of all."""
    early = f"training ended early: {fitted.ended}" if fitted.early else ""
    odd = tuple(Notice(what=words, serious=True) for words in (early, fitted.warning) if words)
    return replace(rows, notices=(*odd, *rows.notices))


def _keep(path: Path, rows: Rows, fitted: Fitted, settings: Settings, figures: dict[str, float]) -> Manifest:
    """Write the artifact."""
    return save(
        path,
        fitted.module.cpu(),
        task=rows.task,
        schema=rows.schema,
        family=fitted.family,
        config=fitted.config,
        layers=settings.layers,
        source=settings.source,
        rows=len(rows.split.fitting),
        figures=figures,
    )
