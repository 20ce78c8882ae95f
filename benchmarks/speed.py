"""Claims: `netwright --help` within 0.2 s; `netwright train penguins` within 15 s; 100,000 rows of 20 columns answered
within 5 s; a million rows of 30 columns trained for one epoch within 6 GB.

Each command runs in a process of its own; medians of `--rounds`; beside the prediction scikit-learn's MLPClassifier and
HistGradientBoostingClassifier on the same rows, each from a saved model in a new process.

    python benchmarks/speed.py [--rounds 5] [--skip-million] [--write]
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from table_quality import write_section

NETWRIGHT = [sys.executable, "-c", "from netwright.cli.main import main; main()"]
PEER = """
import sys, joblib, pandas as pd
model, data, out = sys.argv[1:]
frame = pd.read_csv(data)
frame.assign(prediction=joblib.load(model).predict(frame)).to_csv(out, index=False)
"""


def seconds(command: list[str], folder: Path) -> float:
    """Wall-clock time of a command, which must succeed."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def table(rows: int, columns: int) -> pd.DataFrame:
    """Numbers, a few categories, and a class that depends on both."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": random.normal(size=rows).round(4) for i in range(columns - 2)})
    frame["shop"] = random.choice([f"shop {i}" for i in range(50)], rows)
    frame["kind"] = random.choice(["a", "b", "c"], rows)
    frame["bought"] = np.where(frame["x0"] * frame["x1"] + (frame["kind"] == "a") > 0.5, "yes", "no")
    return frame


def prediction(folder: Path, rounds: int) -> list[tuple[str, float]]:
    """Seconds to answer 100,000 rows of 20 columns, from the file to the file."""
    import joblib
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    small = table(5000, 20)
    small.to_csv(folder / "train.csv", index=False)
    table(100_000, 20).drop(columns="bought").to_csv(folder / "new.csv", index=False)
    train = ["train", "train.csv", "--target", "bought", "--output", "run", "--epochs", "3", "--quiet"]
    seconds([*NETWRIGHT, *train], folder)
    x, y = small.drop(columns="bought"), small["bought"]
    words = ["shop", "kind"]
    one_hot = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), remainder=StandardScaler())
    ordinal = make_column_transformer((OrdinalEncoder(), words), remainder="passthrough")
    network = make_pipeline(one_hot, MLPClassifier((128, 128), max_iter=3)).fit(x, y)
    joblib.dump(network, folder / "mlp.joblib")
    joblib.dump(make_pipeline(ordinal, HistGradientBoostingClassifier()).fit(x, y), folder / "trees.joblib")
    commands = {
        "netwright predict": [*NETWRIGHT, "predict", "run", "new.csv", "-o", "out.csv", "--force"],
        "scikit-learn MLPClassifier": [sys.executable, "-c", PEER, "mlp.joblib", "new.csv", "mlp.csv"],
        "scikit-learn HistGradientBoosting": [sys.executable, "-c", PEER, "trees.joblib", "new.csv", "trees.csv"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(seconds(command, folder))
    return [(f"{name}, 100,000 rows × 20 columns, file to file", statistics.median(t)) for name, t in times.items()]


def million(folder: Path) -> list[tuple[str, float]]:
    """Seconds and peak memory of one epoch over a million rows of 30 columns, read from CSV."""
    table(1_000_000, 30).to_csv(folder / "million.csv", index=False)
    size = (folder / "million.csv").stat().st_size / 1e6
    command = ["train", "million.csv", "--target", "bought", "--output", "big", "--epochs", "1", "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    took = seconds([*NETWRIGHT, *command], folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak > before, "another child was larger: measure this in a run of its own"
    return [
        (f"one epoch, 1,000,000 rows × 30 columns, CSV of {size:.0f} MB", took),
        ("  its peak memory in GB", peak / 1e6),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-million", action="store_true")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not arguments.skip_million:
            rows += million(folder)
        helps = [seconds([*NETWRIGHT, "--help"], folder) for _ in range(arguments.rounds * 3)]
        rows.append(("netwright --help", statistics.median(helps)))
        penguins = [seconds([*NETWRIGHT, "train", "penguins", "--quiet"], folder) for _ in range(arguments.rounds)]
        rows.append(("netwright train penguins, command to answer", statistics.median(penguins)))
        rows += prediction(folder, arguments.rounds)
    lines = ["| what | seconds (median) |", "|---|---|", *(f"| {what} | {took:.2f} |" for what, took in rows)]
    lines += [
        "",
        f"{arguments.rounds} rounds; {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}.",
    ]
    lines += ["", "`python benchmarks/speed.py --write`"]
    print("\n".join(lines))
    if arguments.write:
        write_section("Speed", "\n".join(lines))


if __name__ == "__main__":
    main()
