"""Checkpoints: all a killed run needs to go on with the same numbers.

A checkpoint is a folder `step-<epoch>-<step>` with `state.safetensors` and `manifest.json`, written whole (see
`core.files`). The last two are kept: a newest one that is damaged falls back to the one before.
"""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from netwright.core.errors import ArtifactError, TrainingError
from netwright.core.files import sha256, sweep, write_folder
from netwright.core.notice import Notice
from netwright.core.phase import Phase
from netwright.core.plan import Planned
from netwright.core.tensors import damaged, from_bytes, strict_json, to_bytes
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.job import Job, Position, Source
from netwright.engine.pack import pack, random_state, set_random_state, unpack

KEEP = 2
FORMAT = 2


def save(
    folder: Path, job: Job, averages: Averages, best: Best, at: Position, planned: Planned, *, notes: dict
) -> None:
    """Write a checkpoint. `notes` are plain values that come back from `load`, such as the records so far."""
    tree = {
        "module": job.module.state_dict(),
        "phases": [_phase_state(phase) for phase in job.phases],
        "averages": averages.state(),
        "best": best.state(),
        "position": asdict(at),
        "random": random_state(generators(job.source)),
        "planned": planned.model_dump(mode="json"),
        "notes": notes,
    }
    values, tensors = pack(tree)
    data = to_bytes(tensors)
    manifest = json.dumps({"format": FORMAT, "sha256": _sums(data, values), "state": values})
    name = f"step-{at.epoch:06d}-{at.step:09d}"
    write_folder(folder / name, {"state.safetensors": data, "manifest.json": manifest.encode()})
    for old in _found(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def load(
    folder: Path, job: Job, averages: Averages, best: Best, accept: Callable[[dict], None]
) -> tuple[Position, Planned, dict, list[Notice]] | None:
    """Take up the newest sound checkpoint; None where there is none.

    Gives the position, the plans so far, `notes`, and what was odd. `accept(notes)` is called before anything is
    changed, and may raise. Module, optimizers and schedulers must all have been built before: some schedulers set rates
    while they are made. Raises TrainingError where no checkpoint is sound.
    """
    sweep(folder)
    notices = []
    for path in reversed(_found(folder)):
        try:
            tree = _read(path)
        except (ArtifactError, OSError) as error:
            notices.append(Notice(what=f"the checkpoint {path.name} is damaged and passed over: {error}"))
            continue
        accept(tree["notes"])
        job.module.load_state_dict(tree["module"])
        for phase, state in zip(job.phases, tree["phases"], strict=True):
            _load_phase(phase, state)
        averages.load(tree["averages"])
        best.load(tree["best"])
        set_random_state(tree["random"], generators(job.source))
        return Position(**tree["position"]), Planned.model_validate(tree["planned"]), tree["notes"], notices
    if notices:
        raise TrainingError(
            "None of the checkpoints can be read.",
            got="; ".join(map(str, notices)),
            wanted="one that is as it was saved",
            fix="Train again: `netwright train --config settings.toml` repeats the run.",
        )
    return None


def generators(source: Source) -> list[torch.Generator]:
    """The random streams a source draws from besides torch's own."""
    own = getattr(source, "generator", None)
    return [own] if isinstance(own, torch.Generator) else []


def _phase_state(phase: Phase) -> dict:
    parts = {"optimizer": phase.optimizer, "scheduler": phase.scheduler, "scaler": phase.scaler}
    return {name: part.state_dict() if part is not None else None for name, part in parts.items()}


def _load_phase(phase: Phase, state: dict) -> None:
    phase.optimizer.load_state_dict(state["optimizer"])
    if phase.scheduler is not None:
        phase.scheduler.load_state_dict(state["scheduler"])
    if phase.scaler is not None:
        phase.scaler.load_state_dict(state["scaler"])


def _read(path: Path) -> dict:
    manifest = strict_json((path / "manifest.json").read_bytes(), f"{path.name}/manifest.json")
    data = (path / "state.safetensors").read_bytes()
    if manifest.get("format") != FORMAT:
        raise damaged(path.name, f"a checkpoint of format {manifest.get('format')!r}, not {FORMAT}")
    if manifest.get("sha256") != _sums(data, manifest.get("state")):
        raise damaged(path.name, "a SHA-256 other than the manifest's")
    tensors = from_bytes(data, f"{path.name}/state.safetensors")
    with contextlib.suppress(KeyError, ValueError, TypeError):
        tree = unpack(manifest["state"], tensors)
        if isinstance(tree, dict):
            return tree
    raise damaged(f"{path.name}/manifest.json", "a state that can't be read")


def _sums(data: bytes, values: object) -> dict[str, str]:
    return {"state.safetensors": sha256(data), "state": sha256(json.dumps(values).encode())}


def _found(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step-*") if p.is_dir())
