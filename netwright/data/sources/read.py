"""Anything a person may call a table, read into a `Table`."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sources.arrays import array_table, dict_table, is_tensor, tensor_array
from netwright.data.sources.bundled import DATASETS, bundled_bytes
from netwright.data.sources.columnar import is_columnar, read_columnar
from netwright.data.sources.compressed import decompress, plain_name
from netwright.data.sources.database import MAGIC, PREFIX, read_database
from netwright.data.sources.delimited import read_delimited
from netwright.data.sources.frames import frame_table, is_frame
from netwright.data.sources.jsonlines import looks_like_json, read_json, records_table
from netwright.data.sources.missing import blank_markers
from netwright.data.sources.numpy_file import is_numpy, numpy_table, read_arrays
from netwright.data.table import Table

FOREIGN = {
    b"PK\x03\x04": ("a zip archive or an Excel sheet", "Unpack it, or save the sheet as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Excel sheet", "Save the sheet as CSV."),
    b"\x89HDF": ("an HDF5 file", "Write its table as Parquet or CSV."),
    b"%PDF": ("a PDF document", "Give the table itself as CSV or Parquet."),
    b"FEA1": ("a Feather file of version 1", "Write it again as Feather version 2 or Parquet."),
    b"BZh": ("a bzip2 archive", "Unpack it: bunzip2 FILE."),
    b"\xfd7zXZ": ("an xz archive", "Unpack it: unxz FILE."),
    b"\x80\x04\x95": ("a pickle, which is never opened: it could run any code", "Write the table as Parquet or CSV."),
    b"\x80\x05\x95": ("a pickle, which is never opened: it could run any code", "Write the table as Parquet or CSV."),
}
"""What files begin with that are no tables we read, what they are, and what to do."""


def read(source: Any, *, query: str | None = None, name: str | None = None) -> Table:
    """Read a table as `as_written` does, with missing values where words such as NA stand for them."""
    return blank_markers(as_written(source, query=query, name=name))


def as_written(source: Any, *, query: str | None = None, name: str | None = None) -> Table:
    """Read a table; its text cells stay text, to be read by `celltypes`.

    `source` is a path to CSV, TSV, Parquet, Arrow, Feather, JSON lines, NumPy's .npy and .npz, or SQLite (all but the
    last also inside gzip or zstd), `-` for standard input, `sqlite:///PATH` with a `query`, the name of a bundled data
    set, a frame, a NumPy array, a tensor, a dict of columns or a list of dicts. `name` is what messages call it.

    Raises InputError or InputTypeError, naming file, row or line and column, for anything that is not a whole table.
    """
    if isinstance(source, str | os.PathLike):
        return _read_text(os.fspath(source), query, name)
    _refuse_query(query, type(source).__name__)
    return _read_memory(source, name or "table")


def _read_text(source: str, query: str | None, name: str | None) -> Table:
    if source.startswith("sqlite:"):
        if not source.startswith(PREFIX):
            source = PREFIX + source.removeprefix("sqlite:").lstrip("/")
        return read_database(Path(source.removeprefix(PREFIX)), query, name or source)
    path = Path(source).expanduser()
    if source == "-":
        data, name = sys.stdin.buffer.read(), name or "standard input"
    elif source and path.exists() and not (path.is_dir() and source in DATASETS):
        data, name = _file_bytes(path), name or source
        if data.startswith(MAGIC):
            return read_database(path, query, name)
    elif source in DATASETS:
        data, name = bundled_bytes(source), name or source
    else:
        raise _nothing_there(source)
    _refuse_query(query, name)
    return _read_bytes(data, name, plain_name(source if source != "-" else "").lower())


def _file_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        folder = path.is_dir()
        raise InputError(
            f"{path} is a folder, not a table." if folder else f"{path} can't be read.",
            got=error.strerror or error,
            wanted="a file that holds a table",
            fix=f"Give one of the files in it: {_some_files(path)}." if folder else "Look at its permissions.",
        ) from error


def _read_bytes(data: bytes, name: str, ending: str) -> Table:
    """The table in a file's bytes. The content decides what it is; the name only tells JSON from delimited text."""
    data = decompress(data, name)
    if is_columnar(data):
        return read_columnar(data, name)
    if is_numpy(data):
        return numpy_table(read_arrays(data, name), name)
    for mark, (what, fix) in FOREIGN.items():
        if data.startswith(mark):
            raise InputError(f"{name} is {what}.", got=f"bytes {mark.hex(' ')} …", wanted=_FORMS, fix=fix)
    if data and ending.endswith((".parquet", ".pq", ".arrow", ".feather", ".ipc")):
        raise InputError(
            f"{name} is not what its name says.",
            got=f"a file that begins with {data[:8]!r}",
            wanted="PAR1 (Parquet) or ARROW1 (Arrow, Feather) at its beginning",
            fix="Get the file again, or name it after what it is, such as .csv.",
        )
    named_json = ending.endswith((".jsonl", ".ndjson", ".json"))
    if data.strip(b"\r\n\t \0") and (named_json or (not ending.endswith((".csv", ".tsv")) and looks_like_json(data))):
        return read_json(data, name)
    return read_delimited(data, name)


_FORMS = "CSV, TSV, Parquet, Arrow, Feather, JSON lines, NumPy or SQLite"


def _read_memory(source: Any, name: str) -> Table:
    if isinstance(source, Table):
        return replace(source, name=name) if name != "table" else source
    if is_tensor(source):
        return array_table(tensor_array(source, name), name)
    if isinstance(source, np.ndarray):
        return array_table(source, name)
    if isinstance(source, Mapping):
        return dict_table(source, name)
    if isinstance(source, list | tuple) and source and all(isinstance(row, dict) for row in source):
        return records_table(source, name)
    if is_frame(source):
        return frame_table(source, name)
    sparse = type(source).__module__.startswith("scipy.sparse")
    raise InputTypeError(
        f"{name}: a sparse matrix is no table." if sparse else f"{name}: this can't be read as a table.",
        got=f"{type(source).__module__}.{type(source).__qualname__}",
        wanted=f"a path ({_FORMS}), a frame, a NumPy array, a tensor or a dict of columns",
        fix="Give matrix.toarray()." if sparse else "Turn it into a dict of columns, such as {'age': [31, 45]}.",
    )


def _refuse_query(query: str | None, name: str) -> None:
    if query is not None:
        raise InputError(
            "Only a database can be asked a query.",
            got=f"--query with {name}",
            wanted="--query with sqlite:///PATH",
            fix="Leave --query out, or give a database.",
        )


def _nothing_there(source: str) -> InputError:
    scheme, is_url, _ = source.partition("://")
    if is_url:
        fix = "Download the file first." if scheme.startswith("http") else "Export the rows to Parquet or CSV first."
        wanted = "a path, sqlite:///PATH, or a bundled data set"
        return InputError(f"Sources of kind {scheme}:// can't be read.", got=source, wanted=wanted, fix=fix)
    path = Path(source).expanduser()
    near = get_close_matches(source.lower(), DATASETS, n=1)
    if path.parent.is_dir():
        files = [file.name for file in path.parent.iterdir()]
        near += [str(path.parent / file) for file in get_close_matches(path.name, files, n=2)]
    return InputError(
        f"There is no file and no bundled data set called {source!r}.",
        got=f"{source!r}, looked for in {Path.cwd()}",
        wanted=f"a path, or one of {', '.join(DATASETS)}",
        fix=f"Did you mean {' or '.join(near)}?" if near else "Correct the path.",
    )


def _some_files(folder: Path) -> str:
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "") if names else "it holds none"
