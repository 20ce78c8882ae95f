"""Claim: with default settings a forecast is no worse than what is simplest, and better where there is more to tell.

Eight daily exchange rates, standardised by the first 70 %, the last 20 % foretold 96, 192, 336 and 720 days ahead from
every day: the mean squared error is at most 1.01 times that of repeating the last value. Passengers a month, the last
24 months foretold at once: the mean absolute error is below that of the seasonal naive.

    python benchmarks/forecasting.py FOLDER [--seeds 3] [--only exchange,flights] [--horizons 96,192,336,720]
        [--time-limit S] [--write]

FOLDER holds `exchange_rate.txt.gz` (8 columns, no header) and `flights.csv` (year, month, passengers); what is not
there is passed over, with a word. The peers see the same windows: the last value, the seasonal naive, and ridge
regression in scikit-learn from the last values less the very last one, its penalty chosen on the steps before the test.
"""

import argparse
import csv
import gzip
import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import Ridge
from table_quality import write_section

import netwright as nw

PENALTIES = np.logspace(-2, 6, 9)
ALLOWED = 1.01
"""Times the error of repeating the last value that exchange rates may have."""
Figures = dict[str, tuple[float, float]]
"""By name: mean squared and mean absolute error."""


def windows(values: np.ndarray, starts: np.ndarray, length: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Values (M, T) → past (n·T, L) and future (n·T, H) of the windows whose forecast begins at the starts (n,)."""
    past = np.stack([values[s - length : s] for s in starts]).transpose(0, 2, 1).reshape(-1, length)
    return past, np.stack([values[s : s + horizon] for s in starts]).transpose(0, 2, 1).reshape(-1, horizon)


def errors(forecast: np.ndarray, future: np.ndarray) -> tuple[float, float]:
    return float(((forecast - future) ** 2).mean()), float(np.abs(forecast - future).mean())


def peers(values: np.ndarray, first: int, *, length: int, horizon: int, season: int) -> Figures:
    """The errors of the peers in all windows of the steps from `first` on."""
    held = first - max(horizon + 1, first // 10)
    ends = (held - horizon + 1, first - horizon + 1, len(values) - horizon + 1)
    begins = (length, held, first)
    fit, choose, test = (
        windows(values, np.arange(a, max(a + 1, b)), length, horizon) for a, b in zip(begins, ends, strict=True)
    )
    found = {"last value": errors(test[0][:, -1:], test[1])}
    if season > 1:
        places = length - season + np.arange(horizon) % season
        found["seasonal naive"] = errors(test[0][:, places], test[1])
    models = [Ridge(alpha).fit(fit[0] - fit[0][:, -1:], fit[1] - fit[0][:, -1:]) for alpha in PENALTIES]
    best = min(models, key=lambda model: errors(answers(model, choose[0]), choose[1])[0])
    return found | {"ridge (scikit-learn)": errors(answers(best, test[0]), test[1])}


def answers(model: Ridge, past: np.ndarray) -> np.ndarray:
    return past[:, -1:] + model.predict(past - past[:, -1:])


def trained(
    source: dict[str, list], targets: tuple[str, ...], horizon: int, share: float, seed: int, limit: float | None
):
    """Mean squared and mean absolute error of the command with its defaults, and the seconds it took."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/run"
        run = nw.train(
            source, target=targets, horizon=horizon, seed=seed, test_share=share, time_limit=limit, output=output
        )
        written = json.loads(Path(output, "metrics.json").read_text(encoding="utf-8"))
    parts = {name: (x["RMSE"] ** 2, x["mean absolute error"]) for name, x in written["baselines"].items()}
    own = run.figures["RMSE"] ** 2, run.figures["mean absolute error"]
    return own, parts, time.perf_counter() - began


def exchange(path: Path) -> tuple[dict[str, list], np.ndarray, int]:
    """The rates by name, standardised (M, 8), and where the test part begins."""
    with gzip.open(path) as file:
        values = np.loadtxt(file, delimiter=",")
    fit = values[: int(0.7 * len(values))]
    values = (values - fit.mean(0)) / fit.std(0)
    return {f"rate {i + 1}": values[:, i].tolist() for i in range(values.shape[1])}, values, round(0.8 * len(values))


def flights(path: Path) -> tuple[dict[str, list], np.ndarray, int]:
    """Months and passengers, the passengers (M, 1), and where the test part begins."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = np.array([[float(row["passengers"])] for row in rows])
    source = {name: [row[name] for row in rows] for name in ("year", "month")} | {"passengers": values[:, 0].tolist()}
    return source, values, len(values) - 24


def lines(name: str, found: list[tuple[float, float, float]], others: Figures, ceiling: float) -> list[str]:
    """The lines of the table of one figure; `ceiling` is the error, squared or absolute, that is asked for."""
    squared, absolute, seconds = (np.array(x) for x in zip(*found, strict=True))
    judged = absolute if name == "flights" else squared
    verdict = "reached" if judged.max() <= ceiling else "missed"
    own = f"| {name} | **netwright** | {squared.mean():.4g} ± {squared.std():.1g} | {absolute.mean():.4g} ± "
    own += f"{absolute.std():.1g} | {seconds.max():.0f} | {verdict} |"
    return [own, *(f"| {name} | {peer} | {mse:.4g} | {mae:.4g} | | |" for peer, (mse, mae) in others.items())]


def measured(name: str, data: tuple[dict[str, list], np.ndarray, int], horizon: int, arguments: argparse.Namespace):
    """The lines of one figure, all seeds."""
    source, values, first = data
    monthly = name == "flights"
    targets = ("passengers",) if monthly else tuple(source)
    share, found, parts = (len(values) - first) / len(values), [], {}
    for seed in range(arguments.seeds):
        own, parts, seconds = trained(source, targets, horizon, share, seed, arguments.time_limit)
        found.append((*own, seconds))
    season, length = (12, 36) if monthly else (1, 96)
    others = peers(values, first, length=length, horizon=horizon, season=season)
    ceiling = others["seasonal naive"][1] if monthly else ALLOWED * others["last value"][0]
    named = {f"its part: {part}": errors for part, errors in parts.items() if part not in others}
    return lines(name, found, others | named, ceiling)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="exchange,flights")
    parser.add_argument("--horizons", default="96,192,336,720")
    parser.add_argument("--time-limit", type=float, default=None)
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    table = [
        "| data | forecast | mean squared error | mean absolute error | longest call, s | verdict |",
        "|---" * 6 + "|",
    ]
    wanted = arguments.only.split(",")
    rates, months = arguments.folder / "exchange_rate.txt.gz", arguments.folder / "flights.csv"
    jobs = [
        (f"exchange, {h} days", rates, exchange, int(h)) for h in arguments.horizons.split(",") if "exchange" in wanted
    ]
    jobs += [("flights", months, flights, 24)] if "flights" in wanted else []
    for name, path, read, horizon in jobs:
        if not path.exists():
            print(f"{name}: passed over, there is no {path.name}")
            continue
        table += measured(name, read(path), horizon, arguments)
        print("\n".join(table), flush=True)
    summary = [
        "",
        f"Errors over all windows of the part held out; exchange rates in standard deviations of the first 70 %. "
        f"{arguments.seeds} seeds, mean ± standard deviation; {platform.machine()}, {torch.get_num_threads()} threads "
        f"offered, torch {torch.__version__}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/forecasting.py FOLDER --write`",
    ]
    print("\n".join(summary))
    if arguments.write:
        write_section("Forecasts", "\n".join([*table, *summary]))


if __name__ == "__main__":
    main()
