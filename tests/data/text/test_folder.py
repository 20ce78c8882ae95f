from pathlib import Path

import pytest

from netwright.core.errors import InputError
from netwright.data.text.folder import holds_texts, read_texts


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_a_folder_a_class(tmp_path: Path):
    folder = write(
        tmp_path,
        {
            "good/2.txt": b"nice film",
            "good/10.txt": b"very nice\nindeed",
            "bad/a.TXT": b"\xef\xbb\xbfdull",
            "bad/.hidden.txt": b"x",
            "bad/deep/b.txt": "langweilig für alle".encode("cp1252"),
            "bad/empty.txt": b" \n",
            "good/again.txt": b"dull",
            "notes.md": b"x",
        },
    )
    assert holds_texts(folder) and holds_texts(str(folder)) and holds_texts(folder, lines=True)
    table = read_texts(folder)
    assert table["text"].to_list() == ["dull", "langweilig für alle", "nice film", "very nice\nindeed", "dull"]
    assert table["label"].to_list() == ["bad"] * 2 + ["good"] * 3
    said = " ".join(map(str, table.notices))
    for words in ("read as Windows-1252", "1 files hold no text", "notes.md", "'dull' (bad, good)"):
        assert words in said


def test_texts_about_pictures_are_no_texts(tmp_path: Path):
    pictures = {f"{c}/{i}.jpg": b"x" for c in "ab" for i in range(3)}
    licences = {f"{c}/LICENSE.txt": b"free to use" for c in "ab"}
    captions = {f"{c}/{i}.txt": b"a caption" for c in "ab" for i in range(3)}
    lists = {"train.txt": b"a/0.jpg\n", "test.txt": b"b/0.jpg\n"}
    for i, files in enumerate(
        [pictures | licences, pictures | captions, pictures | captions | licences, pictures | lists]
    ):
        folder = write(tmp_path / str(i), files)
        assert not holds_texts(folder) and not holds_texts(folder, lines=True)
    for i, files in enumerate([captions, captions | {"a/1.jpg": b"x", "b/.hidden/2.jpg": b"x", "a/x.html": b"x"}]):
        assert holds_texts(write(tmp_path / f"texts{i}", files))
    assert not holds_texts(write(tmp_path / "code", licences | {f"{c}/{i}.py": b"x" for c in "ab" for i in range(2)}))


def test_a_folder_of_few_texts_is_passed_over_and_told(tmp_path: Path):
    table = read_texts(
        write(tmp_path, {"a/1.txt": b"x", "b/1.txt": b"y", "c/1.txt": b"z", "c/1.csv": b"", "c/2.csv": b""})
    )
    assert table["label"].to_list() == ["a", "b"]
    assert "3 files" in table.notices[0].what and "mostly such" in str(table.notices[0].fix)


def test_a_file_a_class_and_a_text_a_line(tmp_path: Path):
    folder = write(
        tmp_path,
        {
            "Greek.txt": "Παππάς\r\nΓεωργίου\r\n".encode(),
            "Arabic.txt": "حداد\n\n \nخوري".encode(),
            "Nothing.txt": b"",
            "Long.txt": b"x" * 2_000_000 + b"\nshort",
        },
    )
    assert holds_texts(folder, lines=True) and not holds_texts(folder)
    table = read_texts(folder)
    assert table["text"].to_list() == read_texts(folder, lines=True)["text"].to_list()
    assert table["label"].to_list() == ["Arabic", "Arabic", "Greek", "Greek", "Long", "Long"]
    assert table["text"].to_list()[:4] == ["حداد", "خوري", "Παππάς", "Γεωργίου"] and len(table["text"][4]) == 2_000_000
    said = " ".join(map(str, table.notices))
    assert "2 empty lines are left out" in said and "1 files hold no text" in said


def test_what_is_no_folder_of_texts(tmp_path: Path):
    for source in (tmp_path, tmp_path / "none", 5, None, "a\0b"):
        assert not holds_texts(source)
    with pytest.raises(InputError, match="no texts"):
        read_texts(tmp_path)
    with pytest.raises(InputError, match="no texts"):
        read_texts(write(tmp_path, {"a/1.txt": b" ", "b/1.txt": b""}))


def test_parts_are_no_classes(tmp_path: Path):
    folder = write(tmp_path, {"train/pos/1.txt": b"a", "test/pos/1.txt": b"b"})
    with pytest.raises(InputError, match="--test"):
        read_texts(folder)


def test_damaged_bytes_are_named(tmp_path: Path):
    folder = write(tmp_path, {"a/1.txt": "ééééé\n".encode() * 5 + b"\xff\xfe\x81", "b/1.txt": b"x"})
    with pytest.raises(InputError, match=r"1\.txt, line 6"):
        read_texts(folder)


def test_a_closed_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write(tmp_path, {"a/1.txt": b"x", "b/1.txt": b"y"})

    def closed(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(InputError, match="can't be read: Permission denied"):
        read_texts(folder)
