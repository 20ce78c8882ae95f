"""Whatever happens while a file is written, a reader sees the old or the new, whole."""

import errno
import os
from pathlib import Path

import pytest

from netwright.core import files
from netwright.core.errors import InputError, TrainingError
from netwright.core.files import refuse_existing, sweep, write_file, write_folder

OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "c": b"new c"}


def failing(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def contents(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in path.iterdir()}


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


def killed_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int) -> None:
    """The `call`-th use of this function never happens, and the process is gone."""
    real, count = getattr(owner, name), iter(range(100))

    def mortal(*args: object, **kwargs: object) -> object:
        if next(count) == call:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, mortal)


def test_file_is_written_and_replaced(tmp_path: Path):
    path = tmp_path / "deep" / "er" / "x.bin"
    write_file(path, b"one")
    write_file(path, b"two")
    assert contents(path.parent) == {"x.bin": b"two"}


def test_folder_is_written_and_replaced(tmp_path: Path):
    path = tmp_path / "deep" / "model"
    write_folder(path, OLD)
    write_folder(path, NEW)
    assert contents(path) == NEW
    assert [p.name for p in path.parent.iterdir()] == ["model"]


def test_data_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    sync, replace, rename = os.fsync, Path.replace, Path.rename
    monkeypatch.setattr(os, "fsync", lambda d: (seen.append("sync"), sync(d))[1])
    monkeypatch.setattr(Path, "replace", lambda s, t: (seen.append("name"), replace(s, t))[1])
    monkeypatch.setattr(Path, "rename", lambda s, t: (seen.append("name"), rename(s, t))[1])
    write_file(tmp_path / "x", b"x")
    assert seen == ["sync", "name", "sync"]
    seen.clear()
    write_folder(tmp_path / "model", OLD)
    assert seen == ["sync"] * 3 + ["name", "sync"]


@pytest.mark.parametrize(
    ("number", "what", "fix"),
    [
        (errno.ENOSPC, "disk is full", "Free at least"),
        (errno.EDQUOT, "disk is full", "Free at least"),
        (errno.EACCES, "could not be written", "--output"),
        (errno.EROFS, "could not be written", "--output"),
        (errno.EFBIG, "larger than this system allows", "ulimit"),
        (errno.EIO, "could not be written", "Look at"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failed_write_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, what: str, fix: str, call: str
):
    write_file(tmp_path / "x", b"old")
    write_folder(tmp_path / "model", OLD)
    with monkeypatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", failing(number))
        else:
            patch.setattr(Path, "rename", failing(number))
            patch.setattr(Path, "replace", failing(number))
        with pytest.raises(TrainingError, match=what) as file_error:
            write_file(tmp_path / "x", b"new")
        with pytest.raises(TrainingError, match=what) as folder_error:
            write_folder(tmp_path / "model", NEW)
    assert fix in file_error.value.fix and fix in folder_error.value.fix
    assert str(tmp_path / "x") in file_error.value.got and os.strerror(number) in file_error.value.got
    assert (tmp_path / "x").read_bytes() == b"old" and contents(tmp_path / "model") == OLD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "x"], "nothing is left lying about"


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_folder(tmp_path / "model", OLD)
    rename = Path.rename

    def second_fails(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(TrainingError):
        write_folder(tmp_path / "model", NEW)
    assert contents(tmp_path / "model") == OLD


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("name", ["_write_synced", "_sync_folder", "rename", "rmtree"])
def test_killed_at_any_moment_a_folder_is_whole_after_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int
):
    path = tmp_path / "model"
    write_folder(path, OLD)
    with monkeypatch.context() as patch:
        owner = {"rename": Path, "rmtree": files.shutil}.get(name, files)
        killed_at(patch, owner, name, call)
        try:
            write_folder(path, NEW)
        except Killed:
            pass
        else:
            assert contents(path) == NEW
    sweep(tmp_path)
    assert contents(path) in (OLD, NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["_write_synced", "_sync_folder", "replace"])
def test_killed_at_any_moment_a_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    write_file(tmp_path / "x", b"old")
    with monkeypatch.context() as patch:
        killed_at(patch, Path if name == "replace" else files, name, 0)
        with pytest.raises(Killed):
            write_file(tmp_path / "x", b"new")
    sweep(tmp_path)
    assert contents(tmp_path)["x"] in (b"old", b"new") and len(contents(tmp_path)) == 1


def test_a_file_system_that_does_not_sync_folders_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "open", failing(errno.EINVAL))
    files._sync_folder(tmp_path)


def test_the_sweep_touches_nothing_else(tmp_path: Path):
    kept = {".hidden": b"1", "part": b"2", "x.part": b"3", ".x.old.txt": b"4"}
    for name, data in {**kept, ".x.1.part": b"", ".y.2.old": b""}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "y").write_bytes(b"new")
    (tmp_path / ".z.3.part").mkdir()
    (tmp_path / ".z.3.part" / "inner").write_bytes(b"")
    sweep(tmp_path)
    assert contents(tmp_path) == kept | {"y": b"new"}


@pytest.mark.parametrize("write", [lambda p: write_file(p, b"x"), lambda p: write_folder(p, {"a": b"x"})])
def test_a_parent_that_is_a_file_is_told_in_words(tmp_path: Path, write):
    (tmp_path / "file").write_bytes(b"mine")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "deep" / "x"):
        with pytest.raises(TrainingError, match="could not be written"):
            write(path)
    assert contents(tmp_path) == {"file": b"mine"}


def test_nothing_is_overwritten_unasked(tmp_path: Path):
    refuse_existing(tmp_path / "new", force=False)
    (tmp_path / "new").write_bytes(b"")
    refuse_existing(tmp_path / "new", force=True)
    with pytest.raises(InputError, match="exists already") as error:
        refuse_existing(tmp_path / "new", force=False)
    assert "--force" in error.value.fix


def test_sha256():
    assert files.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
