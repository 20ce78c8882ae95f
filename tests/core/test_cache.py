"""Where the cache lies, and that it is this user's alone."""

import os
import stat
from pathlib import Path

import pytest

from netwright.core.cache import cache_folder
from netwright.core.memory import available_memory


def test_the_environment_sets_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "ours"))
    path = cache_folder("things")
    assert path == tmp_path / "ours" / "netwright" / "things"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    monkeypatch.delenv("NETWRIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    assert cache_folder("things") == tmp_path / "theirs" / "netwright" / "things"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("things") == tmp_path / ".cache" / "netwright" / "things"


def test_the_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(PermissionError, match="somebody else"):
        cache_folder("things")


def test_there_is_some_memory() -> None:
    assert available_memory() >= 64 << 20
