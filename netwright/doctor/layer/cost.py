"""Time of forward and backward, and memory kept between them, beside autograd's own backward of the same forward."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.nodes import kept, written
from netwright.doctor.layer.reference import without_backward
from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import number

NAME = "time and memory"
SECONDS = 0.5
RUNS = (5, 200)
Run = Callable[[dict[str, Tensor]], tuple[Tensor, ...] | None]


def check(subject: Subject) -> Finding:
    """Medians of pairs of runs, one after the other, in the layer's usual numbers."""
    trial = replace(subject.of(torch.float32), seeding=False)
    mine, bytes_mine = _time(trial, trial.run), _kept(trial, trial.run)
    told = f"{mine * 1e6:,.0f} µs for forward and backward, {bytes_mine:,} bytes kept besides inputs and weights"
    if subject.kind == "module" and not written(trial.base.outputs):
        return Finding(NAME, "passed", told)

    def other(sources: dict[str, Tensor]) -> tuple[Tensor, ...] | None:
        return without_backward(trial, sources)

    try:
        ratio, bytes_other = _ratio(trial, other), _kept(trial, other)
    except Exception:
        return Finding(NAME, "passed", f"{told}; autograd can't differentiate this forward by itself")
    words = f"{number(ratio)} times autograd's own ({bytes_other:,} bytes)"
    more = ": autograd's own backward of this forward is faster" if ratio > 1.1 else ""
    return Finding(NAME, "passed", f"{told}; {words}{more}")


def _ratio(subject: Subject, other: Run) -> float:
    """The median of mine over autograd's, run in turns."""
    _once(subject, other)
    ratios, until = [], time.perf_counter() + SECONDS
    while len(ratios) < RUNS[0] or (len(ratios) < RUNS[1] and time.perf_counter() < until):
        ratios.append(_once(subject, subject.run) / _once(subject, other))
    return statistics.median(ratios)


def _time(subject: Subject, run: Run) -> float:
    _once(subject, run)
    return statistics.median(_once(subject, run) for _ in range(RUNS[0]))


def _once(subject: Subject, run: Run) -> float:
    sources, cotangents = subject.sources(), subject.base.cotangents
    began = _now(subject)
    outputs = run(sources)
    assert outputs is not None
    subject.gradients(
        sources, outputs, [c if o.requires_grad else None for o, c in zip(outputs, cotangents, strict=True)]
    )
    return _now(subject) - began


def _now(subject: Subject) -> float:
    if subject.device.type == "cuda":
        torch.cuda.synchronize(subject.device)
    return time.perf_counter()


def _kept(subject: Subject, run: Run) -> int:
    """Bytes kept for backward that are neither inputs nor weights."""
    sources, storages = subject.sources(), {}
    given = {s.untyped_storage().data_ptr() for s in sources.values()}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = run(sources)
    for one in kept(outputs or ()):
        if one.attribute:
            storages[one.tensor.untyped_storage().data_ptr()] = one.tensor.untyped_storage().nbytes()
    return sum(size for place, size in storages.items() if place not in given)
