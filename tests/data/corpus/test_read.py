"""Text files: which sources they are, and what is told of odd ones."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.corpus.read import holds_corpus, one_line_end, read_corpus


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def told(source: object) -> str:
    return " ".join(notice.what for notice in read_corpus(source).notices)


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.md", "a.text", "a.txt.gz"])
def test_text_files_are_texts(tmp_path: Path, name: str):
    assert holds_corpus(write(tmp_path / name, "a")) and holds_corpus(str(tmp_path / name))


def test_what_is_no_text(tmp_path: Path):
    write(tmp_path / "classes" / "good" / "1.txt", "a")
    write(tmp_path / "tables" / "README.md", "a")
    write(tmp_path / "tables" / "data.csv", "a")
    sources = [write(tmp_path / "a.csv", "a"), tmp_path / "classes", tmp_path / "tables", tmp_path / "nothing.txt"]
    assert not any(map(holds_corpus, [*sources, "", "penguins", np.zeros(3), {"a": [1]}]))


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path):
    for name, text in (("b.txt", "two"), ("a.txt", "one"), ("deep/c.md", "three"), ("d.json", "{}"), ("e.txt", " \n")):
        write(tmp_path / name, text)
    corpus = read_corpus(tmp_path)
    assert holds_corpus(tmp_path) and holds_corpus(corpus) and read_corpus(corpus) is corpus
    assert corpus.text == "one\n\ntwo\n\nthree" and corpus.starts.tolist() == [0, 5, 10]
    assert corpus.table.columns == ["file", "characters"] and corpus.table["characters"].to_list() == [3, 3, 5]
    words = told(tmp_path)
    assert "1 file(s)" in words and "d.json" in words and "left out (first e.txt)" in words


def test_ends_of_lines_and_marks_are_told(tmp_path: Path):
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_corpus(path).text == "one\ntwo\nthree\n"
    assert "2 line(s)" in told(path) and "byte order mark" in told(path)
    assert one_line_end("a\nb") == ("a\nb", 0)


def test_packed_and_other_encodings(tmp_path: Path):
    assert read_corpus(write(tmp_path / "a.txt.gz", gzip.compress("größer".encode()))).text == "größer"
    path = write(tmp_path / "b.txt", "sehr größer\n".encode("cp1252"))
    assert read_corpus(path).text == "sehr größer\n" and "Windows-1252 (line 1" in told(path)


def test_damaged_bytes_are_named_with_their_line(tmp_path: Path):
    path = write(tmp_path / "a.txt", "größer und größer\n".encode() * 9 + b"\xff\n")
    with pytest.raises(InputError, match="line 10"):
        read_corpus(path)


def test_one_line_of_ten_megabytes(tmp_path: Path):
    assert len(read_corpus(write(tmp_path / "a.txt", "word " * 2_000_000)).text) == 10_000_000


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_nothing_to_read(tmp_path: Path, data: bytes):
    with pytest.raises(InputError, match="no text in"):
        read_corpus(write(tmp_path / "a.txt", data))


def test_bytes_that_are_no_text(tmp_path: Path):
    with pytest.raises(InputError, match="control characters"):
        read_corpus(write(tmp_path / "a.txt", bytes(range(128)) * 9))


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(InputError, match="can't be read"):
        read_corpus(tmp_path / "a.txt")
