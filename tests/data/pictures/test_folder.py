"""Folders as people keep them: any depth, any case, links, leftovers, names in any script."""

import os
from pathlib import Path

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.pictures.album import digests
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.folder import natural
from netwright.data.pictures.read import holds_pictures, read_album
from tests.data.pictures.make import column, save


def said(album) -> str:
    return " | ".join(map(str, album.notices))


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("cat/10.png", "cat/2.PNG", "dog/deep/er/1.JPeG", "Ärger/x.gif"):
        save(tmp_path / name)
    assert holds_pictures(tmp_path)
    album = read_album(str(tmp_path))
    assert album.names == ["cat/2.PNG", "cat/10.png", "dog/deep/er/1.JPeG", "Ärger/x.gif"]
    assert album.table["class"].to_list() == ["cat", "cat", "dog", "Ärger"]
    assert (album.image, album.target, album.given, album.notices) == ("image", "class", {}, ())
    assert read_album(tmp_path, target="animal").target == "animal"
    taken = album.take(np.array([2, 0]))
    assert (taken.names, len(taken.loader)) == (["dog/deep/er/1.JPeG", "cat/2.PNG"], 2)


def test_natural_order() -> None:
    names = ["b10", "B2", "a1b", "a1", "1", "10", "2"]
    assert sorted(names, key=lambda name: natural((name,))) == ["1", "2", "10", "a1", "a1b", "B2", "b10"]


def test_what_is_no_picture_is_passed_over_and_counted(tmp_path: Path) -> None:
    save(tmp_path / "a/1.png")
    for name in ("a/notes.txt", "a/Thumbs.db", "a/.DS_Store", ".git/2.png", "a/new.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "a/pipe.png")
    album = read_album(tmp_path)
    assert album.names == ["a/1.png"]
    assert "4 files that are no pictures" in said(album)
    assert "2 hidden files" in said(album)
    assert "turn .heic into PNG or JPEG" in said(album)


def test_loose_pictures_and_empty_folders_are_told(tmp_path: Path) -> None:
    save(tmp_path / "cat/1.png")
    save(tmp_path / "stray.png")
    (tmp_path / "dog").mkdir()
    album = read_album(tmp_path)
    assert album.table["class"].to_list() == ["cat", None]
    assert "1 pictures lie in no folder of a class and have none: stray.png" in said(album)
    assert "1 folder(s) hold no picture and are no class: dog" in said(album)
    assert all(notice.serious for notice in album.notices)


def test_without_folders_there_is_no_target(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"{i}.png")
    album = read_album(tmp_path)
    assert (album.target, album.table.columns, album.table.rows, album.notices) == (None, ["image"], 3, ())


def test_a_table_beside_the_pictures_is_told(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    (tmp_path / "labels.csv").write_text("file,kind\n1.png,cat\n")
    assert holds_pictures(tmp_path)
    assert "give the table as the source" in said(read_album(tmp_path))


def test_parts_divide_the_pictures(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "train/dog/1.png", "Test/cat/2.png", "val/dog/3.png"):
        save(tmp_path / name)
    (tmp_path / "train/bird").mkdir()
    album = read_album(tmp_path)
    assert album.table["class"].to_list() == ["cat", "cat", "dog", "dog"]
    names = np.array(album.names)
    assert names[album.given["test"]].tolist() == ["Test/cat/2.png"]
    assert names[album.given["validation"]].tolist() == ["val/dog/3.png"]
    assert "train/bird" in said(album)


def test_a_test_part_without_classes_holds_out_nothing(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "train/dog/1.png", "test/1.png"):
        save(tmp_path / name)
    album = read_album(tmp_path)
    assert album.given == {}
    assert album.table["class"].to_list() == [None, "cat", "dog"]
    assert "test/1.png" in said(album)


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    for name in ("test/1.png", "exam/1.png", "train/1.png"):
        save(tmp_path / name)
    album = read_album(tmp_path)
    assert album.table["class"].to_list() == ["exam", "test", "train"]
    assert album.given == {}


def test_links_are_followed_once(tmp_path: Path) -> None:
    save(tmp_path / "source/b/1.png")
    (tmp_path / "source/b/loop").symlink_to(tmp_path / "source")
    (tmp_path / "source/a").symlink_to(tmp_path / "source/b")
    (tmp_path / "source/b/gone.png").symlink_to(tmp_path / "nothing.png")
    save(tmp_path / "elsewhere/2.png")
    (tmp_path / "source/c").symlink_to(tmp_path / "elsewhere")
    album = read_album(tmp_path / "source")
    assert album.names == ["b/1.png", "c/2.png"]
    (tmp_path / "links").mkdir()
    (tmp_path / "links/a").symlink_to(tmp_path / "elsewhere")
    assert holds_pictures(tmp_path / "links")
    assert "were not followed: a, b/loop" in said(album)
    assert "1 links lead nowhere: b/gone.png" in said(album)


def test_links_to_what_holds_the_folder_are_not_followed(tmp_path: Path) -> None:
    save(tmp_path / "bad/circle/1.png")
    save(tmp_path / "bad/square/2.png")
    (tmp_path / "bad/circle/loop").symlink_to(tmp_path / "bad")
    (tmp_path / "there").symlink_to(tmp_path / "bad/circle")
    for given in ("bad/circle", "there"):
        album = read_album(tmp_path / given)
        assert album.names == ["1.png"]
        assert "or that hold this one, were not followed: loop" in said(album)


@pytest.mark.parametrize("name", ["NA", "None", "null", "01"])
def test_names_of_folders_are_classes_as_they_stand(tmp_path: Path, name: str) -> None:
    save(tmp_path / name / "1.png")
    album = read_album(tmp_path)
    assert album.table["class"].to_list() == [name]
    assert album.named and album.take(np.array([0])).named
    assert not read_album(tmp_path / name).named


def test_names_that_are_no_text_work(tmp_path: Path) -> None:
    try:
        save(tmp_path / "名前/ünï.png").rename(tmp_path / "名前" / os.fsdecode(b"\xff\xfe.png"))
    except OSError:
        pytest.skip("this file system wants UTF-8")
    album = read_album(tmp_path)
    assert album.names == ["名前/\\xff\\xfe.png"]
    assert decode(album, column(6, 5)).good.all()
    assert len(digests(album)) == 1


def test_a_read_only_folder_is_left_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a/1.png", "b/2.png"):
        save(source / name)
    for path in (*source.iterdir(), source):
        path.chmod(0o555)
    before = sorted(source.rglob("*"))
    try:
        assert decode(read_album(source), column(6, 5)).good.all()
        assert sorted(source.rglob("*")) == before
    finally:
        for path in (source, *source.iterdir()):
            path.chmod(0o755)


def test_a_folder_that_can_not_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a/1.png")
    save(tmp_path / "shut/1.png")
    scan = os.scandir

    def refusing(path: str):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert "shut (Permission denied)" in said(read_album(tmp_path))


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    assert holds_pictures(tmp_path)
    with pytest.raises(InputError, match="holds no pictures"):
        read_album(tmp_path)
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(InputError, match=r"Turn \.heic into PNG or JPEG"):
        read_album(tmp_path)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert not holds_pictures(tmp_path)


def test_the_name_of_the_pictures_is_no_target(tmp_path: Path) -> None:
    save(tmp_path / "a/1.png")
    with pytest.raises(InputError, match="--target class"):
        read_album(tmp_path, target="image")
