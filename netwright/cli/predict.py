"""netwright predict: raw rows in, answers out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.options import Force, Output, Source

if TYPE_CHECKING:
    from netwright.artifact.predictor import Predictor
    from netwright.data.pictures.album import Album


def predict(
    run: Path, data: Source, /, *, output: Output = None, query: str | None = None, force: Force = False
) -> int:
    """Answer for every row of new data: its columns, in its order, with prediction and probabilities added.

    Parameters
    ----------
    run
        The run folder, or the model/ folder in it.
    data
        Anything `netwright train` reads, with the columns it was trained on; the target is not needed. For a network
        that sees pictures also a single one, or a folder of them. Of series, all up to now: what follows is foretold.
    output
        A .csv, .tsv, .parquet, .arrow or .jsonl file; standard output, as CSV, by default. For pictures whose noise is
        taken out, a folder.
    query
        SQL for a database.
    force
        Overwrite the output if it exists.
    """
    from netwright.artifact.predictor import load
    from netwright.core.files import refuse_existing, write_file
    from netwright.data.pictures.album import Album
    from netwright.data.table import Table
    from netwright.data.write import to_bytes

    if output is not None:
        refuse_existing(output, force=force)
    predictor = load(run)
    rows = predictor.read(data, query=query, written=True)
    notices = list(rows.notices) if isinstance(rows, Table) else []
    if predictor.task.kind == "denoising" and predictor.schema.image is not None:
        assert isinstance(rows, Album)
        return _clean(predictor, rows, output, force=force)
    answers, odd = predictor.answers(rows)
    for notice in [*notices, *odd]:
        print(f"note: {notice}", file=sys.stderr)
    written = to_bytes(answers, output.name if output is not None else "answers.csv")
    if output is None:
        sys.stdout.buffer.write(written)
    else:
        write_file(output, written)
        print(f"{answers.rows:,} rows answered: {output}", file=sys.stderr)
    return 0


def _clean(predictor: "Predictor", album: "Album", output: Path | None, *, force: bool) -> int:
    """Pictures without their noise, as files of a folder; those that can't be read are named and left out."""
    from netwright.cli.generate import write_pictures
    from netwright.core.errors import InputError

    if output is None:
        raise InputError(
            "The cleaned pictures need a folder.",
            got="no --output",
            wanted="a folder that does not exist yet",
            fix="For example -o cleaned.",
        )
    pictures, which, notices = predictor.cleaned(album)
    for notice in notices:
        print(f"note: {notice}", file=sys.stderr)
    every = album.names
    names = [Path(every[i]).stem for i in which]
    write_pictures(output, pictures, names, force=force)
    print(f"{len(names):,} pictures cleaned: {output}", file=sys.stderr)
    return 0
