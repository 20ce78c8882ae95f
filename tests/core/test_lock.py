"""One process at a time in a folder, and nobody is kept out by the dead."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from netwright.core import lock
from netwright.core.errors import TrainingError
from netwright.core.lock import NAME, locked

HOLD = """
import sys, time
from pathlib import Path
from netwright.core.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def refused(folder: Path) -> TrainingError:
    with pytest.raises(TrainingError, match="Another process") as error, locked(folder):
        pass
    return error.value


def test_the_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path):
    folder = tmp_path / "deep" / "er"
    with locked(folder):
        said = json.loads((folder / NAME).read_text())
        assert (said["pid"], said["host"]) == (os.getpid(), platform.node())
    assert list(folder.iterdir()) == []


def test_another_process_is_refused_and_a_killed_ones_lock_is_taken_over(tmp_path: Path):
    process = holder(tmp_path)
    error = refused(tmp_path)
    assert f"process {process.pid} on {platform.node()}" in error.got and "remove" not in error.fix
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


def test_one_process_is_refused_by_itself_and_the_first_keeps_its_lock(tmp_path: Path):
    with locked(tmp_path):
        refused(tmp_path)
        refused(tmp_path)
    with locked(tmp_path):
        pass


def test_a_forked_child_holds_nothing_on_and_releases_nothing(tmp_path: Path):
    with locked(tmp_path):
        pid = os.fork()
        if not pid:
            os._exit(len(lock.HELD))
        assert os.waitpid(pid, 0)[1] == 0
        refused(tmp_path)
        pid = os.fork()
        if not pid:
            lock._release(tmp_path / NAME, 3)
            os._exit(0)
        os.waitpid(pid, 0)
        refused(tmp_path)


def test_many_at_once_are_one_after_the_other(tmp_path: Path):
    """Each takes the lock as soon as it can; never do two hold it."""
    inside, most, done = [0], [0], [0]

    def work() -> None:
        for _ in range(30):
            try:
                with locked(tmp_path):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    os.sched_yield()
                    inside[0] -= 1
                    done[0] += 1
            except TrainingError:
                os.sched_yield()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and done[0] > 0 and not lock.HELD


class Without:
    """A file system that has no locks."""

    LOCK_EX = LOCK_NB = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def flock(self, descriptor: int, how: int) -> None:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("fcntl", [None, Without(errno.ENOLCK), Without(errno.EOPNOTSUPP)])
def test_without_locks_the_file_counts_as_long_as_its_process_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fcntl: object
):
    monkeypatch.setattr(lock, "fcntl", fcntl)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    def left_by(owner: object) -> None:
        (tmp_path / NAME).write_text(json.dumps(owner))

    for owner in ({"pid": dead.pid, "host": platform.node()}, {"pid": "x", "host": platform.node()}, [], {}):
        left_by(owner)
        with locked(tmp_path):
            refused(tmp_path)
    left_by({"pid": 1, "host": platform.node()})
    refused(tmp_path)
    left_by({"pid": dead.pid, "host": "another"})
    assert f"remove {tmp_path / NAME}" in refused(tmp_path).fix
    (tmp_path / NAME).write_bytes(b"\x00half")
    with locked(tmp_path):
        pass


def test_somebody_elses_process_lives(monkeypatch: pytest.MonkeyPatch):
    def forbidden(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert lock._alive({"pid": 1, "host": platform.node()})
    monkeypatch.setattr(os, "name", "nt")
    assert lock._alive({"pid": 2**70, "host": platform.node()})


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TrainingError, match="could not be written"), locked(tmp_path / "file" / "run"):
        pass
    monkeypatch.setattr(lock, "fcntl", Without(errno.EIO))
    with pytest.raises(TrainingError, match="could not be written"), locked(tmp_path):
        pass
    assert not lock.HELD


def test_a_file_that_its_owner_removed_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opened before the owner let go and locked after, the file is nobody's: another one is made."""
    free, first = lock._free, [True]

    def late(descriptor: int) -> bool:
        if first.pop() if first else False:
            (tmp_path / NAME).unlink()
        return free(descriptor)

    monkeypatch.setattr(lock, "_free", late)
    with locked(tmp_path):
        assert (tmp_path / NAME).exists()
        refused(tmp_path)
