"""Claim: an encoder that has read unlabelled text does better on few labelled rows than the same one from scratch.

A world of invented words (tests/families/bert/made.py): a BERT of two layers reads 3,000 unlabelled sentences, masked
words to be filled in, which takes seconds; 120 labelled rows train; 240 held-out rows are told apart by words that no
labelled row has. Chance is a third. Three ways through the whole command, default settings: with what was read, with
what was read and its lower layer frozen, and from scratch; and beside them the default family for texts.

    python benchmarks/bert.py [--seeds 3] [--write]
"""

import argparse
import csv
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from table_quality import write_section

import netwright as nw

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.families.bert import made

WAYS: dict[str, dict[str, object]] = {
    "read before": {"family": "bert"},
    "read before, lower layer frozen": {"family": "bert", "config": {"freeze": 1}},
    "from scratch": {"family": "bert", "config": {"from_scratch": True}},
    "the default for texts": {},
}
LEAST, AHEAD = 0.9, 0.3
"""The accuracy that must be reached with every seed, and by how much from scratch must be beaten."""


def world(folder: Path, seed: int) -> None:
    """A network that has read, and the labelled rows."""
    made.pretrained(folder / "bert", seed)
    for name, known, count in (("reviews", True, 120), ("held", False, 240)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "stars"), *made.sentences(seed, count, known=known)])


def accuracy(folder: Path, seed: int, given: dict[str, object]) -> tuple[float, float]:
    """On held-out rows, and the seconds of the whole call."""
    began = time.perf_counter()
    more = {"pretrained": str(folder / "bert")} if given.get("family") == "bert" else {}
    with tempfile.TemporaryDirectory() as output:
        run = nw.train(
            folder / "reviews.csv",
            test=folder / "held.csv",
            target="stars",
            seed=seed,
            output=f"{output}/run",
            **more,
            **given,
        )
    return run.figures["accuracy"], time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    asked = parser.parse_args()
    scores: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            world(Path(folder), seed)
            for way, given in WAYS.items():
                scores[way].append(accuracy(Path(folder), seed, given))
                print(f"seed {seed}, {way}: {scores[way][-1][0]:.1%} in {scores[way][-1][1]:.1f} s", flush=True)
    body = table(scores)
    print(body)
    if asked.write:
        write_section("BERT: what was read before", body)
    best, fresh = (np.array(scores[way])[:, 0] for way in ("read before", "from scratch"))
    if best.min() < LEAST or (best - fresh).min() < AHEAD:
        sys.exit("The claim does not hold.")


def table(scores: dict[str, list[tuple[float, float]]]) -> str:
    """The section of docs/benchmarks.md."""
    lines = ["| network | accuracy, by seed | mean | seconds, median |", "|---|---|---|---|"]
    for way, found in scores.items():
        values, times = zip(*found, strict=True)
        each = ", ".join(f"{value:.1%}" for value in values)
        lines.append(f"| {way} | {each} | {np.mean(values):.1%} | {np.median(times):.1f} |")
    machine = f"{platform.machine()}, torch {torch.__version__}, transformers {transformers.__version__}"
    about = (
        "240 held-out rows whose words no labelled row has; 120 labelled rows; a BERT of two layers, 48 wide, that has "
        f"read 3,000 unlabelled sentences. Chance is 33.3 %. `python benchmarks/bert.py`; {machine}."
    )
    return "\n".join([about, "", *lines])


if __name__ == "__main__":
    main()
