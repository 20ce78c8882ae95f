"""Claim: `netwright.fit` trains any module many times faster than its owner's hand-written loop, and never slower.

The modules of `modules.py`, side by side: one single-thread process a competitor, all pinned to the same core, taking
turns A B A B … of half a second; medians of `--rounds` with their range, and ratios to the hand-written DataLoader loop
of the same round. The whole call, planning and all, runs in a new process each time with an empty compiler cache.

    python benchmarks/engine.py [--cases mlp,cnn32] [--only "DataLoader loop,netwright"] [--rounds 5] [--quick]
                                [--cores 0] [--peers-python PEERS/bin/python] [--write]

The peers live in an environment of their own (without `--peers-python` they are left out):

    python3 -m venv PEERS
    PEERS/bin/pip install torch==2.13.0
    PEERS/bin/pip install "torch==2.13.0" lightning skorch keras scikit-learn "jax[cpu]" optax transformers accelerate
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from engine_page import page, write
from modules import CASES, Case
from peers import COMPETITORS, WHOLE

HERE = Path(__file__).parent
IMPORT = "import time, torch; began = time.perf_counter(); import netwright; print(time.perf_counter() - began)"


@dataclass
class Results:
    """What was measured of one case; lists hold a value a round."""

    case: Case
    steps: dict[str, list[float]] = field(default_factory=dict)
    """By competitor: seconds of a step in the steady state."""
    first: dict[str, float] = field(default_factory=dict)
    """By competitor: seconds of the first call, of two epochs, with whatever is imported and compiled for it."""
    whole: dict[str, list[dict]] = field(default_factory=dict)
    """By competitor: `steps`, `seconds`, `peak` and `child` in MB, and `plan` of each whole call."""
    failed: dict[str, str] = field(default_factory=dict)
    """By competitor: why there is no figure."""


class Failed(Exception):
    """The competitor answered with an error."""


class Worker:
    """A process that runs one competitor on one case, when asked."""

    def __init__(self, name: str, case: Case, python: str):
        self.cache = tempfile.TemporaryDirectory()
        caches = dict.fromkeys(("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "XDG_CACHE_HOME"), self.cache.name)
        threads = str(len(os.sched_getaffinity(0)))
        own = {"OMP_NUM_THREADS": threads, "KERAS_BACKEND": "jax" if name == "Keras on JAX" else "torch"}
        self.process = subprocess.Popen(
            [python, str(HERE / "peers.py"), name, case.name],
            env=os.environ | caches | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **question: int) -> dict:
        """One line there, one line back."""
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        if "error" in reply:
            raise Failed(reply["error"])
        return reply

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        self.cache.cleanup()


def steady(results: Results, names: list[str], pythons: dict[str, str], rounds: int, turn: float) -> None:
    """Seconds of a step, the competitors in turn; a turn lasts about `turn` seconds."""
    with ExitStack() as stack:
        taking_part = {}
        for name in names:
            worker = stack.enter_context(Worker(name, results.case, pythons[name]))
            try:
                results.first[name] = worker.ask(epochs=2)["seconds"]
                epochs = max(3, round(turn / results.case.steps / worker.ask(epochs=3)["step"]))
            except Failed as error:
                results.failed[name] = str(error)
            else:
                taking_part[name] = worker, epochs
        for _ in range(rounds):
            for name, (worker, epochs) in taking_part.items():
                results.steps.setdefault(name, []).append(worker.ask(epochs=epochs)["step"])


def whole_calls(results: Results, names: list[str], rounds: int, epochs: int) -> None:
    """The whole call of so many epochs, in turn, each in a new process."""
    for _ in range(rounds):
        for name in names:
            with Worker(name, results.case, sys.executable) as worker:
                try:
                    call = worker.ask(whole=epochs)
                    results.whole.setdefault(name, []).append(call)
                except Failed as error:
                    results.failed[f"{name}, whole call"] = str(error)


def import_seconds(rounds: int) -> float:
    """What `import netwright` adds to `import torch`."""
    command = [sys.executable, "-c", IMPORT]
    return statistics.median(float(subprocess.check_output(command, text=True)) for _ in range(rounds))


def compete(case: Case, options: argparse.Namespace) -> Results:
    """One case, everybody who takes part in it."""
    results = Results(case)
    pythons = {
        name: options.peers_python if competitor.peer else sys.executable
        for name, competitor in COMPETITORS.items()
        if name in options.only and (competitor.cases is None or case.name in competitor.cases)
    }
    names = [name for name, python in pythons.items() if python]
    steady(results, names, pythons, options.rounds, 0.1 if options.quick else 0.5)
    calls = [name for name in names if name in WHOLE]
    whole_calls(results, calls, options.rounds, max(2, case.epochs // 10) if options.quick else case.epochs)
    return results


def listed(value: str) -> list[str]:
    return value.split(",")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=listed, default=list(CASES))
    parser.add_argument(
        "--only", type=listed, default=list(COMPETITORS), help="competitors, by their names in the table"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="turns of 0.1 s, a tenth of the epochs in whole calls")
    parser.add_argument("--cores", type=listed, default=["0"], help="as many threads as cores are offered")
    parser.add_argument("--peers-python", help="the python of the peers' environment")
    parser.add_argument("--write", action="store_true", help="replace docs/engine-benchmarks.md and .svg")
    options = parser.parse_args()
    unknown = {*options.only} - {*COMPETITORS} | {*options.cases} - {*CASES}
    if unknown:
        parser.error(f"no such competitor or case: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = parsed()
    options.load = os.getloadavg()[0]
    os.sched_setaffinity(0, {int(core) for core in options.cores})
    results = []
    for name in options.cases:
        results.append(compete(CASES[name], options))
        print(f"{name}: measured", file=sys.stderr)
    text = page(results, options, import_seconds(options.rounds))
    print(text)
    if options.write:
        write(text, results)


if __name__ == "__main__":
    main()
