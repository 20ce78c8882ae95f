"""netwright predict: raw rows in, answers out."""

import sys
from pathlib import Path

from netwright.cli.options import Force, Output, Source


def predict(
    run: Path, data: Source, /, *, output: Output = None, query: str | None = None, force: Force = False
) -> int:
    """Answer for every row of new data: its columns, in its order, with prediction and probabilities added.

    Parameters
    ----------
    run
        The run folder, or the model/ folder in it.
    data
        Anything `netwright train` reads, with the columns it was trained on; the target is not needed.
    output
        A .csv, .tsv, .parquet, .arrow or .jsonl file; standard output, as CSV, by default.
    query
        SQL for a database.
    force
        Overwrite the output if it exists.
    """
    from netwright.artifact.predictor import load
    from netwright.core.files import refuse_existing, write_file
    from netwright.data.sources.read import as_written
    from netwright.data.write import to_bytes

    if output is not None:
        refuse_existing(output, force=force)
    predictor = load(run)
    table = as_written(data, query=query)
    answers, notices = predictor.answers(table)
    for notice in [*table.notices, *notices]:
        print(f"note: {notice}", file=sys.stderr)
    written = to_bytes(answers, output.name if output is not None else "answers.csv")
    if output is None:
        sys.stdout.buffer.write(written)
    else:
        write_file(output, written)
        print(f"{answers.rows:,} rows answered: {output}", file=sys.stderr)
    return 0
