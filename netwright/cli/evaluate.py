"""netwright evaluate: how good a trained network is on data of one's own."""

import json
import math
import sys
from pathlib import Path

from netwright.cli.options import Json, Source


def evaluate(run: Path, data: Source | None = None, /, *, query: str | None = None, json_: Json = False) -> int:
    """Say how good a run is: on its held-out rows, or on other data.

    Parameters
    ----------
    run
        The run folder, or the model/ folder in it.
    data
        Anything `netwright train` reads, with the target where one is predicted; labels are used where they are there.
        Without data, the figures of the held-out rows are shown.
    query
        SQL for a database.
    json_
        Print the figures as JSON; null for one there is no number for.
    """
    from netwright.artifact.predictor import load

    predictor = load(run)
    if data is None:
        assert predictor.manifest is not None
        figures, rows = predictor.manifest.figures, "held-out rows"
    else:
        from netwright.api.scoring import score

        found, notices = score(predictor, data, query=query)
        for notice in notices:
            print(f"note: {notice}", file=sys.stderr)
        figures, rows = found.figures, f"{found.rows:,} {found.unit}s"
    if json_:
        print(json.dumps({name: value if math.isfinite(value) else None for name, value in figures.items()}))
        return 0
    print(f"on {rows}")
    for name, value in figures.items():
        print(f"  {name:<24} {value:.6g}")
    return 0
