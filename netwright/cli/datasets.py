"""netwright datasets: what is bundled."""

import dataclasses
import json

from netwright.cli.options import Json


def datasets(*, json_: Json = False) -> int:
    """List the bundled data sets, with rows, columns, licence and origin.

    Parameters
    ----------
    json_
        Print them as JSON.
    """
    from netwright.data.sources.bundled import DATASETS

    if json_:
        print(json.dumps({name: dataclasses.asdict(info) for name, info in DATASETS.items()}, indent=1))
        return 0
    for name, info in DATASETS.items():
        print(f"{name:<14} {info.rows:>6,} rows {info.columns:>3} columns   predicts {info.target}")
        print(f"{'':<14} {info.about}")
        print(f"{'':<14} {info.licence}; {info.origin}")
    return 0
