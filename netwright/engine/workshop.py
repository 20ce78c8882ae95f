"""Has programs compiled by another process, into a folder where the next run finds them."""

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from netwright.core.version import VERSION
from netwright.engine.blueprint import Blueprint
from netwright.engine.recording import Refused


def folder() -> Path:
    """Where compiled programs are kept, for this user alone: they are code. `NETWRIGHT_CACHE` sets another place."""
    given = os.environ.get("NETWRIGHT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path.home() / ".cache"
    path = base / "netwright" / "compiled"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise Refused(f"the folder of compiled programs, {path}, belongs to somebody else")
    return path


def place(plan: Blueprint) -> Path:
    """Where the program of a blueprint is, or will be. The name says all that the program depends on."""
    sources = b"".join(
        (Path(__file__).parent / name).read_bytes() for name in ("blueprint.py", "compiler.py", "formulas.py")
    )
    cpu = torch.backends.cpu.get_cpu_capability()
    what = repr((plan, VERSION, torch.__version__, cpu, sys.version_info[:2])).encode()
    return folder() / f"{hashlib.sha256(what + sources).hexdigest()[:32]}.so"


class Order:
    """Programs that are being compiled. Training goes on meanwhile, and may drop them."""

    def __init__(self, plans: Sequence[Blueprint]) -> None:
        """Note what is wanted; `begin` has it made."""
        self.wanted = [(plan, place(plan)) for plan in plans]
        self.began: float | None = None
        self.process: subprocess.Popen | None = None

    @property
    def made(self) -> bool:
        """True where every program lies ready."""
        return all(path.exists() for _, path in self.wanted)

    @property
    def seconds(self) -> float:
        """How long it has been compiling."""
        return 0.0 if self.began is None else time.perf_counter() - self.began

    def begin(self) -> None:
        """Start the process, where something is missing. Raises Refused on a machine without a C++ compiler."""
        self.began = time.perf_counter()
        if self.made:
            return
        if not any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++", "cl")):
            raise Refused("there is no C++ compiler on this machine (g++); with one, long training runs faster")
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (read when the process has ended)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "netwright.engine.compiler"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.said,
            start_new_session=True,  # Ctrl-C is for training, which then drops this
            env=os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdin is not None
        self.process.stdin.write(pickle.dumps(self.wanted))
        self.process.stdin.close()

    def ready(self, *, wait: bool = False) -> list[Path] | None:
        """The programs, or None while they are being made. Raises Refused with the last words where that failed."""
        if self.process is not None:
            if wait:
                self.process.wait()
            if self.process.poll() is None:
                return None
            if self.process.returncode:
                self.said.seek(0)
                words = self.said.read().decode(errors="replace").strip().splitlines()
                self.said.close()
                raise Refused(f"it could not be compiled ({words[-1] if words else self.process.returncode})")
            self.said.close()
        return [path for _, path in self.wanted]

    def drop(self) -> None:
        """Stop compiling."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.said.close()
