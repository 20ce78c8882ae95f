"""Which plans there are to try for a job, what one might save, whether there is room to try it, and its proof."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages, trainable
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import TOLERANCE, Step, compare, proven, tolerance
from netwright.engine.job import Job, Position
from netwright.engine.resident import SEED, resident, sizes
from netwright.engine.tally import Tally

COPIES, SHARE = 8, 0.12
"""What a proof holds at most, in weights: copies, gradients, optimizers' states; and how much of the memory in use that
may be."""
PYTHON_SECONDS = 15e-6
"""What Python and autograd add to a step for each layer; what the traced tier may save beside the optimizer."""
FEWEST_LAYERS = 4
"""A step has at least so many, its loss counted."""
RECURRENT = 0.3
"""The share of a recurrent step that may be saved: its layers are some operators for each step of a sequence."""
OPTIMIZER_SECONDS = 15e-6
"""What a plain optimizer takes for a parameter tensor."""

Change = dict[str, Any]


def candidates(job: Job, allowed: str) -> list[Change]:
    """What may be tried, in order: each is what it changes in the plan that is the best by then."""
    changes: list[Change] = [{"threads": 1}] if torch.get_num_threads() > 1 else []
    traced = {"tier": "traced", "fused": True}
    if any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in job.module.modules()):
        changes.append(traced | {"memory_format": "channels_last"})
    changes += [traced, {"fused": True}]
    if allowed != "float32":
        changes.append({"precision": allowed})
    return changes


def savings(job: Job, now: Plan, plan: Plan, seconds: float) -> float:
    """What a plan might save of a step that takes `seconds` now: a hopeful guess, before anything is run."""
    if plan.threads != now.threads:
        return seconds
    if plan.memory_format != now.memory_format or plan.precision != now.precision:
        return 0.4 * seconds
    tensors = sum(len(trainable(phase.optimizer)) for phase in job.phases)
    optimizer = min(OPTIMIZER_SECONDS * tensors, 0.5 * seconds)
    if plan.tier == now.tier:
        return optimizer
    layers = [module for module in job.module.modules() if not any(True for _ in module.children())]
    recurrent = RECURRENT * seconds if any(hasattr(layer, "flatten_parameters") for layer in layers) else 0.0
    python = max(PYTHON_SECONDS * max(FEWEST_LAYERS, len(layers)), recurrent)
    return min(python + optimizer, 0.8 * seconds)


def prove(job: Job, now: Plan, plan: Plan, batch: Any, due: Sequence[Phase]) -> None:
    """Raise Refused unless `plan` does what is done now, to the same numbers within the tolerance."""
    if plan.fused and plan.tier == "traced" and on_gpu(job):
        source = resident(job, None)
        first = source.at(source.order(SEED)[: sizes(source)[0]])
        compare(job, [[first]], due, launched, tolerance=TOLERANCE)
    elif plan.fused and not now.fused:
        compare(job, [[batch]], due, stepped(Plan(fused=True)), tolerance=TOLERANCE)
    if plan.tier == "traced":
        proven(job, batch, due, plan=plan)
    elif plan.precision != now.precision:
        compare(job, [[batch]], due, stepped(plan), tolerance=tolerance(plan))


def launched(job: Job, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
    """The first step of the epoch of SEED as a CUDA graph, for the gate."""
    from netwright.engine.graphed import Graphed

    other = Eager(job, Cursor(job), Averages(job.phases), Plan())
    runner = Graphed(job, lambda b, d: proven(job, b, d), other)
    tally.took(runner.run(Position(seed=SEED), 1, float("inf")))


def weight(job: Job) -> int:
    """Bytes of the module's parameters."""
    return sum(p.numel() * p.element_size() for p in job.module.parameters())


def memory() -> float:
    """Bytes this process has in memory; without end where that can't be read."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return float("inf")


def on_gpu(job: Job) -> bool:
    """True where the module is on a CUDA device."""
    return next(job.module.parameters()).is_cuda


def stepped(plan: Plan) -> Step:
    """An eager step under this plan, for the gate."""

    def step(job: Job, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
        Eager(job, Cursor(job), Averages(job.phases), plan).step(batches, due, tally)

    return step
