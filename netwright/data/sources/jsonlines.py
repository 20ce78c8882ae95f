"""JSON lines, and a JSON list of objects, to a table."""

import json
from collections.abc import Sequence
from typing import Any

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.sources.charset import to_utf8
from netwright.data.sources.tidy import tidy_table
from netwright.data.sources.values import values_series
from netwright.data.table import Table


def looks_like_json(data: bytes) -> bool:
    """Whether text from an unnamed source begins as JSON lines or a JSON list of objects does."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]"))


def read_json(data: bytes, name: str) -> Table:
    """The table of an object a line, or of one list of objects. A key that an object lacks is a gap.

    Raises InputError with line and column for text that is not JSON, something else than objects, or a key given twice.
    """
    utf8, notices = to_utf8(data, name)
    text = utf8.decode()
    if text.lstrip()[:1] == "[":
        rows = _loads(text, name, 1)
        _check_objects(rows, [f"item {i}" for i in range(1, len(rows) + 1)], name)
    else:
        lines = [(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
        rows = [_loads(line, name, i) for i, line in lines]
        _check_objects(rows, [f"line {i}" for i, _ in lines], name)
    return records_table(rows, name, notices)


def records_table(rows: Sequence[dict], name: str, notices: Sequence[Notice] = ()) -> Table:
    """A table of dicts, one a row; their keys, in the order first seen, are the columns."""
    keys = dict.fromkeys(str(key) for row in rows for key in row)
    columns: dict[str, list[Any]] = {key: [row.get(key) for row in rows] for key in keys}
    return tidy_table([values_series(key, values, name) for key, values in columns.items()], name, notices)


def _loads(text: str, name: str, line: int) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, name, line))
    except RecursionError as error:
        raise _refused(name, line, "values nested too deeply") from error
    except json.JSONDecodeError as error:
        at = line + error.lineno - 1
        got = f"{error.msg} at character {error.colno}"
        raise _refused(name, at, f"{got}: {text.splitlines()[error.lineno - 1][:60]!r}" if text else got) from error


def _object(pairs: list[tuple[str, Any]], name: str, line: int) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise InputError(
            f"{name}, line {line}: an object gives the key {twice!r} twice.",
            got=f"{twice!r} {keys.count(twice)} times",
            wanted="keys that differ",
            fix="Rename or remove one of them.",
        )
    return made


def _check_objects(rows: Any, places: list[str], name: str) -> None:
    for row, place in zip(rows, places, strict=True):
        if not isinstance(row, dict):
            raise InputError(
                f"{name}, {place}: this is no object with a value a column.",
                got=f"{type(row).__name__} {str(row)[:60]!r}",
                wanted='an object such as {"age": 31, "town": "Bonn"}',
                fix="Write one object a row.",
            )


def _refused(name: str, line: int, got: str) -> InputError:
    return InputError(
        f"{name}, line {line}: this is not JSON.",
        got=got,
        wanted="one JSON object a line, or one list of objects",
        fix=f"Mend line {line}; if the file ends there, part of it is missing.",
    )
