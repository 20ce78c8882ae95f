"""Claim: with default settings and a limit on the time, pictures are told apart as well as the figures below ask.

MNIST, 60,000 pictures to learn from and 10,000 to be tested on: at least 98.5 % within one minute, at least 99.3 %
within ten. scikit-learn's digits, 8 × 8 pixels, five folds shuffled with seed 0: at least 98.8 % on the mean, with 30 s
for a fold. The seconds are those of the whole call: reading, dividing, training, measuring, saving.

    python benchmarks/cnn_quality.py [--data FOLDER] [--seeds 3] [--only digits,minute,ten] [--write]

mnist.npz (x_train, y_train, x_test, y_test) is read from FOLDER and passed over, with a word, where it is not there.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from table_quality import write_section

import netwright as nw

CLAIMS = {"digits": (30, 0.988), "minute": (60, 0.985), "ten": (600, 0.993)}
"""By figure: seconds, and the accuracy it must reach."""
TITLES = {
    "digits": "digits, 5 folds, 30 s a fold",
    "minute": "MNIST within one minute",
    "ten": "MNIST within ten minutes",
}


def trained(source: object, seconds: int, seed: int, **given: Any) -> tuple[float, float]:
    """The accuracy on the test pictures, and the seconds of the whole call."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = nw.train(source, seed=seed, time_limit=seconds, output=f"{folder}/run", **given)
    return run.figures["accuracy"], time.perf_counter() - began


def digits(seconds: int, seed: int) -> list[tuple[float, float]]:
    """Accuracy and seconds of each fold."""
    rows, labels = load_digits(return_X_y=True)
    pictures = rows.reshape(-1, 8, 8).astype(np.uint8)
    return [
        trained(pictures[fit], seconds, seed, target=labels[fit], test=(pictures[held], labels[held]))
        for fit, held in KFold(5, shuffle=True, random_state=0).split(pictures)
    ]


def figure(name: str, seed: int, folder: Path) -> tuple[float, float] | None:
    """Accuracy and the longest call's seconds; None where the data is not there."""
    seconds, _ = CLAIMS[name]
    if name == "digits":
        scores, times = zip(*digits(seconds, seed), strict=True)
        return float(np.mean(scores)), max(times)
    path = folder / "mnist.npz"
    if not path.exists():
        print(f"{name}: passed over, there is no {path}")
        return None
    return trained(str(path), seconds, seed)


def line(name: str, found: list[tuple[float, float]]) -> str:
    """A line of the table."""
    scores, (seconds, wanted) = [score for score, _ in found], CLAIMS[name]
    verdict = "reached" if min(scores) >= wanted and max(t for _, t in found) <= seconds else "missed"
    each = ", ".join(f"{score:.2%}" for score in scores)
    longest = max(t for _, t in found)
    return f"| {TITLES[name]} | {wanted:.1%} | {np.mean(scores):.2%} | {each} | {longest:.0f} | {verdict} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(CLAIMS))
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    lines = ["| figure | asked | mean | each seed | longest call, s | verdict |", "|---|---|---|---|---|---|"]
    for name in arguments.only.split(","):
        found = [figure(name, seed, arguments.data) for seed in range(arguments.seeds)]
        there = [f for f in found if f is not None]
        if there:
            lines.append(line(name, there))
            print(lines[-1], flush=True)
    summary = [
        "",
        f"Accuracy on pictures no part of training saw; {arguments.seeds} seeds. {platform.machine()}, "
        f"{torch.get_num_threads()} threads offered, torch {torch.__version__}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/cnn_quality.py --data FOLDER --write`",
    ]
    print("\n".join(summary))
    if arguments.write:
        write_section("Pictures: classes", "\n".join([*lines, *summary]))


if __name__ == "__main__":
    main()
