"""One process at a time in a folder.

The lock is the operating system's (`flock`), so it goes with its owner however that ends. The file says who holds it,
for people to read. Where a file system has no locks, the file alone must do: it counts as long as the process it names
is alive.
"""

import contextlib
import errno
import functools
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netwright.core.errors import TrainingError
from netwright.core.files import disk_error

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What `flock` fails with where a file system has no locks."""
HELD: set[int] = set()
"""The descriptors of the locks that this process holds."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While inside, this process alone uses the folder, which is made where there is none.

    Raises TrainingError where it is in use already, here or on another machine, and where nothing can be written there.
    """
    _keep_from_children()
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(path)
    except OSError as error:
        raise disk_error(error, path, len(_me())) from error
    try:
        yield
    finally:
        _release(path, descriptor)


def _taken(path: Path) -> int:
    """The descriptor of a lock file that is now ours."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _free(descriptor):
                raise _in_use(path, _owner(descriptor))
            if _still_there(path, descriptor):
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.ftruncate(descriptor, os.write(descriptor, _me()))
                HELD.add(descriptor)
                return descriptor
        finally:
            if descriptor not in HELD:
                os.close(descriptor)


def _free(descriptor: int) -> bool:
    """Take the lock if nobody has it."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
    return not _alive(_owner(descriptor))


def _still_there(path: Path, descriptor: int) -> bool:
    """False where the one before has removed the file between our opening and our locking it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _release(path: Path, descriptor: int) -> None:
    if descriptor not in HELD:  # a forked child that unwinds: the lock is its parent's
        return
    HELD.discard(descriptor)
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(descriptor)


def _me() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}).encode()


def _owner(descriptor: int) -> dict:
    """Who holds the lock by what the file says; {} where it says nothing that can be read."""
    with contextlib.suppress(ValueError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        said = json.loads(os.read(descriptor, 4096))
        if isinstance(said, dict):
            return said
    return {}


def _alive(owner: dict) -> bool:
    """Whether the process may still run; one of another machine may."""
    if not owner:
        return False
    if owner.get("host") != platform.node() or os.name == "nt":  # there, asking after a process would end it
        return True
    try:
        os.kill(int(owner["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _in_use(path: Path, owner: dict) -> TrainingError:
    pid, host = owner.get("pid", "?"), owner.get("host", "an unknown machine")
    fix = "Wait for it, stop it, or give another folder."
    if host != platform.node() or fcntl is None:
        fix += f" If it surely no longer runs, remove {path}."
    return TrainingError(
        "Another process is training in this folder.",
        got=f"{path.parent}: process {pid} on {host}, since {owner.get('since', 'some time')}",
        wanted="one process in a folder at a time",
        fix=fix,
    )


@functools.cache
def _keep_from_children() -> None:
    """A forked child, such as a worker that loads data, must not hold a lock on after its parent was killed."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_let_go)


def _let_go() -> None:
    for descriptor in HELD:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    HELD.clear()
