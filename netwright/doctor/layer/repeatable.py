"""The same call gives the same result, and leaves the world as it was."""

import random

import numpy as np
import torch

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.subject import Subject, module_of
from netwright.doctor.layer.telling import apart, beside
from netwright.doctor.layer.world import World

NAME = "repeatable"
NEAR = 1e-9
OTHER_SEED = 4711
STATE = "Let the output depend on inputs, weights and torch's random numbers alone; running numbers belong in buffers."
WORLD = "Put it back after use, in a finally clause or a context manager, or better leave it alone."
SEEDED = "Call no torch.manual_seed inside a layer: every other random number of the program repeats with it."


def check(subject: Subject) -> Finding:
    """Twice from one seed, then from another."""
    module = module_of(subject)
    before = World.now(module)
    first, second = subject.passes(), subject.passes()
    for i, (a, b) in enumerate(zip(first.outputs, second.outputs, strict=True)):
        if apart(a, b) > NEAR:
            seen = f"the same call from the same seed gives another output {i}:{beside(a, b)}"
            return Finding(NAME, "failed", seen, STATE)
    for name in first.sources:
        a, b = first.gradients[name], second.gradients[name]
        if apart(a, b) > NEAR:
            seen = f"the same call from the same seed gives another gradient of {subject.shown(name)}:{beside(a, b)}"
            return Finding(NAME, "failed", seen, STATE)
    if changed := before.changed(World.now(module)):
        return Finding(NAME, "failed", f"it changes {changed}", WORLD)
    if _seeds(subject):
        return Finding(NAME, "failed", "it sets the seed of the random numbers everybody draws from", SEEDED)
    return Finding(NAME, "passed", "the same call gives the same numbers, and nothing around it changes")


def _seeds(subject: Subject) -> bool:
    """True where any stream of random numbers ends at the same place wherever it began."""
    ends = []
    for seed in (subject.seed, OTHER_SEED + subject.seed):
        sources = subject.sources()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        outputs = subject.leaves_of(subject.called(subject.layer, subject.arguments(sources), sources))
        subject.gradients(sources, outputs, subject.cotangents(outputs))
        ends.append(
            (
                random.getstate(),
                torch.get_rng_state().tolist(),
                np.random.get_state(legacy=False)["state"]["key"].tolist(),
            )
        )
    return any(a == b for a, b in zip(*ends, strict=True))
