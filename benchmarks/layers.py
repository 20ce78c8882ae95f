"""Claim: the layers written by hand are as fast as torch.nn's once a compiler has them, and fused pairs are faster.

Each layer that is in netwright.layers and in torch.nn, with the same weights, forward and backward, the gradient of the
input included, one thread, in every tier:

    eager          as it stands
    torch.compile  the layer compiled by Inductor
    traced         netwright's engine: the step's operators recorded, and run without Python or autograd
    compiled       netwright's engine: steps as one program, SGD's update included

Both give the same gradients in float64, or nothing is measured. Then they take turns A B A B in one process, garbage
collection off; a turn lasts about 20 ms. Time is the processor time of the one thread, so that what else the machine
does counts little. A ratio is the median over the rounds, and its range theirs. The compiled tier takes 10 s a program
and more, so only the middle size is measured in it.

    python benchmarks/layers.py [--only Linear,ReLU] [--tiers eager,torch.compile] [--rounds 9]
                                [--results FILE] [--seconds 80] [--again] [--write]

With --results what was measured is kept in FILE and not measured again, so that the work can be done in parts: after
--seconds no further measurement is begun.
"""

import argparse
import copy
import gc
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from table_quality import write_section
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import netwright as nw
from netwright import layers
from netwright.core import trees
from netwright.core.phase import Phase
from netwright.core.plan import NAMED
from netwright.data.feeds.feed import feed
from netwright.engine.averages import Averages
from netwright.engine.compiling import Compiling
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import proven
from netwright.engine.graph import as_written
from netwright.engine.job import Job, Position
from netwright.engine.recording import Refused
from netwright.engine.traced import Trace

TIERS = ("eager", "torch.compile", "traced", "compiled")
SIZES = ("small", "middle", "large")
ASKED = 1.3
"""The ratio asked for under torch.compile or in the compiled tier."""
SAME = 1e-9
"""What gradients may differ by, of the largest number of each."""
TURN = 0.020
"""Seconds that a turn lasts, about; one step at least."""

Given = tuple[list[Tensor], list[Tensor]]
"""What is differentiated, and what is not."""
Make = Callable[..., nn.Module]


