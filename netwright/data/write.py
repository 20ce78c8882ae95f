"""A table to the bytes of a file, in the format its name asks for."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from netwright.core.errors import InputError
from netwright.data.table import Table

WRITERS: dict[str, Callable[[Table, BytesIO], object]] = {
    ".csv": lambda table, file: table.frame.write_csv(file),
    ".tsv": lambda table, file: table.frame.write_csv(file, separator="\t"),
    ".parquet": lambda table, file: table.frame.write_parquet(file),
    ".arrow": lambda table, file: table.frame.write_ipc(file),
    ".feather": lambda table, file: table.frame.write_ipc(file),
    ".jsonl": lambda table, file: table.frame.write_ndjson(file),
}


def to_bytes(table: Table, name: str) -> bytes:
    """The table as a file of this name. Raises InputError for an ending that is no table format."""
    ending = Path(name).suffix.lower()
    if ending not in WRITERS:
        raise InputError(
            "The output's ending says no format that can be written.",
            got=name,
            wanted=", ".join(WRITERS),
            fix="Name the output with one of these endings, such as answers.csv.",
        )
    file = BytesIO()
    WRITERS[ending](table, file)
    return file.getvalue()
