"""Claims of the default autoencoder, each measured on rows that took no part in training.

- MNIST, generation: −ELBO of the test pictures in nats, binarised anew, one code a picture; at most 97, the prize 92.
- MNIST, reduction to 2, 8 and 32 dimensions: mean squared error of a pixel (0 to 1), below that of PCA.
- Sets of anomalies: ROC AUC of the score by reconstruction, at least that of the residual of PCA (standardised columns,
  √D + 1 components) on each; of the combined score, at least that of the nearest neighbours on the mean. Trained on the
  first half of the ordinary rows in file order, judged on the others and all anomalies.

    python benchmarks/autoencoder_quality.py --data FOLDER [--seeds 3] [--seconds 600] [--only vae,reduction] [--write]

FOLDER holds mnist.npz with x_train, y_train, x_test, y_test, and anomaly/*.npz with X and y (1 is an anomaly).
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from table_quality import write_section

import netwright as nw
from netwright.families.autoencoder.rows import seeded

SIZES = (2, 8, 32)
CHUNK = 1000
PRIZE, BAR = 92.0, 97.0


def trained(source: object, seed: int, task: str, **options: object) -> tuple[nw.Run, float]:
    """A run with default settings and the seconds it took."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = nw.train(source, family="autoencoder", task=task, seed=seed, output=f"{folder}/run", **options)
    return run, time.perf_counter() - began


def chunks(pictures: np.ndarray) -> list[torch.Tensor]:
    """(N, H, W) → pieces of (≤ CHUNK, 1, H, W) uint8."""
    return list(torch.from_numpy(pictures)[:, None].split(CHUNK))


@torch.no_grad()
def elbo(run: nw.Run, pictures: np.ndarray) -> float:
    """Mean −ELBO in nats, the coins of all pictures and their codes drawn once from one seed."""
    module, random = run.predictor.module.eval(), seeded(torch.device("cpu"))
    total = 0.0
    for piece in chunks(pictures):
        batch = nw_batch(piece)
        likely, divergence = module.terms(batch, True, random)
        total += float((divergence.sum(1) - likely).double().sum())
    return total / len(pictures)


def nw_batch(pictures: torch.Tensor) -> object:
    """The pictures as what a loss sees."""
    from netwright.core.batch import Batch

    zeros = torch.zeros(len(pictures), dtype=torch.int64)
    return Batch(inputs=(pictures,), target=zeros, fold=zeros)


def vae(folder: Path, seeds: int, seconds: float) -> list[str]:
    """Lines of the table of −ELBO."""
    test = np.load(folder / "mnist.npz")["x_test"]
    lines = [
        "| MNIST, 10,000 test pictures | seed | −ELBO, nats | seconds | at most 97 | at most 92 |",
        "|---|---|---|---|---|---|",
    ]
    for seed in range(seeds):
        run, took = trained(folder / "mnist.npz", seed, "generation", time_limit=seconds)
        found = elbo(run, test)
        marks = [("yes" if found <= bar else "no") for bar in (BAR, PRIZE)]
        lines.append(f"| variational autoencoder | {seed} | {found:.2f} | {took:.0f} | {marks[0]} | {marks[1]} |")
        print(lines[-1], flush=True)
    return lines


@torch.no_grad()
def errors(run: nw.Run, pictures: np.ndarray) -> tuple[float, float]:
    """Mean squared error of a pixel, of the network and of PCA."""
    module = run.predictor.module.eval()
    sums = np.zeros(2)
    for piece in chunks(pictures):
        truth = module.flat(piece)
        for i, again in enumerate((module.reconstruct(piece), module.reconstruct_linear(piece))):
            sums[i] += float((again - truth).double().square().mean(1).sum())
    network, linear = sums / len(pictures)
    return float(network), float(linear)


def reduction(folder: Path, seeds: int, seconds: float) -> list[str]:
    """Lines of the table of reconstructions."""
    test = np.load(folder / "mnist.npz")["x_test"]
    lines = ["| MNIST, dimensions | seed | error of a pixel | of PCA | seconds | better |", "|---|---|---|---|---|---|"]
    for size in SIZES:
        for seed in range(seeds):
            run, took = trained(folder / "mnist.npz", seed, "reduction", dimensions=size, time_limit=seconds / 5)
            mine, linear = errors(run, test)
            mark = "yes" if mine < linear else "no"
            lines.append(f"| {size} | {seed} | {mine:.5f} | {linear:.5f} | {took:.0f} | {mark} |")
            print(lines[-1], flush=True)
    return lines


@torch.no_grad()
def scores(run: nw.Run, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By name, the score of each row."""
    predictor = run.predictor
    rows = predictor.read(columns)
    found, _ = predictor.predictions(rows)
    inputs = predictor._inputs(rows, torch.float32)[0]
    module = predictor.module.eval()
    residual = (module.flat(*inputs) - module.reconstruct_linear(*inputs)).square().mean(1)
    names = ("autoencoder", "neighbours", "both")
    return {name: found[:, i] for i, name in enumerate(names)} | {"PCA": residual.numpy()}


def anomalies(folder: Path, seeds: int, seconds: float) -> list[str]:
    """Lines of the table of anomaly sets; means over the seeds."""
    lines = [
        "| set | rows trained on | autoencoder | PCA residual | nearest neighbours | both | autoencoder no worse |",
        "|---|---|---|---|---|---|---|",
    ]
    means = []
    for path in sorted((folder / "anomaly").glob("*.npz")):
        x, y = (np.load(path)[name] for name in ("X", "y"))
        ordinary = np.flatnonzero(y == 0)
        train, rest = np.split(ordinary, [len(ordinary) // 2])
        judged = np.concatenate([rest, np.flatnonzero(y == 1)])
        columns = [{f"column {i}": part[:, i] for i in range(x.shape[1])} for part in (x[train], x[judged])]
        found = []
        for seed in range(seeds):
            run, _ = trained(columns[0], seed, "anomaly", test_share=0.0)
            told = scores(run, columns[1])
            found.append([roc_auc_score(y[judged], told[n]) for n in ("autoencoder", "PCA", "neighbours", "both")])
        mean = 100 * np.mean(found, axis=0)
        means.append(mean)
        mark = "yes" if mean[0] >= mean[1] else "no"
        lines.append(f"| {path.stem} | {len(train)} | " + " | ".join(f"{m:.1f}" for m in mean) + f" | {mark} |")
        print(lines[-1], flush=True)
    mean = np.mean(means, axis=0)
    lines.append("| mean | | " + " | ".join(f"{m:.1f}" for m in mean) + " | |")
    lines.append("")
    verdict = "yes" if mean[3] >= mean[2] else "no"
    lines.append(f"ROC AUC in percent. Both no worse than neighbours on the mean: {verdict}.")
    return lines


PARTS = {"anomalies": anomalies, "reduction": reduction, "vae": vae}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    lines: list[str] = []
    for name in arguments.only.split(","):
        lines += [*PARTS[name](arguments.data, arguments.seeds, arguments.seconds), ""]
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads offered, torch {torch.__version__}"
    lines += [
        f"Default settings, {arguments.seeds} seeds, {arguments.seconds:.0f} seconds the whole command for generation, "
        f"a fifth of them for a reduction. {machine}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/autoencoder_quality.py --data FOLDER --write`",
    ]
    print("\n".join(lines))
    if arguments.write:
        write_section("Autoencoders: quality", "\n".join(lines))


if __name__ == "__main__":
    main()