# What is measured


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A layer: `make(kit, *size)` builds it from netwright.layers or torch.nn, `given(*size)` is what it gets."""

    make: Make
    given: Callable[..., Given]
    sizes: tuple[tuple[int, ...], ...]
    words: str
    """A size as text, to be formatted with its numbers."""
    call: Callable[..., Any] = lambda layer, *given: layer(*given)
    asked: bool = False


def random(*shape: int) -> Tensor:
    return torch.randn(shape)


def alike(
    name: str, *, sizes: tuple = ((32, 64), (128, 512), (512, 4096)), asked: bool = True, **options: Any
) -> Entry:
    """A layer of which every axis but its kind is as it comes."""
    words = " × ".join(["{}"] * len(sizes[0]))
    make = lambda kit, *shape: getattr(kit, name)(**options)  # noqa: E731
    return Entry(make=make, given=lambda *s: ([random(*s)], []), sizes=sizes, words=words, asked=asked)


def of_channels(name: str, sizes: tuple, *first: int, asked: bool = True) -> Entry:
    """A layer that is told the channels, the second axis."""
    words = " × ".join(["{}"] * len(sizes[0]))
    make = lambda kit, *shape: getattr(kit, name)(*first, shape[1])  # noqa: E731
    return Entry(make=make, given=lambda *s: ([random(*s)], []), sizes=sizes, words=words, asked=asked)


def of_rows(name: str) -> Entry:
    """A normalisation of the last axis."""
    make = lambda kit, b, t, n: getattr(kit, name)(n)  # noqa: E731
    sizes = ((8, 10, 64), (32, 64, 256), (16, 256, 768))
    return Entry(make=make, given=lambda *s: ([random(*s)], []), sizes=sizes, words="{} × {} × {}", asked=True)


def numbers(name: str, draw: Callable[..., Given]) -> Entry:
    """A loss of numbers against numbers."""
    sizes = ((32, 10), (128, 784), (512, 4096))
    return Entry(make=lambda kit, *s: getattr(kit, name)(), given=draw, sizes=sizes, words="{} × {}", asked=True)


def classes(name: str, draw: Callable[..., Given], **options: Any) -> Entry:
    """A loss of classes."""
    make = lambda kit, *shape: getattr(kit, name)(**options)  # noqa: E731
    sizes = ((32, 10), (128, 1000), (512, 10_000))
    return Entry(make=make, given=draw, sizes=sizes, words="{} rows, {} classes", asked=True)


def truths(rows: int, number: int) -> Tensor:
    return torch.randint(number, (rows,))


def recurrent(name: str) -> Entry:
    """B sequences of T steps, D wide, with a state H wide. T stays short: a compiler writes every step out."""
    make = lambda kit, b, t, d, h: getattr(kit, name)(d, h, batch_first=True)  # noqa: E731
    given = lambda b, t, d, h: ([random(b, t, d)], [])  # noqa: E731
    sizes = ((8, 10, 4, 16), (32, 20, 32, 64), (64, 20, 128, 256))
    call = lambda layer, x: layer(x)[0]  # noqa: E731
    return Entry(make=make, given=given, sizes=sizes, words="{} × {} steps × {} → {}", call=call)


def convolution(name: str, sizes: tuple, words: str, **options: Any) -> Entry:
    """Sizes are B, C in, C out, and the width of the square (of the line)."""
    kernel = options.pop("kernel_size", 3)
    axes = 1 if name.endswith("1d") else 2
    make = lambda kit, b, i, o, w: getattr(kit, name)(i, o, kernel, **options)  # noqa: E731
    given = lambda b, i, o, w: ([random(b, i, *[w] * axes)], [])  # noqa: E731
    return Entry(make=make, given=given, sizes=sizes, words=words)


def linear_sizes(*, make: Make, words: str = "{} × {} → {}") -> Entry:
    given = lambda b, i, o: ([random(b, i)], [])  # noqa: E731
    sizes = ((32, 10, 64), (128, 784, 256), (512, 1024, 1024))
    return Entry(make=make, given=given, sizes=sizes, words=words, asked=True)


PICTURES = ((8, 8, 14, 14), (32, 32, 28, 28), (16, 64, 56, 56))

ENTRIES: dict[str, Entry] = {
    "Linear": linear_sizes(make=lambda kit, b, i, o: kit.Linear(i, o)),
    **{name: alike(name) for name in ("ReLU", "LeakyReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "Mish", "Softplus")},
    **{n: alike(n, sizes=((32, 10), (128, 1000), (512, 10_000)), dim=1) for n in ("Softmax", "LogSoftmax")},
    "MSELoss": numbers("MSELoss", lambda *s: ([random(*s)], [random(*s)])),
    "L1Loss": numbers("L1Loss", lambda *s: ([random(*s)], [random(*s)])),
    "SmoothL1Loss": numbers("SmoothL1Loss", lambda *s: ([random(*s)], [random(*s)])),
    "BCELoss": numbers("BCELoss", lambda *s: ([torch.rand(s) * 0.98 + 0.01], [torch.rand(s).round()])),
    "BCEWithLogitsLoss": numbers("BCEWithLogitsLoss", lambda *s: ([random(*s)], [torch.rand(s).round()])),
    "CrossEntropyLoss": classes("CrossEntropyLoss", lambda b, c: ([random(b, c)], [truths(b, c)])),
    "NLLLoss": classes("NLLLoss", lambda b, c: ([random(b, c).log_softmax(1)], [truths(b, c)])),
    "KLDivLoss": classes(
        "KLDivLoss",
        lambda b, c: ([random(b, c).log_softmax(1)], [random(b, c).softmax(1)]),
        reduction="batchmean",
    ),
    "BatchNorm1d": of_channels("BatchNorm1d", ((32, 64), (128, 512), (512, 4096))),
    "BatchNorm2d": of_channels("BatchNorm2d", PICTURES),
    "GroupNorm": of_channels("GroupNorm", PICTURES, 4),
    "LayerNorm": of_rows("LayerNorm"),
    "RMSNorm": of_rows("RMSNorm"),
    "Embedding": Entry(
        make=lambda kit, b, t, v, e: kit.Embedding(v, e),
        given=lambda b, t, v, e: ([], [torch.randint(v, (b, t))]),
        sizes=((8, 10, 100, 16), (32, 64, 10_000, 128), (32, 128, 30_000, 512)),
        words="{} × {} of {} things, {} wide",
    ),
    "Dropout": alike("Dropout", asked=False, p=0.5),
    "Flatten": alike("Flatten", sizes=PICTURES, asked=False),
    "Identity": alike("Identity", asked=False),
    "MaxPool2d": alike("MaxPool2d", sizes=PICTURES, asked=False, kernel_size=2),
    "AvgPool2d": alike("AvgPool2d", sizes=PICTURES, asked=False, kernel_size=2),
    "AdaptiveAvgPool2d": alike("AdaptiveAvgPool2d", sizes=PICTURES, asked=False, output_size=1),
    "Bilinear": Entry(
        make=lambda kit, b, i, j, o: kit.Bilinear(i, j, o),
        given=lambda b, i, j, o: ([random(b, i), random(b, j)], []),
        sizes=((32, 8, 8, 4), (128, 32, 32, 32), (256, 128, 128, 64)),
        words="{} × ({}, {}) → {}",
    ),
    "MultiheadAttention": Entry(
        make=lambda kit, b, t, d, h: kit.MultiheadAttention(d, h, batch_first=True),
        given=lambda b, t, d, h: ([random(b, t, d)], []),
        call=lambda layer, x: layer(x, x, x, need_weights=False)[0],
        sizes=((8, 10, 32, 4), (32, 32, 128, 4), (8, 128, 256, 8)),
        words="{} × {} × {}, {} heads",
    ),
    "TransformerEncoderLayer": Entry(
        make=lambda kit, b, t, d, h: kit.TransformerEncoderLayer(d, h, 4 * d, 0.0, batch_first=True),
        given=lambda b, t, d, h: ([random(b, t, d)], []),
        sizes=((8, 10, 32, 4), (32, 32, 128, 4), (8, 128, 256, 8)),
        words="{} × {} × {}, {} heads",
    ),
    "RNN": recurrent("RNN"),
    "GRU": recurrent("GRU"),
    "LSTM": recurrent("LSTM"),
    "Conv1d": convolution(
        "Conv1d", ((8, 4, 8, 32), (32, 32, 64, 64), (16, 128, 128, 256)), "{0} × {1} × {3} → {2} channels", padding=1
    ),
    "Conv2d": convolution(
        "Conv2d", ((8, 1, 8, 28), (32, 16, 32, 28), (8, 64, 64, 56)), "{0} × {1} × {3}² → {2} channels", padding=1
    ),
    "ConvTranspose2d": convolution(
        "ConvTranspose2d",
        ((8, 8, 4, 7), (32, 64, 32, 7), (16, 128, 64, 14)),
        "{0} × {1} × {3}² → {2} channels",
        kernel_size=4,
        stride=2,
        padding=1,
    ),
}


class WithLoss(nn.Module):
    """torch.nn's last layer and cross-entropy, one after the other."""

    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        self.linear, self.loss = nn.Linear(width, number, bias=False), nn.CrossEntropyLoss()

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """Rows (B, width), classes (B,) → the loss."""
        return self.loss(self.linear(x), target)


