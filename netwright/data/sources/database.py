"""A query of an SQLite database, or its only table, to a table. Nothing is ever written to it."""

import sqlite3
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote

from netwright.core.errors import InputError
from netwright.data.sources.tidy import tidy_table
from netwright.data.sources.values import values_series
from netwright.data.table import Table

PREFIX = "sqlite:///"
MAGIC = b"SQLite format 3\0"


def read_database(path: Path, query: str | None, name: str) -> Table:
    """The rows of `query`, or of the database's only table.

    Raises InputError for a file that is missing, damaged or no database, and for a query that fails or gives no rows.
    """
    if not path.is_file():
        raise InputError(
            f"There is no database {path}.",
            got=name,
            wanted="the path of an SQLite file after sqlite:///",
            fix="Correct the path; an absolute one has four slashes: sqlite:////home/me/shop.db.",
        )
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        _check_size(path, name)
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("PRAGMA query_only = 1")
            query = query or f"SELECT * FROM {_only_table(connection, name)}"
            return _rows(connection, query, name)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _failed(error, path, query, name) from error


def _check_size(path: Path, name: str) -> None:
    """SQLite itself takes pages that were cut off for empty ones."""
    with path.open("rb") as file:
        head = file.read(100)
    size = int.from_bytes(head[16:18]) or 0
    whole = (65536 if size == 1 else size) * int.from_bytes(head[28:32])
    trusted = head.startswith(MAGIC) and head[24:28] == head[92:96]
    if trusted and path.stat().st_size < whole:
        raise InputError(
            f"{name} is truncated.",
            got=f"{path.stat().st_size:,} bytes",
            wanted=f"the {whole:,} bytes its header speaks of",
            fix="Copy the database again; part of it is missing.",
        )


def _only_table(connection: sqlite3.Connection, name: str) -> str:
    tables = _tables(connection)
    if len(tables) != 1:
        raise InputError(
            f"{name} holds {len(tables)} tables; which rows are wanted?",
            got=", ".join(tables[:20]) or "a database without tables",
            wanted="a query, or a database with a single table",
            fix=f'Give --query "SELECT * FROM {tables[0]}".' if tables else "Give another database.",
        )
    return '"' + tables[0].replace('"', '""') + '"'


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [row[0] for row in connection.execute(found)]


def _rows(connection: sqlite3.Connection, query: str, name: str) -> Table:
    cursor = connection.execute(query)
    if cursor.description is None:
        raise InputError(
            f"{name}: the query gives no rows, it is a command.",
            got=query[:200],
            wanted="a SELECT",
            fix='Give --query "SELECT … FROM …".',
        )
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return tidy_table([values_series(key, values, name) for key, values in zip(names, columns, strict=True)], name)


def _failed(error: Exception, path: Path, query: str | None, name: str) -> InputError:
    said = str(error)
    fix = "Correct the query given with --query."
    if "not a database" in said or "malformed" in said or "disk image" in said or query is None:
        what, fix = f"{name} is no whole SQLite database.", "Copy the file again, or give a file that SQLite wrote."
    else:
        what = f"{name}: the query failed."
        near = _nearest(said, path)
        fix = f"{fix} {near}" if near else fix
    return InputError(what, got=f"{said}{f' in {query[:200]!r}' if query else ''}", wanted="rows", fix=fix)


def _nearest(said: str, path: Path) -> str:
    _, found, wanted = said.partition("no such table: ")
    if not found:
        return ""
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
        tables = _tables(connection)
    near = get_close_matches(wanted, tables, n=1, cutoff=0.4)
    return f"Did you mean the table {near[0]!r}?" if near else f"Its tables are {', '.join(tables[:20])}."
