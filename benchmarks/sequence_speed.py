"""Claim: steps of LSTMs and Transformers keep the engine's figures through the whole command.

One `nw.train` of each, and beside it the loop of the tutorials: the same module, loss and optimizer, batches from a
DataLoader over the same rows, padded to the longest. The engine's page has 0.87 for its LSTM and 0.84 for its
Transformer (one thread, whole calls).

    python benchmarks/sequence_speed.py [--seconds 40] [--write]
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from table_quality import write_section
from torch.utils.data import DataLoader, TensorDataset

import netwright as nw
from netwright.api.rows import Rows, Sources
from netwright.api.train import prepare
from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.settings import Settings
from netwright.families.family import Family

STEPS = 60
"""Steps of the loop written by hand that are timed."""
ROWS = 2000
"""Rows it has at most."""


def sequences() -> object:
    """1,000 sequences of 20 to 60 steps and 4 channels, of two classes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 1000)
    return [random.normal(size=(random.integers(20, 61), 4)) + 0.3 * label for label in y], y


def text(folder: Path) -> str:
    """A file of 200,000 letters with words in it."""
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefghij"), random.integers(2, 8))) for _ in range(500)]
    file = folder / "text.txt"
    file.write_text(" ".join(random.choice(words, 40_000)), encoding="utf-8")
    return str(file)


def sentences() -> dict[str, list]:
    """2,000 rows of 4 to 30 words, of three classes."""
    random = np.random.default_rng(0)
    words = np.array(["".join(random.choice(list("abcdefghij"), 5)) for _ in range(300)])
    kinds = random.integers(0, 3, 2000)
    rows = [" ".join(random.choice(words[k * 60 : k * 60 + 180], random.integers(4, 31))) for k in kinds]
    return {"sentence": rows, "kind": [f"kind {k}" for k in kinds]}


CASES: dict[str, tuple[str, Callable[[Path], object], str | None]] = {
    "lstm of sequences": ("lstm", lambda folder: sequences(), None),
    "transformer of sequences": ("transformer", lambda folder: sequences(), None),
    "transformer of texts": ("transformer", lambda folder: sentences(), "kind"),
    "lstm of a text to be continued": ("lstm", text, None),
    "transformer of a text to be continued": ("transformer", text, None),
}


def step(name: str, seconds: float, folder: Path) -> tuple[float, float, str]:
    """Milliseconds of a step in the command, of one by hand, and how most steps ran."""
    kind, make, target = CASES[name]
    source, took = make(folder), []

    def watch(event: object) -> None:
        if isinstance(event, nw.StepRecord):
            took.append(event.seconds / next(iter(event.losses.values())).numel())

    given = {"family": kind, "time_limit": seconds}
    run = nw.train(source, target=target, watch=watch, output=folder / name.replace(" ", "-"), **given)
    plan = json.loads((run.path / "metrics.json").read_text())["plan"]["stretches"]
    longest = max(plan, key=lambda stretch: stretch["last"] - stretch["first"])["plan"]
    words = f"{longest['tier']}{', fused' if longest['fused'] else ''}, {longest['threads']} threads"
    settings = Settings(source=source if isinstance(source, str) else "table", family=kind, target=(target or "",)[:1])
    settings = settings.model_copy(update={"target": (target,) if target else ()})
    ready = prepare(Sources(training=source), settings)
    return 1e3 * statistics.median(took[len(took) // 3 :]), 1e3 * by_hand(ready.rows, ready.family, ready.config), words


def by_hand(rows: Rows, family: Family, config: Record) -> float:
    """Seconds of a step of the loop anybody would write around the same module and loss."""
    torch.manual_seed(0)
    module = family.build(config, rows.schema, rows.task, torch.nn)
    which = np.sort(np.random.default_rng(0).permutation(rows.split.training)[:ROWS])
    inputs, target = [torch.from_numpy(x[which]) for x in rows.encoded.inputs], torch.from_numpy(rows.target[which])
    if family.prepare is not None:
        whole = Batch(inputs=tuple(inputs), target=target, fold=torch.full((len(target),), -1))
        family.prepare(module, config, rows.task, whole, whole)
    assert family.phases is not None
    (phase,) = family.phases(module, config, rows.task, 1000, lambda: 0.0)
    loader = DataLoader(TensorDataset(*inputs, target), batch_size=config.model_dump()["batch_size"], shuffle=True)
    took, module = [], module.train()
    while len(took) < STEPS:
        began = time.perf_counter()
        for *x, y in loader:
            phase.optimizer.zero_grad()
            loss = phase.loss(module, Batch(inputs=tuple(x), target=y, fold=torch.full((len(y),), -1)))
            value = loss if isinstance(loss, torch.Tensor) else loss.value
            value.backward()
            if phase.clip_norm:
                torch.nn.utils.clip_grad_norm_(module.parameters(), phase.clip_norm)
            phase.optimizer.step()
            if phase.scheduler is not None:
                phase.scheduler.step()
            value.item()
            took.append(time.perf_counter() - began)
            began = time.perf_counter()
            if len(took) == STEPS:
                break
    return statistics.median(took[5:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    lines = ["| a step of | in the command, ms | by hand, ms | ratio | how most steps ran |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        for case in [case for case in CASES if arguments.only in case]:
            ours, theirs, plan = step(case, arguments.seconds, Path(name))
            lines.append(f"| {case} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {plan} |")
            print(lines[-1], flush=True)
    lines += [
        "",
        f"Runs of {arguments.seconds:.0f} s; {platform.machine()}, {torch.get_num_threads()} threads offered, torch "
        f"{torch.__version__}.",
        "",
        "`python benchmarks/sequence_speed.py --write`",
    ]
    if arguments.write:
        write_section("Sequences and texts: steps", "\n".join(lines))


if __name__ == "__main__":
    main()
