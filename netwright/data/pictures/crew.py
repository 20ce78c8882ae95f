"""Several processes that decode pictures side by side."""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import SimpleQueue
from threading import Timer

from netwright.data.pictures.worker import Answer, Geometry, blank, decode_all

MOST = 16
"""Processes at most: more only wait for one disk."""
STARTING, EACH = 60.0, 5.0
"""Seconds that a part may take, and more for each of its pictures."""
CRASHED = "decoding it ended the decoder: it is damaged, or needs more memory than there is"
HUNG = "decoding it did not end in time: it is damaged, or lies on a disk that does not answer"


class Died(Exception):
    """A process ended before it answered; the reason in words is its message."""


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def allowed(sources: Sequence[str | bytes]) -> float:
    """Seconds these pictures may take."""
    return STARTING + EACH * len(sources)


class Worker:
    """One process. Ctrl-C does not reach it; it ends when its input does."""

    def __init__(self) -> None:
        self.late = False
        paths = [path or os.getcwd() for path in sys.path]  # noqa: PTH109
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "netwright.data.pictures.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )

    def ask(self, sources: Sequence[str | bytes], geometry: Geometry) -> Answer:
        """The pixels of these files. Raises Died, also where they take longer than they may."""
        assert self.process.stdin is not None and self.process.stdout is not None
        timer = Timer(allowed(sources), self._give_up)
        timer.daemon = True
        timer.start()
        try:
            pickle.dump((list(sources), geometry), self.process.stdin)
            self.process.stdin.flush()
            return pickle.load(self.process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise Died(HUNG if self.late else CRASHED) from error
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        """Its pipes close with it, so the one that waits for the answer goes on."""
        self.late = True
        self.process.kill()

    def stop(self) -> None:
        """End it now."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self.process.wait()


class Crew:
    """Workers that take turns at the parts of one job."""

    def __init__(self, workers: int) -> None:
        """Start nothing yet: a worker starts with its first part."""
        self.count = min(workers, MOST)
        self.idle: SimpleQueue[Worker | None] = SimpleQueue()
        for _ in range(self.count):
            self.idle.put(None)
        self.started: list[Worker] = []
        self.stopped = False

    def each(
        self, parts: Sequence[Sequence[int]], source: Callable[[int], str | bytes], geometry: Geometry, done: Callable
    ) -> None:
        """Decode every part, the numbers of some pictures, then call `done(part, answer)`, in any thread and order."""

        def one(part: Sequence[int]) -> None:
            if not self.stopped:
                done(part, self._answer([source(i) for i in part], geometry))

        with ThreadPoolExecutor(self.count) as threads:
            try:
                jobs = [threads.submit(one, part) for part in parts]
                wait(jobs, return_when=FIRST_EXCEPTION)
                for job in jobs:
                    if job.done():
                        job.result()
            finally:
                self.stopped = True
                threads.shutdown(wait=False, cancel_futures=True)
                self._stop()
        self._stop()  # what a thread has started meanwhile

    def _stop(self) -> None:
        for worker in list(self.started):
            worker.stop()

    def _answer(self, sources: Sequence[str | bytes], geometry: Geometry) -> Answer:
        worker = self.idle.get()
        try:
            worker = worker or self._start()
            if worker is None:
                return decode_all(sources, geometry)
            return worker.ask(sources, geometry)
        except Died:
            if self.stopped:
                raise
            assert worker is not None
            worker.stop()
            worker = None
            return self._one_by_one(sources, geometry)
        finally:
            self.idle.put(worker)

    def _start(self) -> Worker | None:
        """A new worker, or None where the system gives no more processes."""
        try:
            worker = Worker()
        except OSError:
            return None
        self.started.append(worker)
        return worker

    def _one_by_one(self, sources: Sequence[str | bytes], geometry: Geometry) -> Answer:
        """What a worker died of, or hung on, is found by asking new ones for each picture alone."""
        pixels, problems = blank(len(sources), geometry), []
        worker = None
        for i, source in enumerate(sources):
            worker = worker or self._start()
            if worker is None:
                problems.append((i, CRASHED))
                continue
            try:
                made, odd = worker.ask([source], geometry)
                pixels[i] = made[0]
                problems += [(i, reason) for _, reason in odd]
            except Died as death:
                if self.stopped:
                    raise
                worker.stop()
                worker = None
                problems.append((i, str(death)))
        if worker is not None:
            worker.stop()
        return pixels, problems
