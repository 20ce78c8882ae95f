"""Pictures inside tables: bytes, paths, pixels, every row of them; and one picture under two classes."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netwright.core.errors import InputError
from netwright.data.pictures.album import digests
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.embedded import album_in, refuse_pictures
from netwright.data.pictures.pillow import to_png
from netwright.data.pictures.read import read_album
from netwright.data.pictures.same import same_content
from netwright.data.pictures.unreadable import unreadable
from netwright.data.sources.read import read
from tests.data.pictures.make import column, noise, save

PICTURES = [noise(4, 5, 3, seed) for seed in range(4)]
FILES = [to_png(picture) for picture in PICTURES]
PLANES = np.stack([picture.transpose(2, 0, 1) for picture in PICTURES])


@pytest.mark.parametrize("structs", [False, True])
def test_bytes_in_a_parquet_file(tmp_path: Path, structs: bool) -> None:
    data = [{"bytes": file, "path": f"{i}.png"} for i, file in enumerate(FILES)] if structs else FILES
    pl.DataFrame({"photo": [*data, None], "label": [0, 1, 0, 1, 1]}).write_parquet(tmp_path / "a.parquet")
    album = album_in(read(tmp_path / "a.parquet"), tmp_path, pixels=False)
    assert album is not None
    assert (album.image, album.target, album.table.columns) == ("photo", None, ["photo", "label"])
    assert album.names[:2] == (["0.png", "1.png"] if structs else ["picture 1", "picture 2"])
    assert album.table["label"].to_list() == [0, 1, 0, 1, 1]
    done = decode(album, column(4, 5))
    np.testing.assert_array_equal(done.pixels[:4], PLANES)
    assert done.problems == ((4, "there is no picture"),)
    assert "1 of 5 rows of" in str(album.notices[0]) and album.notices[0].serious
    assert len(set(digests(album).tolist())) == 5
    assert album.take(np.array([1])).loader.data == (FILES[1],)


def test_a_family_without_eyes_is_told(tmp_path: Path) -> None:
    pl.DataFrame({"photo": FILES, "label": [0, 1, 0, 1]}).write_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="Leave --family out"):
        refuse_pictures(table)
    refuse_pictures(table.without(["photo"]))


def test_bytes_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    for values in ([b"abc"], [{"bytes": b"abc", "path": "x"}], [{"a": 1}]):
        pl.DataFrame({"blob": values}).write_parquet(tmp_path / "a.parquet")
        with pytest.raises(InputError, match="no cells of a table"):
            read(tmp_path / "a.parquet")


def write_table(folder: Path, names: list[str]) -> Path:
    for i, picture in enumerate(PICTURES):
        save(folder / f"pics/{i}.png", picture)
    path = folder / "labels.csv"
    path.write_text("file,kind,note\n" + "".join(f"{name},{'ab'[i % 2]},hello\n" for i, name in enumerate(names)))
    return path


def test_a_column_of_paths(tmp_path: Path) -> None:
    names = ["pics/0.png", str(tmp_path / "pics/1.png"), "pics\\2.png", "pics/9.PNG", "pics/9.PNG", "", "NA"]
    album = album_in(read(write_table(tmp_path, names)), tmp_path, pixels=False, target=("kind",))
    assert album is not None
    assert (album.image, album.names[:5], len(album.loader)) == ("file", names[:5], 7)
    assert album.table["kind"].to_list() == ["a", "b", "a", "b", "a", "b", "a"]
    done = decode(album, column(4, 5))
    np.testing.assert_array_equal(done.pixels[:3], PLANES[:3])
    reasons = [(3, "the file is not there"), (4, "the file is not there"), (5, "there is no picture")]
    assert [(row, reason[:21]) for row, reason in done.problems] == [*reasons, (6, "there is no picture")]
    said = (
        "4 of 7 pictures named in 'file'",
        "do not exist: pics/9.PNG (row 4), ",
        "(no name) (row 6), (no name) (row 7)",
    )
    assert all(words in str(album.notices[0]) for words in said) and album.notices[0].serious
    assert len(set(digests(album).tolist())) == 7
    assert same_content(album.names, digests(album), album.table["kind"].to_list()) == []
    assert "picture 6 (there is no picture)" in str(unreadable(album, done)[0])


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    frame = pl.DataFrame({"file": [f"{write_table(tmp_path, []).parent}/pics/0.png", "a\0b.png", "x" * 5000 + ".png"]})
    frame = pl.concat([frame, frame[:1]])
    album = album_in(read(frame), None, pixels=False)
    assert album is not None
    assert decode(album, column(4, 5)).good.tolist() == [True, False, False, True]
    assert len(digests(album)) == len(album.loader.marks()) == 4


def test_a_column_that_does_not_match_the_files(tmp_path: Path) -> None:
    names = [f"wrong/{i}.png" for i in range(4)]
    table = read(write_table(tmp_path, names))
    assert album_in(table, tmp_path, pixels=False) is None  # a table with a column of file names
    with pytest.raises(InputError, match="does not match the files") as caught:
        album_in(table, tmp_path, pixels=False, sure=True)
    assert "--exclude" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    some = read(write_table(tmp_path, ["pics/0.png", *names[1:]]))
    with pytest.raises(InputError, match="--exclude file"):
        album_in(some, tmp_path, pixels=False)
    assert album_in(some, tmp_path, pixels=False, exclude=["file"]) is None


def test_the_column_whose_files_are_there_is_taken(tmp_path: Path) -> None:
    write_table(tmp_path, [])
    frame = pl.DataFrame({"thumb": ["t/0.png", "t/1.png"], "photo": ["pics/0.png", "pics/1.png"]})
    album = album_in(read(frame), tmp_path, pixels=False, sure=True)
    assert album is not None and (album.image, album.notices) == ("photo", ())


def test_paths_without_a_folder_are_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = read(write_table(tmp_path, [f"pics/{i}.png" for i in range(4)]))
    monkeypatch.chdir(tmp_path)
    assert album_in(table, None, pixels=False) is not None


def test_tables_without_pictures(tmp_path: Path) -> None:
    for text in ("a,b\n1,x\n2,y\n", "a,b\n1,http://x.org/1.png\n2,http://x.org/2.png\n", "a,b\n1,x.png\n2,y\n3,z\n"):
        (tmp_path / "t.csv").write_text(text)
        assert album_in(read(tmp_path / "t.csv"), tmp_path, pixels=True) is None


class TestPixels:
    def test_the_bundled_digits(self) -> None:
        table = read("digits")
        assert album_in(table, None, pixels=False, target=("digit",)) is None
        album = album_in(table, None, pixels=True, target=("digit",))
        assert album is not None
        assert (album.table.columns, album.loader.arrays.shape) == (["image", "digit"], (1797, 1, 8, 8))
        assert album.loader.arrays[0, 0, 0].tolist() == [int(table[f"pixel_0_{i}"][0]) for i in range(8)]

    @pytest.mark.parametrize("naming", ["pixel{}", "PX {}", "x{}", "{}"])
    def test_names_of_columns(self, naming: str) -> None:
        values = np.arange(32.0).reshape(2, 16)
        frame = pl.DataFrame({naming.format(i): values[:, i] for i in reversed(range(16))} | {"y": [0, 1]})
        album = album_in(read(frame), None, pixels=True, target=("y",))
        assert album is not None
        np.testing.assert_array_equal(album.loader.arrays.reshape(2, 16), values)
        assert album_in(read(frame), None, pixels=True) is None  # y is no pixel
        assert album_in(read(frame), None, pixels=True, exclude=["y"]) is not None

    @pytest.mark.parametrize("planar", [True, False])
    def test_the_order_of_colours(self, planar: bool) -> None:
        smooth = np.linspace(0, 60, 8)[None, :] + np.zeros((8, 1))
        picture = np.stack([smooth, smooth + 90, 255 - smooth])
        flat = (picture if planar else picture.transpose(1, 2, 0)).reshape(1, -1).repeat(3, axis=0)
        album = album_in(read(flat), None, pixels=True)
        assert album is not None
        np.testing.assert_allclose(album.loader.arrays[0], picture, rtol=1e-6)

    @pytest.mark.parametrize("values", [["a"] * 16, [None] * 16, [float("inf")] * 16])
    def test_what_is_no_number_is_no_pixel(self, values: list) -> None:
        frame = pl.DataFrame({f"x{i}": [value, value] for i, value in enumerate(values)})
        assert album_in(read(frame), None, pixels=True) is None

    def test_columns_that_make_no_square(self) -> None:
        for count in (4, 15, 17, 32):
            assert album_in(read(np.ones((3, count))), None, pixels=True) is None


def test_equal_files_have_equal_digests(tmp_path: Path) -> None:
    for name, data in (
        ("a/1.png", FILES[0]),
        ("b/2.png", FILES[0]),
        ("b/3.png", FILES[1]),
        ("b/4.png", FILES[0] + b" "),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    album = read_album(tmp_path)
    found = digests(album)
    assert found.dtype == np.uint64
    assert found[0] == found[1]
    assert len(set(found.tolist())) == 3
    (tmp_path / "b/2.png").unlink()
    assert len(set(digests(album).tolist())) == 4
    notices = same_content(album.names, found, album.table["class"].to_list())
    assert "1 picture(s) lie in more than one class" in str(notices[0])
    assert "a/1.png (a) and b/2.png (b)" in str(notices[0])
    assert notices[0].serious
    assert same_content(album.names, found, ["a"] * 4) == []


def test_equal_arrays_have_equal_digests() -> None:
    array = np.zeros((3, 4, 4))
    array[1, 0, 0] = 1
    found = digests(read_album(array))
    assert found[0] == found[2] != found[1]


def test_many_pairs_are_counted() -> None:
    notices = same_content([str(i) for i in range(10)], np.repeat(np.arange(5), 2), np.tile(["a", "b"], 5))
    assert "5 picture(s)" in str(notices[0]) and "and 2 more" in str(notices[0])
