"""Every kind of source gives the same table; what is none is refused with its mend."""

import gzip
import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
import zstandard

from netwright.core.errors import InputError, InputTypeError
from netwright.data.cells.celltypes import convert, infer_types
from netwright.data.sources.read import read

FRAME = pl.DataFrame({"n": [1.5, None, -2.0], "k": [1, 2, 3], "word": ["a", None, "b c"], "yes": [True, False, None]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path) -> None:
    """Write FRAME in the format, and the compression, that the name says."""
    stem, _, ending = path.name.partition(".")
    kind, _, packed = ending.partition(".")
    plain = path.with_name(f"{stem}.{kind}")
    match kind:
        case "csv":
            FRAME.write_csv(plain)
        case "tsv":
            FRAME.write_csv(plain, separator="\t")
        case "parquet":
            FRAME.write_parquet(plain)
        case "feather" | "arrow":
            FRAME.write_ipc(plain, compression="lz4")
        case "arrows":
            FRAME.write_ipc_stream(plain)
        case "jsonl":
            FRAME.write_ndjson(plain)
        case "json":
            plain.write_text(json.dumps(FRAME.to_dicts()))
    if packed:
        pack = gzip.compress if packed == "gz" else zstandard.compress
        path.write_bytes(pack(plain.read_bytes()))
        plain.unlink()


KINDS = ("csv", "tsv", "parquet", "feather", "arrow", "arrows", "jsonl", "json")


@pytest.mark.parametrize("name", [f"t.{kind}{packed}" for kind in KINDS for packed in ("", ".gz", ".zst", ".zstd")])
def test_files_of_every_format_hold_the_same_table(folder: Path, name: str) -> None:
    write(folder / name)
    table = read(name)
    assert (table.name, table.columns, table.rows) == (name, FRAME.columns, 3)
    types, _ = infer_types(table)
    same, problems = convert(table, types)
    assert not problems
    assert same.frame.equals(FRAME.cast({"k": pl.Float64}))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.feather", "t.jsonl", "t.json", "t.csv.gz", "t.parquet.zst"])
def test_content_decides_where_there_is_no_name(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / name)
    (folder / "unnamed").write_bytes((folder / name).read_bytes())
    assert read("unnamed").rows == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / name).read_bytes())))
    table = read("-")
    assert (table.rows, table.name) == (3, "standard input")


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst", "t.parquet", "t.feather", "t.jsonl"])
def test_truncated_files_are_named(folder: Path, name: str) -> None:
    write(folder / name)
    data = (folder / name).read_bytes()
    for cut in {len(data) // 2, len(data) - 1 - (name == "t.jsonl"), 30}:
        (folder / name).write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"truncated|part of it is missing"):
            read(name)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst", "t.parquet", "t.feather", "t.arrows"])
