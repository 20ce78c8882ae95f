"""Delimited text: found out, read whole, or refused with file, line and mend."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.data.sources.delimited import read_delimited
from netwright.data.sources.missing import MARKERS, blank_markers
from netwright.data.sources.scan import scan


def rows(data: bytes) -> list[tuple]:
    return read_delimited(data, "f.csv").frame.rows()


@pytest.mark.parametrize(
    ("data", "columns", "expected"),
    [
        (b"a,b\n1,2\n", ["a", "b"], [("1", "2")]),
        (b"a;b\r\n1,5;x\r\n", ["a", "b"], [("1,5", "x")]),
        (b"a\tb\n1,5\tx\n", ["a", "b"], [("1,5", "x")]),
        (b"a|b\nx|y\n", ["a", "b"], [("x", "y")]),
        (b"sep=;\na;b\n1;2\n", ["a", "b"], [("1", "2")]),
        (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], [("1", "2")]),
        ("a,ä\n1,ü\n".encode("utf-16"), ["a", "ä"], [("1", "ü")]),
        ("a,ä\n1,ü\n".encode("utf-32"), ["a", "ä"], [("1", "ü")]),
        (b"a,b\r1,2\r3,4\r", ["a", "b"], [("1", "2"), ("3", "4")]),
        (b'a,b\n"x ""y""\nz",2\n', ["a", "b"], [('x "y"\nz', "2")]),
        (b'"a\nb",c\n1,2\n', ["a\nb", "c"], [("1", "2")]),
        (b"a,b\n1,2\n\n\n", ["a", "b"], [("1", "2")]),
        (b"\n\na,b\n1,2\x1a", ["a", "b"], [("1", "2")]),
        (b"a,b,\n1,2,\n3,4,\n", ["a", "b"], [("1", "2"), ("3", "4")]),
        (b"a,b\n1,2,\n3,4,\n", ["a", "b"], [("1", "2"), ("3", "4")]),
        (b"a,b,\n1,2\n3,4\n", ["a", "b"], [("1", "2"), ("3", "4")]),
        (b"a,b\n\x00x,y\n", ["a", "b"], [("\x00x", "y")]),
        (b"text\nhello, world\nfoo\n", ["text"], [("hello, world",), ("foo",)]),
        (b"x\n1,5\n2,5\n", ["x"], [("1,5",), ("2,5",)]),
        (b"0,1,2\n7,8,9\n", ["0", "1", "2"], [("7", "8", "9")]),
        (b"code\n007\n", ["code"], [("007",)]),
        (b'a,b\n5" pipe,2\n', ["a", "b"], [('5" pipe', "2")]),
        (b'a, b\n1, "2,3"\n', ["a", "b"], [("1", "2,3")]),
    ],
)
def test_reads(data: bytes, columns: list[str], expected: list[tuple]) -> None:
    table = read_delimited(data, "f.csv")
    assert table.columns == columns
    assert table.frame.rows() == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["f.csv is empty"]),
        (b"\n \n", ["f.csv is empty"]),
        (b"a,b\n", ["no rows"]),
        (b"a,b", ["no rows"]),
        (b"a,b,a\n1,2,3\n", ["same name", "'a' in columns 1, 3"]),
        (b"a,b\n1,2,3\n4,5\n6,7\n", ["1 of 3 rows", "line 2 has 3", "2 fields"]),
        (b"\n\na,b\n1,2\n3\n5,6\n", ["line 5 has 1"]),
        (b'a,b\n"x\ny",2\n3\n5,6\n', ["line 4 has 1"]),
        (b"Title\na,b,c\n1,2,3\n1,2,3\n", ["line 2 has 3", "remove the lines above"]),
        (b"a,b\n1,2,9\n3,4,9\n", ["line 2 has 3", "as many names"]),
        (b'a,b\n1,2\n"x,1\n', ["line 3", "never closed"]),
        (b'a,b\n1,5" x\n"x,1\n', ["line 3", "never closed"]),
        (b"a,b\n1,\x81\n", ["line 2", "byte 81 at offset 6"]),
        ("a,äöü\n1,ööööö\n".encode() + b"2,\xff\n", ["line 3", "byte ff", "UTF-8"]),
        ("a,b\n1,ä\n".encode("utf-16")[:-1], ["UTF-16"]),
    ],
)
def test_refuses(data: bytes, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_delimited(data, "f.csv")
    for word in ["f.csv", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ("a,ä\n1,ü\n".encode("cp1252"), "Windows-1252 (line 1: 'a,ä')"),
        ("abc,def\n1,xyz\n".encode("utf-16-le"), "UTF-16-LE"),
        (b"1,2\n3,4\n", "no header"),
        (b"a,,b\n1,2,3\n", "column_2"),
        (b"a,b\n1,2\n\n3,4\n", "1 empty lines"),
        (b"a,b,\n1,2,\n", "end with a delimiter"),
        (b'a,b\n"x"y,2\n', "line 2: a double quote is out of place"),
        (b"a,b\nNA,?\nNA,x\n", "'?' (1 cells in 'b'); 'NA' (2 cells in 'a')"),
    ],
)
def test_says_what_is_odd(data: bytes, word: str) -> None:
    assert word in " ".join(map(str, blank_markers(read_delimited(data, "f.csv")).notices))


def test_missing_words_are_gaps_and_other_cells_are_untouched() -> None:
    cells = [f" {word} " for word in MARKERS if word]
    data = "a,b\n" + "".join(f"{cell},x\n" for cell in cells) + " kept ,x\n"
    written = read_delimited(data.encode(), "f.csv")
    assert written["a"].to_list() == [*cells, " kept "]
    assert blank_markers(written)["a"].to_list() == [None] * len(cells) + [" kept "]


def test_blank_line_in_a_single_column_is_a_missing_value() -> None:
    assert rows(b"a\nx\n\ny\n\n") == [("x",), (None,), ("y",)]


def test_large_cell_and_many_columns() -> None:
    cell = "x, " * 3_500_000
    assert rows(f'a,b\n"{cell}",1\n'.encode())[0][0] == cell
    names = [f"c{i}" for i in range(5000)]
    data = (",".join(names) + "\n" + ",".join("1" * 5000) + "\n").encode()
    assert read_delimited(data, "f.csv").columns == names


def test_scan_agrees_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,b\n"x,\n""y",2\n\n3\n4,5,6\n7,8'
    whole = scan(data, ",")
    for size in range(1, 12):
        monkeypatch.setattr("netwright.data.sources.scan.CHUNK", size)
        assert scan(data, ",") == whole
    assert (whole.records, dict(whole.fields), whole.blanks) == (6, {2: 2, 1: 1, 3: 1}, [2])


# What is neither a control character nor turned into a gap; names are stripped, so they have no space around them.
letters = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="\n")
words = st.text(letters, max_size=12).filter(lambda s: s.strip() not in MARKERS)
names = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(names, min_size=1, max_size=5, unique=True).flatmap(
        lambda keys: st.tuples(
            st.just(keys),
            st.lists(st.lists(words, min_size=len(keys), max_size=len(keys)), min_size=1, max_size=8),
        )
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_is_written_is_read(table: tuple, delimiter: str, end: str, encoding: str, quoting: int) -> None:
    keys, body = table
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([keys, *body])
    # A single column may hold a text whose every line looks like a record of several; then it must be quoted.
    read = read_delimited(text.getvalue().encode(encoding), "f.csv")
    assert read.columns == keys
    assert read.frame.rows() == [tuple(row) for row in body]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text('ab1," \n\r;\t', max_size=60).map(str.encode))
def test_any_bytes_give_a_table_or_a_clear_error(data: bytes) -> None:
    try:
        table = read_delimited(data, "f.csv")
    except InputError as error:
        assert "f.csv" in str(error)
        assert error.fix
    else:
        assert table.rows
        assert len(set(table.columns)) == len(table.columns)
