"""Claim: data never starves the step, and the engine's figure for CNNs holds through the whole command.

Three things, of one `nw.train` of the default cnn each:
- waiting in memory: of the time training takes, the share spent on taking batches (at most 5 %);
- waiting for JPEG: of the time of the whole run, the share spent on decoding photographs of 256 × 256 (at most 15 %);
- the step: how long a step takes beside the loop of the tutorials with the same network, the same pictures (not moved
  about) and the same optimizer, batches from a DataLoader (the engine's page has 0.62 for its CNN).

    python benchmarks/picture_speed.py [--pictures 12000] [--photographs 3000] [--seconds 90] [--write]
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from table_quality import write_section
from torch.utils.data import DataLoader, TensorDataset

import netwright as nw
from netwright.api.fitting import configure
from netwright.api.opening import opened
from netwright.api.pictures import gather_pictures
from netwright.api.rows import Rows, Sources
from netwright.core.batch import Batch
from netwright.core.settings import Settings
from netwright.data.batches import Batches
from netwright.families.family import Family

STEPS = 60
"""Steps of the loop written by hand that are timed."""


def pictures(count: int, side: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, H, W[, 3]) of noise with a bright square whose place tells the class, sorted by class."""
    random = np.random.default_rng(0)
    classes = np.sort(random.integers(0, 10, count))
    found = random.integers(0, 90, (count, side, side, channels), dtype=np.uint8)
    for i, k in enumerate(classes):
        top, left = (k // 4) * side // 4, (k % 4) * side // 4
        found[i, top : top + side // 4, left : left + side // 4] += 120
    return (found[..., 0] if channels == 1 else found), classes


def waiting(count: int, seconds: float, folder: Path) -> float:
    """The share of the training time spent on taking batches from memory."""
    taken = [0.0]
    plain = Batches.epoch

    def watched(self: Batches, seed: int, start: int = 0) -> Iterator[Batch]:
        batches = plain(self, seed, start)
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            taken[0] += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    Batches.epoch = watched
    try:
        run = nw.train(pictures(count, 28, 1), family="cnn", time_limit=seconds, output=folder / "memory")
    finally:
        Batches.epoch = plain
    return taken[0] / json.loads((run.path / "metrics.json").read_text())["seconds"]["train"]


def decoding(count: int, seconds: float, folder: Path) -> tuple[float, float]:
    """The share of a run's time spent before training on JPEG files, and photographs decoded a second."""
    every, classes = pictures(count, 256, 3)
    for i, k in enumerate(classes):
        path = folder / "photographs" / str(k) / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(every[i]).save(path, quality=90)
    began = time.perf_counter()
    run = nw.train(folder / "photographs", image_size=64, time_limit=seconds, output=folder / "jpeg")
    whole = time.perf_counter() - began
    read = json.loads((run.path / "metrics.json").read_text())["seconds"]["read and encode"]
    return read / whole, count / read


def step(count: int, folder: Path, network: str) -> tuple[float, float, str]:
    """Milliseconds a step takes in the command, and in the loop by hand; and how the command ran most of them."""
    asked = {"epochs": 6, "network": network, "shift": 0}
    source = pictures(count, 28, 1)
    took: list[float] = []

    def watch(event: object) -> None:
        if isinstance(event, nw.StepRecord):
            took.extend([event.seconds / next(iter(event.losses.values())).numel()])

    run = nw.train(source, family="cnn", config=asked, watch=watch, output=folder / network)
    plan = json.loads((run.path / "metrics.json").read_text())["plan"]["stretches"]
    longest = max(plan, key=lambda stretch: stretch["last"] - stretch["first"])["plan"]
    words = f"{longest['tier']}, {longest['memory_format']}, {longest['threads']} threads"
    settings = Settings(source="table", family="cnn")
    sources, _, family = opened(Sources(training=source), settings)
    rows = gather_pictures(sources, settings, family)
    return 1e3 * statistics.median(took[len(took) // 3 :]), 1e3 * by_hand(rows, family, asked), words


def by_hand(rows: Rows, family: Family, asked: dict[str, object]) -> float:
    """Seconds of a step of the loop anybody would write around the same module and loss."""
    config = configure(family, rows, asked)
    module = family.build(config, rows.schema, rows.task, torch.nn)
    assert family.phases is not None and rows.encoded.images is not None
    (phase,) = family.phases(module, config, rows.task, 1000, lambda: 0.0)
    # as a tutorial's tensors lie: what comes from (N, H, W, C) would run in channels_last by itself
    images = torch.from_numpy(rows.encoded.images).clone(memory_format=torch.contiguous_format)
    data = TensorDataset(images, torch.from_numpy(rows.target))
    loader = DataLoader(data, batch_size=config.model_dump()["batch_size"], shuffle=True)
    took, module = [], module.train()
    while len(took) < STEPS:
        began = time.perf_counter()
        for x, y in loader:
            phase.optimizer.zero_grad()
            loss = phase.loss(module, Batch(inputs=(x,), target=y, fold=torch.full_like(y, -1)))
            loss.backward()
            phase.optimizer.step()
            phase.scheduler.step()
            loss.item()
            took.append(time.perf_counter() - began)
            began = time.perf_counter()
            if len(took) == STEPS:
                break
    return statistics.median(took[5:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=12_000)
    parser.add_argument("--photographs", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--steps-alone", action="store_true")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    lines = ["| what | figure | asked |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), arguments.photographs
        if not arguments.steps_alone:
            memory = waiting(arguments.pictures, arguments.seconds, folder)
            jpeg, rate = decoding(count, arguments.seconds, folder)
            lines += [
                f"| share of training spent on taking batches from memory | {memory:.3f} | 0.05 |",
                f"| share of the run spent on decoding {count:,} JPEG files of 256 × 256 | {jpeg:.3f} | 0.15 |",
                f"| JPEG files decoded a second | {rate:.0f} | |",
            ]
        for network in ("plain", "residual"):
            ours, theirs, plan = step(arguments.pictures, folder, network)
            lines += [
                f"| a step of the {network} network in the command, ms ({plan}) | {ours:.1f} | |",
                f"| the same in a loop by hand, ms | {theirs:.1f} | |",
                f"| their ratio | {ours / theirs:.2f} | 0.62 |",
            ]
    lines += [
        "",
        f"{arguments.pictures:,} pictures of 28 × 28, runs of {arguments.seconds:.0f} s; {platform.machine()}, "
        f"{torch.get_num_threads()} threads offered, torch {torch.__version__}.",
        "",
        "`python benchmarks/picture_speed.py --write`",
    ]
    print("\n".join(lines))
    if arguments.write:
        write_section("Pictures: waiting and steps", "\n".join(lines))


if __name__ == "__main__":
    main()