def test_flipped_bits_never_end_in_a_traceback(folder: Path, name: str) -> None:
    write(folder / name)
    data = (folder / name).read_bytes()
    for at in range(4, len(data), max(1, len(data) // 40)):
        (folder / name).write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            read(name)
        except InputError as error:
            assert name in str(error)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", ["a.csv is empty"]),
        ("a.csv", b"a,b\n", ["no rows"]),
        ("a.csv.gz", b"a,b\n1,2\n", ["named as compressed"]),
        ("a.csv.gz", b"\x1f\x8b\x08\x00garbage of many bytes", ["damaged", "gzip"]),
        ("a.csv.zst", b"\x28\xb5\x2f\xfdgarbage of many bytes", ["a.csv.zst"]),
        ("a.parquet", b"a,b\n1,2\n", ["not what its name says"]),
        ("a.parquet", b"PAR1" + b"\0" * 50 + b"PAR1", ["damaged"]),
        ("a.xlsx", b"PK\x03\x04rest", ["Excel", "CSV"]),
        ("a.npy", b"\x93NUMPY\x01", ["damaged or truncated", "numpy.savez"]),
        ("a.pkl", b"\x80\x04\x95rest", ["pickle", "never opened"]),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', ["line 2", "not JSON"]),
        ("a.jsonl", b'{"a": 1}\n[2]\n', ["line 2", "no object"]),
        ("a.jsonl", b'{"a": 1, "a": 2}\n', ["line 1", "'a' twice"]),
        ("a.jsonl", b"[" * 100_000, ["nested too deeply"]),
        ("a.jsonl", b'{"a": {"b": 1}}\n', ["'a', row 1", "Flatten"]),
        ("a.json", b"[]", ["no columns"]),
        ("a.json", b"3", ["line 1", "no object"]),
    ],
)
def test_files_that_are_no_table(folder: Path, name: str, data: bytes, words: list[str]) -> None:
    (folder / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(name)
    for word in [name, *words]:
        assert word in str(caught.value)


def test_a_path_wins_over_a_bundled_name_but_a_folder_does_not(folder: Path) -> None:
    assert read("wine").rows == 178
    (folder / "wine").mkdir()
    assert read("wine").rows == 178
    (folder / "wine").rmdir()
    (folder / "wine").write_text("a,b\n1,2\n")
    assert read("wine").rows == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("penguin", ["'penguin'", "Did you mean penguins"]),
        ("shops.csv", ["Did you mean shop.csv"]),
        ("zzz", ["Correct the path"]),
        ("https://example.org/t.csv", ["https://", "Download"]),
        ("postgresql://host/db", ["postgresql://", "Export"]),
        ("sub", ["is a folder", "in.csv"]),
        ("sqlite:///none.db", ["There is no database none.db"]),
        ("", ["no file"]),
    ],
)
def test_names_of_nothing(folder: Path, source: str, words: list[str]) -> None:
    (folder / "shop.csv").write_text("a\nb\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "in.csv").write_text("a\nb\n")
    with pytest.raises(InputError) as caught:
        read(source)
    for word in words:
        assert word in str(caught.value)


@pytest.fixture
def shop(folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("CREATE TABLE sales (n REAL, k INTEGER, word TEXT, mixed)")
        rows = [(1.5, 1, "a", 1), (None, 2, None, "x"), (2.5, 3, "c", None)]
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    return folder / "shop.db"


def test_sqlite(shop: Path) -> None:
    before = shop.read_bytes()
    for source in ("sqlite:///shop.db", f"sqlite:///{shop}", "shop.db"):
        assert read(source).frame.to_dict(as_series=False) == {
            "n": [1.5, None, 2.5],
            "k": [1, 2, 3],
            "word": ["a", None, "c"],
            "mixed": ["1", "x", None],
        }
    table = read("sqlite:///shop.db", query="SELECT k AS t, word FROM sales WHERE k > 1")
    assert table.frame.rows() == [(2, None), (3, "c")]
    assert shop.read_bytes() == before


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM sale", ["no such table: sale", "'sales'", "--query"]),
        ("SELECT * FROM zzz", ["Its tables are sales"]),
        ("SELEC", ["syntax error"]),
        ("DROP TABLE sales", ["the query failed"]),
        ("PRAGMA query_only = 0", ["gives no rows"]),
        ("SELECT * FROM sales; SELECT 2", ["one statement"]),
        ("SELECT * FROM sales WHERE k > 9", ["no rows"]),
        ("SELECT k, k FROM sales", ["same name"]),
        ("SELECT x'00ff' AS b", ["'b', row 1", "Decode"]),
    ],
)
def test_sqlite_queries_that_fail(shop: Path, query: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read("sqlite:///shop.db", query=query)
    for word in words:
        assert word in str(caught.value)


def test_sqlite_files_that_fail(shop: Path) -> None:
    data = shop.read_bytes()
    shop.write_bytes(data[:5000])
    with pytest.raises(InputError, match="truncated"):
        read("sqlite:///shop.db")
    shop.write_text("no database at all")
    with pytest.raises(InputError, match="no whole SQLite database"):
        read("sqlite:///shop.db")
    shop.write_bytes(data)
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("CREATE TABLE other (a)")
    with pytest.raises(InputError, match="2 tables"):
        read("sqlite:///shop.db")
    with pytest.raises(InputError, match="Only a database can be asked"):
        read("wine", query="SELECT 1")


def test_a_table_is_its_own_source() -> None:
    table = read("wine")
    assert read(table) is table
    assert read(table, name="new").name == "new"


@pytest.mark.parametrize(
    ("source", "word"),
    [(scipy.sparse.eye(3), "toarray"), (3, "dict of columns"), (None, "dict of columns"), ([1, 2], "dict of columns")],
)
def test_things_that_are_no_source(source: object, word: str) -> None:
    with pytest.raises(InputTypeError, match=word):
        read(source)


def test_list_of_dicts() -> None:
    assert read([{"a": 1}, {"b": "x", "a": 2.5}]).frame.rows() == [(1.0, None), (2.5, "x")]


def test_the_same_frame_from_pandas_numpy_and_torch() -> None:
    values = np.arange(6.0).reshape(3, 2)
    sources = [pd.DataFrame(values), values, torch.from_numpy(values), {"x0": values[:, 0], "x1": values[:, 1]}]
    for source in sources:
        assert read(source).frame.rows() == [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]
