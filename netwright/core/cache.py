"""The user's folder for what can be made again: compiled programs, decoded pictures."""

import os
from pathlib import Path


def cache_folder(part: str) -> Path:
    """The folder `part` of it, made where it is missing, for this user alone.

    `NETWRIGHT_CACHE` sets another place, else `XDG_CACHE_HOME` does, else it is `~/.cache`. Raises OSError where it
    can't be made or belongs to somebody else.
    """
    given = os.environ.get("NETWRIGHT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    try:
        path = (Path(given) if given else Path.home() / ".cache") / "netwright" / part
    except RuntimeError as error:  # nobody's home
        raise FileNotFoundError(str(error)) from error
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else")
    return path