def pair(name: str, theirs: Callable[[int, int], nn.Module]) -> Entry:
    """A layer of ours, and what does the same in torch.nn."""
    return linear_sizes(make=lambda kit, b, i, o: getattr(kit, name)(i, o) if kit is layers else theirs(i, o))


def last_layer(theirs: Callable[[int, int], nn.Module]) -> Entry:
    return Entry(
        make=lambda kit, b, d, c: layers.LinearCrossEntropyLoss(d, c) if kit is layers else theirs(d, c),
        given=lambda b, d, c: ([random(b, d)], [truths(b, c)]),
        sizes=((32, 64, 100), (256, 128, 10_000), (1024, 128, 32_000)),
        words="{} × {} → {} classes",
    )


FUSED: dict[str, Entry] = {
    "LinearReLU": pair("LinearReLU", lambda i, o: nn.Sequential(nn.Linear(i, o), nn.ReLU())),
    "SiLULinear": pair("SiLULinear", lambda i, o: nn.Sequential(nn.SiLU(), nn.Linear(i, o))),
    "GELULinear": pair("GELULinear", lambda i, o: nn.Sequential(nn.GELU(), nn.Linear(i, o))),
    "LinearCrossEntropyLoss": last_layer(WithLoss),
    "LinearCrossEntropyLoss, torch.nn's of that name": last_layer(
        lambda d, c: nn.LinearCrossEntropyLoss(d, c, bias=False)
    ),
    "Bilinear, kept": ENTRIES["Bilinear"],
}
FUSED = {name: entry for name, entry in FUSED.items() if name.partition(",")[0] in layers.__all__}
AGAINST = {
    "LinearReLU": "Linear, ReLU",
    "SiLULinear": "SiLU, Linear",
    "GELULinear": "GELU, Linear",
    "LinearCrossEntropyLoss": "Linear, CrossEntropyLoss",
    "LinearCrossEntropyLoss, torch.nn's of that name": "LinearCrossEntropyLoss",
    "Bilinear, kept": "Bilinear",
}


