"""Claim: with default settings the network is as good as scikit-learn's MLP and HistGradientBoosting, or better.

For each data set and seed: an 80/20 split, stratified for classes; the same rows for everybody. Printed: the mean over
the seeds of accuracy (R² for numbers), and of the paired difference to each peer with its standard error. "No worse"
is a mean difference of minus one standard error or better.

    python benchmarks/table_quality.py [--data FOLDER] [--seeds 5] [--only penguins,wine] [--write]

titanic, diamonds and mpg are read from FOLDER as CSV files and passed over, with a word, where they are not there.
"""

import argparse
import math
import platform
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import netwright as nw
from netwright.data.sources.bundled import bundled_bytes

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TARGETS = {
    "penguins": "species",
    "titanic": "survived",
    "diamonds": "price",
    "mpg": "mpg",
    "breast_cancer": "diagnosis",
    "wine": "cultivar",
    "diabetes": "progression",
    "digits": "digit",
}
NUMBERS = {"diamonds", "mpg", "diabetes"}
DROPPED = {"titanic": ["alive"], "mpg": ["name"]}
"""A copy of the target, and free text."""


def load(name: str, folder: Path | None) -> pd.DataFrame | None:
    """The data set, or None where its file is not there."""
    if name in nw_names():
        import io

        return pd.read_csv(io.BytesIO(bundled_bytes(name)), compression="gzip")
    path = (folder or Path()) / f"{name}.csv"
    if not path.exists():
        print(f"{name}: passed over, there is no {path}")
        return None
    return pd.read_csv(path).drop(columns=DROPPED.get(name, []))


def nw_names() -> set[str]:
    from netwright.data.sources.bundled import DATASETS

    return set(DATASETS)


def peers(train: pd.DataFrame, number: bool, seed: int) -> dict:
    """scikit-learn's models in proper pipelines."""
    words = [c for c in train if not pd.api.types.is_numeric_dtype(train[c]) or train[c].dtype == bool]
    plain = [c for c in train if c not in words]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), plain),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    if number:
        network = TransformedTargetRegressor(
            MLPRegressor(max_iter=500, random_state=seed), transformer=StandardScaler()
        )
        trees = HistGradientBoostingRegressor(random_state=seed, categorical_features="from_dtype")
    else:
        network = MLPClassifier(max_iter=500, random_state=seed)
        trees = HistGradientBoostingClassifier(random_state=seed, categorical_features="from_dtype")
    return {"MLP": make_pipeline(columns, network), "HistGradientBoosting": trees}


def as_categories(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Words as pandas categories of the training rows, as HistGradientBoosting wants them."""
    frame = frame.copy()
    for column in frame:
        if not pd.api.types.is_numeric_dtype(like[column]) or like[column].dtype == bool:
            kinds = like[column].dropna().astype(str).unique()
            frame[column] = pd.Categorical(frame[column].astype(str), categories=kinds)
    return frame


def one(name: str, frame: pd.DataFrame, seed: int) -> dict[str, tuple[float, float]]:
    """By model: the score on the held-out rows and the seconds."""
    target, number = TARGETS[name], name in NUMBERS
    strata = None if number else frame[target]
    train, test = train_test_split(frame, test_size=0.2, random_state=seed, stratify=strata)
    score = r2_score if number else accuracy_score
    found = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        train, test = train.reset_index(drop=True), test.reset_index(drop=True)
        run = nw.train(train, target=target, test=test, output=f"{folder}/run", seed=seed, time_limit=60)
    found["netwright"] = next(iter(run.figures.values())), time.perf_counter() - began
    x, y, x_test, y_test = train.drop(columns=target), train[target], test.drop(columns=target), test[target]
    for peer, model in peers(x, number, seed).items():
        began = time.perf_counter()
        rows, rows_test = (as_categories(x, x), as_categories(x_test, x)) if "Hist" in peer else (x, x_test)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", UserWarning)
            model.fit(rows, y)
            found[peer] = score(y_test, model.predict(rows_test)), time.perf_counter() - began
    return found


def row(name: str, results: list[dict[str, tuple[float, float]]]) -> tuple[str, dict[str, bool]]:
    """A line of the table, and by peer whether netwright is no worse."""
    mean = {model: np.mean([r[model][0] for r in results]) for model in results[0]}
    seconds = {model: np.median([r[model][1] for r in results]) for model in results[0]}
    cells, no_worse = [name, f"{mean['netwright']:.4f}"], {}
    for peer in ("MLP", "HistGradientBoosting"):
        differences = np.array([r["netwright"][0] - r[peer][0] for r in results])
        error = differences.std(ddof=1) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
        no_worse[peer] = bool(differences.mean() >= -error)
        mark = "no worse" if no_worse[peer] else "worse"
        cells += [f"{mean[peer]:.4f}", f"{differences.mean():+.4f} ± {error:.4f} {mark}"]
    cells.append(" / ".join(f"{seconds[m]:.1f}" for m in ("netwright", "MLP", "HistGradientBoosting")))
    return "| " + " | ".join(cells) + " |", no_worse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default=",".join(TARGETS))
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    lines = [
        "| data | netwright | MLP | difference | HistGradientBoosting | difference | seconds (each) |",
        "|---|---|---|---|---|---|---|",
    ]
    verdicts = []
    for name in arguments.only.split(","):
        frame = load(name, arguments.data)
        if frame is None:
            continue
        line, no_worse = row(name, [one(name, frame, seed) for seed in range(arguments.seeds)])
        lines.append(line)
        verdicts.append(no_worse)
        print(line, flush=True)
    totals = {peer: sum(v[peer] for v in verdicts) for peer in ("MLP", "HistGradientBoosting")}
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads offered, torch {torch.__version__}"
    summary = [
        "",
        f"No worse than MLP on {totals['MLP']} of {len(verdicts)}, than HistGradientBoosting on "
        f"{totals['HistGradientBoosting']} of {len(verdicts)}; {arguments.seeds} seeds; accuracy, or R² for "
        f"{', '.join(sorted(NUMBERS))}. {machine}, scikit-learn {sklearn.__version__}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/table_quality.py --data FOLDER --write`",
    ]
    print("\n".join(summary))
    if arguments.write:
        write_section("Tables: quality", "\n".join([*lines, *summary]))


def write_section(title: str, body: str) -> None:
    """Replace or add one section of docs/benchmarks.md."""
    text = DOCS.read_text(encoding="utf-8") if DOCS.exists() else "# Benchmarks\n"
    before, mark, after = text.partition(f"\n## {title}\n")
    rest = "\n## " + after.split("\n## ", 1)[1] if mark and "\n## " in after else ""
    DOCS.write_text(f"{before.rstrip()}\n\n## {title}\n\n{body}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
