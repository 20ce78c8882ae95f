"""The page and the picture of `engine.py`."""

import argparse
import math
import platform
import shlex
import statistics
import subprocess
import sys
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from peers import COMPETITORS

if TYPE_CHECKING:
    from engine import Results

DOCS = Path(__file__).parents[1] / "docs"
BASE = next(iter(COMPETITORS))
PACKAGES = (
    "torch",
    "numpy",
    "netwright",
    "lightning",
    "skorch",
    "keras",
    "jax",
    "optax",
    "scikit-learn",
    "transformers",
)
HOW = """Ratios are to the hand-written DataLoader loop (the linear regression's has no DataLoader) in the same round:
medians, with the least and the greatest in brackets. A step is one of the steady state; the first call, of two epochs,
holds what a competitor imports and compiles. netwright's step is what its own records say; its whole call, by the
clock outside, holds all its imports, planning and proving."""
VERSIONS = f"""
from importlib import metadata
for name in {PACKAGES}:
    try: print(name, metadata.version(name))
    except metadata.PackageNotFoundError: pass
"""


def page(results: list["Results"], options: argparse.Namespace, import_seconds: float) -> str:
    """The whole page, in Markdown."""
    parts = ["# The engine, measured", *about(options, import_seconds), "![Seconds of a step](engine-benchmarks.svg)"]
    parts += ["## The whole call", whole_table(results), "## A step", *(section(result) for result in results)]
    return "\n\n".join(parts) + "\n"


def about(options: argparse.Namespace, import_seconds: float) -> list[str]:
    """Machine, versions, date, command, and how to read the figures."""
    threads = "1 thread" if len(options.cores) == 1 else f"{len(options.cores)} threads"
    return [
        f"{date.today()}; {machine()}; {threads}, {options.rounds} rounds; load {options.load:.1f} before; "
        f"{versions(options.peers_python)}.",
        f"`{shlex.join(['python', *sys.argv])}`",
        HOW,
        f"`import netwright` adds {import_seconds:.3f} s to `import torch`.",
    ]


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {platform.system()}, Python {platform.python_version()}"


def versions(peers_python: str | None) -> str:
    """Of netwright's environment, and of the peers' where there is one."""
    found: dict[str, None] = {}
    for python in filter(None, (sys.executable, peers_python)):
        found |= dict.fromkeys(subprocess.check_output([python, "-c", VERSIONS], text=True).splitlines())
    return ", ".join(found)


def ratios(values: list[float], base: list[float]) -> str:
    """Median, least and greatest of the ratios round by round."""
    each = [value / other for value, other in zip(values, base, strict=True)]
    return f"{statistics.median(each):.3g} ({min(each):.3g}–{max(each):.3g})"


def whole_table(results: list["Results"]) -> str:
    """Everybody's whole call beside the plain loop's: time and memory."""
    lines = [
        "| module | competitor | steps | loop, s | its, s | ratio | memory, MB | ratio | compiler's child, MB | plan |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        loops = result.whole.get(BASE)
        ours = {name: calls for name, calls in result.whole.items() if name != BASE}
        if loops:
            lines += [f"| {result.case.name} | {name} | {whole_cells(loops, calls)} |" for name, calls in ours.items()]
    return "\n".join(lines)


def whole_cells(loops: list[dict], ours: list[dict]) -> str:
    """The whole calls of the plain loop and of another competitor, a pair a round."""
    loop_s, our_s = ([call["seconds"] for call in calls] for calls in (loops, ours))
    loop_mb, our_mb = ([call["peak"] for call in calls] for calls in (loops, ours))
    child = max(call["child"] for call in ours)
    plan = ours[-1]["plan"].replace("\n", "<br>")
    times = f"{statistics.median(loop_s):.2f} | {statistics.median(our_s):.2f} | {ratios(our_s, loop_s)}"
    memory = f"{statistics.median(our_mb):,.0f} | {ratios(our_mb, loop_mb)} | {child:,.0f}"
    return f"{ours[-1]['steps']:,} | {times} | {memory} | {plan}"


def section(result: "Results") -> str:
    """One case: everybody's step, and why somebody has none."""
    size = result.case.batch_size or "all rows"
    lines = [
        f"### {result.case.name}",
        f"{result.case.rows:,} rows, batch {size}.",
        "| competitor | µs a step | range | ratio to the loop | first call, s |\n|---|---|---|---|---|",
    ]
    for name, values in result.steps.items():
        times = [value * 1e6 for value in values]
        ratio = ratios(values, result.steps[BASE]) if BASE in result.steps else "–"
        shown = f"{statistics.median(times):,.1f} | {min(times):,.1f}–{max(times):,.1f}"
        lines[-1] += f"\n| {name} | {shown} | {ratio} | {result.first[name]:.1f} |"
    return "\n\n".join(lines + [f"{name}: {why.splitlines()[0]}" for name, why in result.failed.items()])


# The picture

ROW, WIDTH, LABEL = 20, 860, 300
"""Pixels: height of a bar's line, width of the picture and of the names."""
LEAST, MOST = 0.01, 10.0
"""Ratios at the ends of the axis."""


def picture(results: list["Results"]) -> str:
    """Bars of each competitor's step, as a ratio to the loop, on a logarithmic axis."""
    body, y = [], ROW
    for result in results:
        if BASE not in result.steps:
            continue
        body.append(f'<text x="8" y="{y + 14}" font-weight="bold">{escape(result.case.name)}</text>')
        y += ROW
        for name, values in result.steps.items():
            body.append(bar(name, statistics.median(values) / statistics.median(result.steps[BASE]), y))
            y += ROW
    one = across(1.0)
    body.append(f'<line x1="{one}" x2="{one}" y1="{ROW}" y2="{y}" stroke="#444" stroke-dasharray="3 3"/>')
    box = f'viewBox="0 0 {WIDTH} {y + ROW}" font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    title = "<title>Seconds of a step, as a ratio to the hand-written DataLoader loop (logarithmic)</title>"
    return "\n".join([head, title, '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>\n"])


def across(ratio: float) -> int:
    """Where on the axis a ratio lies."""
    part = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return round(LABEL + part * (WIDTH - LABEL - 60))


def bar(name: str, ratio: float, y: int) -> str:
    colour = "#2563eb" if name.startswith("netwright") else "#9ca3af"
    return (
        f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{y + 3}" width="{across(ratio) - LABEL}" height="{ROW - 6}" fill="{colour}"/>'
        f'<text x="{across(ratio) + 6}" y="{y + 14}">{ratio:.3g}</text>'
    )


def write(text: str, results: list["Results"]) -> None:
    """Into the documents."""
    (DOCS / "engine-benchmarks.md").write_text(text)
    (DOCS / "engine-benchmarks.svg").write_text(picture(results))