# A step of one layer, in each tier


class Step(nn.Module):
    """A layer and its inputs, which are parameters: so a layer without weights has something to train too."""

    def __init__(self, entry: Entry, layer: nn.Module, given: Given) -> None:
        super().__init__()
        self.layer, self.entry = layer, entry
        self.inputs = nn.ParameterList([x.clone() for x in given[0]])
        self.others = tuple(given[1])
        with torch.no_grad():
            out = self()
        self.cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)) if out.dim() else None
        if self.cotangent is not None and next(self.parameters(), None) is None:
            raise ValueError("there is nothing to differentiate")

    def forward(self, *batch: Tensor) -> Tensor:
        """What the layer gives; for losses `batch` ends with what they are held against."""
        return self.entry.call(self.layer, *self.inputs, *(batch or self.others))

    @property
    def batch(self) -> tuple[Tensor, ...]:
        """What a step is given besides its parameters."""
        return self.others if self.cotangent is None else (*self.others, self.cotangent)

    def loss(self, module: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss itself, or a sum of the outputs weighed by the last of the batch."""
        if self.cotangent is None:
            return module(*batch)
        return Weighed.apply(module(*batch[:-1]) if self.others else module(), batch[-1])

    def gradients(self) -> tuple[Tensor, ...]:
        """One step, by autograd."""
        return torch.autograd.grad(self(), list(self.parameters()), self.cotangent)

    def exactly(self) -> "Step":
        """The same in float64."""
        step = copy.deepcopy(self).double()
        step.others = tuple(x.double() if x.is_floating_point() else x for x in self.others)
        step.cotangent = None if self.cotangent is None else self.cotangent.double()
        return step


class Weighed(torch.autograd.Function):
    """Σ y g: a scalar that reads all of y once, and whose gradient is g."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, g: Tensor) -> Tensor:
        """The sum."""
        ctx.save_for_backward(g)
        return torch.dot(y.reshape(-1), g.reshape(-1))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        """The gradient of y, where that of the sum is 1."""
        return ctx.saved_tensors[0], None


Run = Callable[[int], None]
"""Takes so many steps."""


def by_autograd(step: Step, layer: Callable[..., Any]) -> Run:
    call, inputs, others, cotangent = step.entry.call, list(step.inputs), step.others, step.cotangent
    leaves, grad = list(step.parameters()), torch.autograd.grad

    def run(count: int) -> None:
        for _ in range(count):
            grad(call(layer, *inputs, *others), leaves, cotangent)

    return run


def job_of(step: Step) -> Job:
    batch = step.batch
    source = feed(batch, batch_size=len(batch[0]), shuffle=False, drop_last=False, device=torch.device("cpu"))
    optimizer = torch.optim.SGD(step.parameters(), lr=1e-9)  # weights stay what they are, and the work is the same
    return Job(module=step, phases=[Phase(name="loss", loss=step.loss, optimizer=optimizer)], source=source)


def traced(step: Step) -> Run:
    """The program of the step, alone: no update. Raises Refused where there is none."""
    job = job_of(step)
    trace = Trace(*proven(job, step.batch, job.phases), job)
    leaves = list(trees.leaves(step.batch))

    def run(count: int) -> None:
        with torch.no_grad(), as_written():
            for _ in range(count):
                trace.run(0, trace.begin(leaves))

    return run


def compiled(step: Step) -> Run:
    """The compiled tier's runner, in calls of at most an epoch's steps. Raises Refused where it can't be compiled."""
    job = job_of(step)
    compiling = Compiling(job, NAMED["compiled"])
    compiling.begin()
    runner = compiling.runner(Eager(job, Cursor(job), Averages(job.phases), NAMED["eager"]), wait=True)
    assert runner is not None
    most, late = compiling.drafts[0].steps, time.perf_counter() + 1e5

    def run(count: int) -> None:
        while count > 0:
            count -= runner.run(Position(), min(count, most), late).steps

    return run


def prepared(tier: str, step: Step) -> tuple[Run, str]:
    """Steps in this tier, and why they run eagerly instead; "" where they don't."""
    if tier == "eager":
        return by_autograd(step, step.layer), ""
    if tier == "torch.compile":
        return by_autograd(step, torch.compile(step.layer, dynamic=False)), ""
    try:
        return (traced if tier == "traced" else compiled)(step), ""
    except Refused as error:
        return by_autograd(step, step.layer), str(error)


# Measuring


def steps_of(entry: Entry, size: tuple[int, ...]) -> tuple[Step, Step]:
    """Ours and theirs, with the same weights and inputs. Raises AssertionError where they give other gradients."""
    torch.manual_seed(0)
    given = entry.given(*size)
    ours, theirs = entry.make(layers, *size), entry.make(nn, *size)
    with torch.no_grad():
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            a.copy_(b)
    steps = Step(entry, ours, given), Step(entry, theirs, given)
    same(*steps)
    return steps


def same(ours: Step, theirs: Step) -> None:
    """Raises AssertionError where gradients differ, in float64; both draw the same random numbers."""
    found = []
    for step in (ours, theirs):
        torch.manual_seed(3)
        found.append(step.exactly().gradients())
    for a, b in zip(*found, strict=True):
        off, largest = float((a - b).abs().max()), float(b.abs().max())
        assert a.shape == b.shape and off <= SAME * max(largest, 1e-3), f"gradients differ by {off} of {largest}"


def kept(step: Step, layer: Callable[..., Any]) -> int:
    """Bytes that forward keeps for backward, beside inputs and weights."""
    had = {t.untyped_storage().data_ptr() for t in (*step.parameters(), *step.others, *step.buffers())}
    held: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in had:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        out = step.entry.call(layer, *step.inputs, *step.others)
    del out
    return sum(held.values())


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def timed(run: Run, count: int) -> float:
    """Seconds of a step."""
    began = time.thread_time()
    run(count)
    return (time.thread_time() - began) / count


def turns(ours: Run, theirs: Run, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of a step, by round, of both in turn."""
    counts = []
    for run in (ours, theirs):
        run(3)  # torch's graph executor takes two runs to settle
        once = timed(run, 1)
        count = max(1, int(0.2 * TURN / max(once, 1e-7)))
        counts.append(max(1, round(TURN / max(timed(run, min(count, 200)), 1e-7))))
    with no_collection():
        both = [(timed(ours, counts[0]), timed(theirs, counts[1])) for _ in range(rounds)]
    return [a for a, _ in both], [b for _, b in both]


def measured(entry: Entry, size: tuple[int, ...], tier: str, rounds: int, *, fused: bool) -> dict[str, Any]:
    """Milliseconds of both, and their ratio."""
    torch._dynamo.reset()
    ours, theirs = steps_of(entry, size)
    (run_ours, why_ours), (run_theirs, why_theirs) = prepared(tier, ours), prepared(tier, theirs)
    if why_ours and why_theirs:
        return {"refused": [why_ours, why_theirs]}
    mine, others = turns(run_ours, run_theirs, rounds)
    ratios = [a / b for a, b in zip(mine, others, strict=True)]
    found: dict[str, Any] = {
        "ours": 1e3 * statistics.median(mine),
        "theirs": 1e3 * statistics.median(others),
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "refused": [why_ours, why_theirs],
    }
    if fused and tier in ("eager", "torch.compile"):
        torch._dynamo.reset()
        wrap = (lambda m: torch.compile(m, dynamic=False)) if tier == "torch.compile" else lambda m: m
        found["kept"] = [kept(step, wrap(step.layer)) for step in (ours, theirs)]
    return found


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, Entry, str, str]]:
    """Name, entry, size and tier of everything that is to be measured."""
    for tier in TIERS:
        for name, entry in (ENTRIES | FUSED).items():
            for size in SIZES:
                if name in options.only and tier in options.tiers and (tier != "compiled" or size == "middle"):
                    yield name, entry, size, tier


def shown(key: str, found: dict[str, Any]) -> str:
    """A line for the person who waits."""
    refused = "; ".join(
        f"{who} refused: {why}" for who, why in zip(("ours", "theirs"), found["refused"], strict=True) if why
    )
    if "ratio" not in found:
        return f"{key}: {refused}"
    low, high = found["range"]
    times = f"{found['ours']:.4f} ms, torch.nn {found['theirs']:.4f} ms"
    return f"{key}: {times}, ratio {found['ratio']:.2f} ({low:.2f}–{high:.2f}) {refused} {found.get('kept', '')}"


# The page


def cell(found: dict[str, Any] | None) -> str:
    """A ratio with its range; "eager" after it where torch.nn's runs eagerly in this tier."""
    if found is None:
        return ""
    if "ratio" not in found:
        return "–"
    ours, theirs = found["refused"]
    low, high = found["range"]
    mark = " ᵃ" if theirs else " ᵇ" if ours else ""
    return f"{found['ratio']:.2f} ({low:.2f}–{high:.2f}){mark}"


def best(results: dict[str, Any], name: str, size: str) -> float:
    """The better ratio of torch.compile and the compiled tier."""
    found = [results.get(f"{name}|{size}|{tier}", {}) for tier in ("torch.compile", "compiled")]
    return min((f["ratio"] for f in found if "ratio" in f and not f["refused"][0]), default=float("inf"))


def page(results: dict[str, Any], rounds: int) -> str:
    """The section: every layer, the slowest with the reason, the fused pairs."""
    lines = ["| layer | size | torch.nn eager, ms | eager | torch.compile | traced | compiled | at most 1.3 |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    slowest: list[tuple[float, str, str]] = []
    verdicts = []
    for name, entry in ENTRIES.items():
        for size, numbers in zip(SIZES, entry.sizes, strict=True):
            found = {tier: results.get(f"{name}|{size}|{tier}") for tier in TIERS}
            if not any(found.values()):
                continue
            ratio = best(results, name, size)
            slowest.append((ratio, name, size))
            verdict = ("reached" if ratio <= ASKED else "missed") if entry.asked else ""
            verdicts += [verdict] if entry.asked else []
            eager = found["eager"]
            cells = [name, entry.words.format(*numbers), f"{eager['theirs']:.3f}" if eager else ""]
            lines.append("| " + " | ".join([*cells, *(cell(found[tier]) for tier in TIERS), verdict]) + " |")
    reached = sum(v == "reached" for v in verdicts)
    lines += [
        "",
        f"Time of ours over torch.nn's, forward and backward, median and range of {rounds} rounds. At most {ASKED} "
        f"under torch.compile or in the compiled tier: {reached} of {len(verdicts)}.",
        "ᵃ the tier refuses torch.nn's, which runs eagerly there; ᵇ ours. – both.",
        "In the traced and compiled tiers a step ends in a sum of the outputs, and in the compiled one it has SGD's",
        "update of weights and input too, on both sides.",
        "",
        *reasons(slowest),
        *beyond(results),
        "",
        *pairs(results),
        "",
        f"One thread, processor time; {platform.machine()}, torch {torch.__version__}, netwright {nw.__version__}.",
        "",
        "`python benchmarks/layers.py --results FILE --write`",
    ]
    return "\n".join(lines)


def reasons(slowest: list[tuple[float, str, str]]) -> list[str]:
    """The three slowest layers at their slowest, and the reason; then those for which it was asked."""
    worst: dict[str, tuple[float, str]] = {}
    for ratio, name, size in slowest:
        if ratio != float("inf"):
            worst[name] = max(worst.get(name, (0.0, "")), (ratio, size))
    ranked = sorted(worst, key=lambda name: -worst[name][0])
    lines = ["The slowest under a compiler, and why:", ""]
    for name in dict.fromkeys([*ranked[:3], *(n for n in ("Conv2d", "RNN", "LSTM") if n in worst)]):
        ratio, size = worst[name]
        lines.append(f"- {name}, {ratio:.2f} at the {size} size: {REASONS.get(name, '')}")
    return lines


def beyond(results: dict[str, Any]) -> list[str]:
    """A line that names what is slower than asked in the compiled tier, if anything is."""
    found = {key.split("|")[0]: one["ratio"] for key, one in results.items() if key.endswith("|compiled")}
    slow = [f"{name} {ratio:.2f}" for name, ratio in found.items() if name in ENTRIES and ratio > ASKED]
    return ["", f"Slower than that in the compiled tier: {', '.join(slow)}."] if slow else []


STEPS = "here each step of the sequence is a matrix product and some passes over small tensors, called one by one"
IMAGES = (
    "torch.nn's is one kernel of oneDNN, which reads the image where it lies, blocked for the processor's cache; here "
    "the columns of the windows are copied side by side (kernel_size times the image, on the way back as well), and "
    "there is a matrix product for each row of the kernel. Where the image is small, that is faster."
)
REASONS: dict[str, str] = {
    "Conv1d": IMAGES,
    "Conv2d": IMAGES,
    "ConvTranspose2d": IMAGES,
    "RNN": f"{STEPS}; torch.nn does the same in C++. torch.compile writes out the loop over the steps, hence T ≤ 20.",
    "GRU": f"{STEPS}; torch.nn does the same in C++. torch.compile writes out the loop over the steps, hence T ≤ 20.",
    "LSTM": f"torch.nn's is one kernel of oneDNN for all steps, which torch.compile leaves as it is; {STEPS}. "
    "torch.compile writes out the loop over the steps, hence T ≤ 20.",
    "Flatten": "torch.nn's is a view, of which torch.compile makes no program on the way back; ours is a function, of "
    "which it makes one. That is 0.08 ms, whatever the size; traced, the two are equal.",
    "AdaptiveAvgPool2d": "two sums, one for each axis, where one over both would do.",
}
"""Why a layer is no faster, where somebody will want to know."""


def pairs(results: dict[str, Any]) -> list[str]:
    """The table of what is fused."""
    lines = [
        "Fused pairs, and Bilinear, which is one product of matrices here: time, and what forward keeps for backward",
        "beside inputs and weights, ours / torch.nn's. LinearReLU keeps its output, which the layer behind it keeps in",
        "any case; of torch.nn's two, torch.compile keeps bools beside it, and making and reading them takes its time.",
        "LinearCrossEntropyLoss is there for its memory, at the price of making the logits twice.",
        "",
    ]
    lines += ["| ours | torch.nn's | size | eager | torch.compile | traced | compiled | kept, eager | kept, compiled |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, entry in FUSED.items():
        for size, numbers in zip(SIZES, entry.sizes, strict=True):
            found = {tier: results.get(f"{name}|{size}|{tier}") for tier in TIERS}
            if not any(found.values()):
                continue
            cells = [name.partition(",")[0], AGAINST[name], entry.words.format(*numbers)]
            cells += [cell(found[tier]) for tier in TIERS]
            cells += [in_words(found[tier]) for tier in ("eager", "torch.compile")]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def in_words(found: dict[str, Any] | None) -> str:
    """Bytes of both, in kB."""
    return "" if not found or "kept" not in found else " / ".join(f"{b / 1000:,.0f} kB" for b in found["kept"])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*ENTRIES, *FUSED]
    parser.add_argument("--only", default="", help="names of layers, separated by commas")
    parser.add_argument("--tiers", default=",".join(TIERS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--results", type=Path, help="a JSON file that keeps what was measured")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--again", action="store_true", help="measure also what is in the file")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    options = parser.parse_args()
    options.only = [n for n in known if not options.only or n.partition(",")[0] in options.only.split(",")]
    options.tiers = options.tiers.split(",")
    return options


def main() -> None:
    options = parsed()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    file, began = options.results, time.perf_counter()
    results = json.loads(file.read_text(encoding="utf-8")) if file is not None and file.exists() else {}
    left = 0
    for name, entry, size, tier in wanted(options):
        key = f"{name}|{size}|{tier}"
        if key in results and not options.again:
            continue
        if time.perf_counter() - began > options.seconds:
            left += 1
            continue
        numbers = entry.sizes[SIZES.index(size)]
        results[key] = measured(entry, numbers, tier, options.rounds, fused=name in FUSED)
        print(shown(key, results[key]), flush=True)
        if file is not None:
            file.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{left} left to be measured")
    if options.write:
        write_section("Layers by hand", page(results, options.rounds))


if __name__ == "__main__":
    main()
