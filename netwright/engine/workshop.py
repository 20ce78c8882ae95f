"""Has programs compiled by another process, into a folder where the next run finds them."""

import contextlib
import hashlib
import os
import pickle
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from netwright.core.cache import cache_folder
from netwright.core.version import VERSION
from netwright.engine.blueprint import Blueprint
from netwright.engine.recording import Refused

SOURCES = ("blueprint.py", "compiler.py", "formulas.py", "program.py", "recording.py")
"""The files of ours that what comes out depends on."""


def folder() -> Path:
    """Where compiled programs are kept, for this user alone: they are code. `NETWRIGHT_CACHE` sets another place.

    Raises Refused where there is no such place.
    """
    try:
        return cache_folder("compiled")
    except PermissionError as error:
        raise Refused(f"the folder of compiled programs can't be used: {error}") from None
    except OSError as error:
        raise Refused(f"there is no folder to keep compiled programs in ({error})") from None


def place(plan: Blueprint) -> Path:
    """Where the program of a blueprint is, or will be. The name says all that the program depends on."""
    sources = b"".join((Path(__file__).parent / name).read_bytes() for name in SOURCES)
    machine = (torch.backends.cpu.get_cpu_capability(), platform.machine(), _cpu())
    what = repr((plan, VERSION, torch.__version__, machine, sys.version_info[:2], os.environ.get("CXX"))).encode()
    return folder() / f"{hashlib.sha256(what + sources).hexdigest()[:32]}.so"


def whole(path: Path) -> bool:
    """True for a program that is as it was written: one that was cut short would end this process when it is loaded."""
    try:
        return path.with_suffix(".sha256").read_text() == hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return False


def _cpu() -> str:
    """The model of the processor: programs are compiled for what it can do."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        return next((line for line in lines if line.startswith("flags")), "")
    return ""


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
        return all(whole(path) for _, path in self.wanted)

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
        try:
            self.said = tempfile.TemporaryFile()  # noqa: SIM115 (read when the process has ended)
            with tempfile.TemporaryFile() as told:  # a pipe would fill, and wait for the other process to start
                pickle.dump(self.wanted, told)
                told.seek(0)
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "netwright.engine.compiler"],
                    stdin=told,
                    stdout=subprocess.DEVNULL,
                    stderr=self.said,
                    start_new_session=True,  # Ctrl-C is for training, which then drops this
                    env=os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "1", "OMP_NUM_THREADS": "1"},
                )
        except (OSError, pickle.PicklingError, TypeError, AttributeError) as error:
            raise Refused(f"no other process could be started to compile it ({error})") from None

    def ready(self, *, wait: bool = False) -> list[Path] | None:
        """The programs, or None while they are being made. Raises Refused with the last words where that failed."""
        if self.process is not None:
            if wait:
                self.process.wait()
            if self.process.poll() is None:
                return None
            if not self.said.closed:
                self.said.seek(0)
                self.words = self.said.read().decode(errors="replace").strip().splitlines()
                self.said.close()
            if self.process.returncode:
                errors = [line for line in self.words if "Error" in line] or self.words
                raise Refused(f"it could not be compiled ({errors[-1] if errors else self.process.returncode})")
        if not self.made:
            raise Refused("what was compiled is not there")
        return [path for _, path in self.wanted]

    def drop(self) -> None:
        """Stop compiling."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)  # and the C++ compiler it has started
            self.process.wait()
            self.said.close()
