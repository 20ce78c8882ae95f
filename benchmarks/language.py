"""Claim: with default settings and ten minutes, a text is foretold as well as the figure below asks.

tinyshakespeare, characters, the first 90 % to learn from: at most 1.60 nats per character over all of the last 10 %.
For comparison: nanoGPT (Karpathy 2022) has 1.88 after three minutes on a CPU and 1.4697 on an A100. The seconds are
those of the whole call: reading, training, measuring, saving.

    python benchmarks/language.py --data FOLDER [--seeds 3] [--seconds 600] [--families transformer,lstm] [--write]

tinyshakespeare.txt is read from FOLDER.
"""

import argparse
import math
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from table_quality import write_section

import netwright as nw

WANTED = 1.60
"""Nats per character of the default family after ten minutes."""
FIGURE = "nats per character"


def trained(path: Path, family: str, seconds: int, seed: int) -> tuple[dict[str, float], dict[str, float], float]:
    """The figures on the part held out, those of the n-gram model, and the seconds of the whole call."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = nw.train(str(path), family=family, test_share=0.1, time_limit=seconds, seed=seed, output=f"{folder}/run")
    assert run.findings is not None
    counted = next((own for name, own in run.findings.evaluation.baselines.items() if "gram" in name), {})
    return run.figures, counted, time.perf_counter() - began


def line(family: str, found: list[tuple[dict[str, float], dict[str, float], float]], seconds: int) -> str:
    """A line of the table."""
    nats = [figures[FIGURE] for figures, _, _ in found]
    counted = found[0][1].get(FIGURE, math.nan)
    asked = family == "transformer" and seconds == 600
    verdict = ("reached" if max(nats) <= WANTED else "missed") if asked else "–"
    each = ", ".join(f"{n:.4f}" for n in nats)
    cells = [family, f"{np.mean(nats):.4f}", f"{np.mean(nats) / math.log(2):.4f}", each, f"{counted:.4f}",
             f"{max(t for *_, t in found):.0f}", verdict]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--families", default="transformer,lstm")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    arguments = parser.parse_args()
    path = arguments.data / "tinyshakespeare.txt"
    if not path.exists():
        sys.exit(f"There is no {path}: give its folder as --data.")
    lines = [
        "| family | nats per character | bits per character | each seed, nats | n-gram model, nats | longest call, s "
        "| at most 1.60 nats |",
        "|---|---|---|---|---|---|---|",
    ]
    for family in arguments.families.split(","):
        found = [trained(path, family, arguments.seconds, seed) for seed in range(arguments.seeds)]
        lines.append(line(family, found, arguments.seconds))
        print(lines[-1], flush=True)
    summary = [
        "",
        f"tinyshakespeare, first 90 % to learn from, last 10 % measured; {arguments.seconds} s, "
        f"{arguments.seeds} seeds. "
        f"{platform.machine()}, {torch.get_num_threads()} threads offered, torch {torch.__version__}, "
        f"netwright {nw.__version__}.",
        "",
        "`python benchmarks/language.py --data FOLDER --write`",
    ]
    print("\n".join(summary))
    if arguments.write:
        write_section("Text to be continued", "\n".join([*lines, *summary]))


if __name__ == "__main__":
    main()
