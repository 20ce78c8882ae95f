"""Claim: sequences of the UCR and UEA archives, divided as the archives do, are told apart as well as asked for below.

GunPoint at least 98 %, ItalyPowerDemand 96 %, BasicMotions 100 % by default; 90 % each by --family lstm alone. The
seconds are those of the whole call: reading, training, measuring, saving. Beside them the nearest neighbour by Euclid's
distance and by dynamic time warping over all channels, in NumPy.

    python benchmarks/sequences.py FOLDER [--seeds 3] [--families default,lstm,gru,rnn,transformer,linear] [--write]

FOLDER holds a folder for each of them, with name_TRAIN.ts and name_TEST.ts.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from table_quality import write_section

import netwright as nw
from netwright.data.sequences.encode import encode_sequences
from netwright.data.sequences.form import fit_form
from netwright.data.sequences.read import read_sequences

CLAIMS = {"GunPoint": (0.98, 0.90), "ItalyPowerDemand": (0.96, 0.90), "BasicMotions": (1.00, 0.90)}
"""By set: the accuracy to reach by default, and by lstm."""


def trained(folder: Path, family: str, seed: int) -> tuple[float, float, float]:
    """Accuracy and log loss on the test part, and the seconds of the whole call."""
    began = time.perf_counter()
    given = {} if family == "default" else {"family": family}
    with tempfile.TemporaryDirectory() as place:
        run = nw.train(str(folder), seed=seed, output=f"{place}/run", **given)
    return run.figures["accuracy"], run.figures["log loss"], time.perf_counter() - began


def neighbours(folder: Path) -> dict[str, float]:
    """Accuracy of the nearest neighbour by each distance."""
    sequences = read_sequences(folder)
    test = sequences.given["test"]
    training = np.setdiff1d(np.arange(len(sequences)), test)
    values = encode_sequences(fit_form(sequences, training), sequences).parts[0].astype(np.float64)
    labels = sequences.table["class"].to_numpy()
    found = {}
    for name, distance in (("1-NN Euclid", euclid), ("1-NN DTW", warped)):
        said = [labels[training[distance(values[row], values[training]).argmin()]] for row in test]
        found[name] = float(np.mean(np.asarray(said) == labels[test]))
    return found


def euclid(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """(T, C) to (n, T, C): (n,)."""
    return np.square(many - one).sum((1, 2))


def warped(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Dynamic time warping without a window, all of `many` at once (Sakoe and Chiba 1978): (n,)."""
    count, steps = many.shape[:2]
    costs = np.square(many[:, None] - one[None, :, None]).sum(3)  # (n, T, T)
    before = np.full((count, steps + 1), np.inf)
    before[:, 0] = 0
    for i in range(steps):
        now = np.full((count, steps + 1), np.inf)
        least = np.minimum(before[:, 1:], before[:, :-1])
        for j in range(steps):
            now[:, j + 1] = costs[:, i, j] + np.minimum(least[:, j], now[:, j])
        before = now
    return before[:, -1]


def line(name: str, family: str, found: list[tuple[float, float, float]]) -> str:
    """A line of the table."""
    scores = [score for score, _, _ in found]
    wanted = {"default": CLAIMS[name][0], "lstm": CLAIMS[name][1]}.get(family)
    verdict = "" if wanted is None else "reached" if min(scores) >= wanted else "missed"
    asked = "" if wanted is None else f"{wanted:.0%}"
    each = ", ".join(f"{score:.2%}" for score in scores)
    loss, longest = np.mean([loss for _, loss, _ in found]), max(seconds for _, _, seconds in found)
    figures = f"{np.mean(scores):.2%} | {each} | {loss:.3f} | {longest:.0f}"
    return f"| {name} | {family} | {asked} | {figures} | {verdict} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--families", default="default,lstm,gru,rnn,transformer,linear")
    parser.add_argument("--sets", default=",".join(CLAIMS))
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    asked = parser.parse_args()
    lines = ["| set | family | asked | mean | each seed | log loss | seconds | |", "|---|---|---|---|---|---|---|---|"]
    print("\n".join(lines))
    for name in asked.sets.split(","):
        for family in asked.families.split(","):
            lines.append(line(name, family, [trained(asked.data / name, family, s) for s in range(asked.seeds)]))
            print(lines[-1], flush=True)
        for peer, score in neighbours(asked.data / name).items():
            lines.append(f"| {name} | {peer} | | {score:.2%} | | | | |")
            print(lines[-1], flush=True)
    versions = f"torch {torch.__version__}, netwright {nw.__version__}"
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, {versions}"
    print(machine)
    if asked.write:
        write_section("Sequences", "\n".join([*lines, "", machine]))


if __name__ == "__main__":
    main()
