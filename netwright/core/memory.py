"""How much memory there is to use."""

import contextlib
import os
from pathlib import Path


def available_memory() -> int:
    """Bytes that can be used without pushing anything out, as the system and the container say; never below 64 MiB."""
    found = [_from_system(), _from_container()]
    return max(64 << 20, min(size for size in found if size is not None))


def _from_system() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 << 30


def _from_container() -> int | None:
    """What a control group of version 2 leaves, where it sets a limit."""
    with contextlib.suppress(OSError, ValueError):
        folder = Path("/sys/fs/cgroup")
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    return None
