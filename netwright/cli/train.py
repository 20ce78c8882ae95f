"""netwright train: from data to a trained, measured, saved network."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Literal

from netwright.cli.options import Flag, Force, Json, Output, Quiet, Source, pairs


def train(
    source: Source,
    /,
    *,
    target: str | None = None,
    output: Output = None,
    task: str | None = None,
    family: str | None = None,
    dimensions: int | None = None,
    image_size: int | None = None,
    normal: str | None = None,
    false_alarms: float | None = None,
    horizon: int | None = None,
    id_: str | None = None,
    known: str | None = None,
    season: int | None = None,
    quantiles: str | None = None,
    window: int | None = None,
    level: Literal["characters", "pieces"] | None = None,
    pretrained: str | None = None,
    query: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    test_share: float | None = None,
    time: str | None = None,
    group: str | None = None,
    shuffle: Flag = False,
    kind: list[str] | None = None,
    exclude: str | None = None,
    scaling: Literal["robust", "quantile"] | None = None,
    balanced: Flag = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    hidden_sizes: str | None = None,
    set_: list[str] | None = None,
    layers: Literal["torch.nn", "netwright.layers"] | None = None,
    time_limit: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    config: Path | None = None,
    dry_run: Flag = False,
    force: Force = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a network on a table, pictures, series or texts, and say how good it is on what it has not seen.

    Parameters
    ----------
    source
        A file (CSV, TSV, Parquet, Arrow, JSON lines, also .gz and .zst), - for standard input, a database URL such as
        sqlite:///shop.db, or the name of a bundled data set (`netwright datasets` lists them). Pictures: a folder with
        a folder for each class, a table with a column of their paths, .npz or .npy arrays, IDX files as MNIST has
        them, Parquet with the pictures inside. Sequences: .ts files, .npz arrays, a long table with --id. A text file,
        to be continued; a folder with a folder of texts for each class.
    target
        The column to predict; several are joined by commas. Folders of pictures and texts need none.
    output
        The run folder; runs/<name> by default.
    task
        regression, classification or multilabel, found from the target by default; forecasting, with --horizon;
        language, for a text; reduction, anomaly, denoising or generation, where nothing is to be predicted.
    family
        For tables tabular (default), mlp or linear; for pictures cnn (default); for both autoencoder and gan. For
        texts blend (default), transformer, lstm, gru, rnn, linear or, with --pretrained, bert. For sequences rocket
        (default), lstm, gru, rnn, transformer or linear. For series blend (default), linear, naive, lstm, gru, rnn or
        transformer.
        For a text to be continued transformer (default), lstm, gru or rnn.
    dimensions
        How many numbers a reduction tells a row in.
    image_size
        Pixels of the longer side of pictures; what suits the family, at most, by default.
    normal
        The label of ordinary rows in a search for anomalies; of two labels the most frequent by default.
    false_alarms
        The share of ordinary rows that a search for anomalies may take for one (0.01).
    horizon
        How many steps of a series are foretold.
    id_
        The column that says which series, or which sequence, a row belongs to.
    known
        Columns of a series that are known in advance, joined by commas.
    season
        Steps after which a series repeats itself; found by default.
    quantiles
        What is told of a forecast's range, joined by commas (0.1,0.5,0.9).
    window
        Steps, or tokens of a text, that the network sees; found by default.
    level
        What a network for a text reads and writes: characters (default below 5 MB) or pieces of words.
    pretrained
        A folder, or a name on a hub, with a network that others have trained, for --family bert.
    query
        SQL for a database.
    validation
        A file of rows that validate.
    test
        A file of rows that are held out.
    test_share
        The share of rows held out where no file is given (0.2).
    time
        The column of times: rows are split by it, the latest held out; series and sequences are ordered by it.
    group
        Keep rows of one value of this column on one side of every split.
    shuffle
        Split at random even where a date-time column orders the rows.
    kind
        COLUMN=KIND takes a column for a number, category, boolean or datetime; may be given again.
    exclude
        Columns to leave out, joined by commas.
    scaling
        How numbers are scaled: robust (default) or quantile.
    balanced
        Weight the classes so that each counts the same.
    epochs
        Passes over the training rows at most.
    batch_size
        Rows a step.
    learning_rate
        The optimizer's rate.
    hidden_sizes
        Widths of the hidden layers, joined by commas.
    set_
        NAME=VALUE sets any other setting of the family; may be given again.
    layers
        What the network is built from: torch.nn (default), or netwright.layers, written out by hand, forward and
        backward (losses, and the encoder of --family bert, stay as they are).
    time_limit
        Seconds for the whole command.
    seed
        The number all random choices follow from (0).
    device
        auto (default), cpu or cuda.
    config
        A TOML file of settings, such as settings.toml of an earlier run.
    dry_run
        Show every decision about the data, and train nothing.
    force
        Replace an earlier run in the output folder.
    json_
        Print the result as JSON.
    quiet
        No progress; what a person should know is said all the same.
    """
    asked: dict[str, object] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    asked["hidden_sizes"] = hidden_sizes.split(",") if hidden_sizes else None
    asked = {name: value for name, value in asked.items() if value is not None} | pairs(set_, "--set")
    flags: dict[str, object] = {
        "source": source,
        "target": target,
        "task": task,
        "family": family,
        "dimensions": dimensions,
        "image_size": image_size,
        "normal": normal,
        "false_alarms": false_alarms,
        "horizon": horizon,
        "id": id_,
        "known": known,
        "season": season,
        "quantiles": quantiles,
        "window": window,
        "level": level,
        "pretrained": pretrained,
        "query": query,
        "validation": validation,
        "test": test,
        "test_share": test_share,
        "time": time,
        "group": group,
        "shuffle": shuffle or None,
        "kinds": pairs(kind, "--kind") or None,
        "exclude": exclude,
        "scaling": scaling,
        "balanced": balanced or None,
        "time_limit": time_limit,
        "layers": layers,
        "seed": seed,
        "device": device,
        "config": asked or None,
    }
    return start(flags, output, config, dry_run=dry_run, force=force, as_json=json_, quiet=quiet)


def start(
    flags: dict[str, object],
    output: Path | None,
    config: Path | None,
    *,
    dry_run: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Resolve the settings, then run or show what would be run."""
    started = time.monotonic()
    from netwright.api.train import preview
    from netwright.api.train import start as begin
    from netwright.core.settings import resolve

    settings = resolve(flags, config)
    if dry_run:
        from netwright.cli.decisions import decisions

        print(decisions(preview(settings)))
        return 0
    from netwright.api.progress import Progress

    progress = Progress(settings.time_limit, quiet=quiet)
    command = shlex.join(["netwright", *sys.argv[1:]])
    done = begin(None, settings, output, force=force, started=started, watch=progress, command=command)
    progress.clear()
    show(done, as_json=as_json)
    return done.exit_code


def show(done: object, *, as_json: bool) -> None:
    """The result on stdout."""
    from netwright.api.run import Run

    assert isinstance(done, Run)
    if as_json:
        values = json.loads((done.path / "metrics.json").read_text())
        print(json.dumps({"run": str(done.path), **values}))
    else:
        print(done)
