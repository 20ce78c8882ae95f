"""Checkpoints: all a killed run needs to go on with the same numbers.

A checkpoint is a folder `step-<epoch>-<step>` with `state.safetensors` and `manifest.json`, written whole (see
`core.files`). The last two are kept: a newest one that is damaged falls back to the one before.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from netwright.core.errors import ArtifactError, TrainingError
from netwright.core.files import sha256, sweep, write_folder
from netwright.core.notice import Notice
from netwright.core.phase import Phase
from netwright.core.tensors import damaged, from_bytes, strict_json, to_bytes
from netwright.engine.best import Best
from netwright.engine.loop import Position
from netwright.engine.pack import pack, random_state, set_random_state, unpack

KEEP = 2
FORMAT = 1


def save(folder: Path, module: nn.Module, phases: Sequence[Phase], best: Best, at: Position, *, notes: dict) -> None:
    """Write a checkpoint. `notes` are plain values that come back from `load`, such as the time spent so far."""
    tree = {
        "module": module.state_dict(),
        "phases": [
            {"optimizer": p.optimizer.state_dict(), "scheduler": p.scheduler.state_dict() if p.scheduler else None}
            for p in phases
        ],
        "best": best.state(),
        "position": asdict(at),
        "random": random_state(),
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
    folder: Path, module: nn.Module, phases: Sequence[Phase], best: Best, accept: Callable[[dict], None]
) -> tuple[Position, dict, list[Notice]] | None:
    """Take up the newest sound checkpoint; None where there is none. Gives the position, `notes`, and what was odd.

    `accept(notes)` is called before anything is changed, and may raise. Module, optimizers and schedulers must all have
    been built before: some schedulers set rates while they are made. Raises TrainingError where no checkpoint is sound.
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
        module.load_state_dict(tree["module"])
        for phase, state in zip(phases, tree["phases"], strict=True):
            phase.optimizer.load_state_dict(state["optimizer"])
            if phase.scheduler is not None:
                phase.scheduler.load_state_dict(state["scheduler"])
        best.load(tree["best"])
        set_random_state(tree["random"])
        return Position(**tree["position"]), tree["notes"], notices
    if notices:
        raise TrainingError(
            "None of the checkpoints can be read.",
            got="; ".join(map(str, notices)),
            wanted="one that is as it was saved",
            fix="Train again: `netwright train --config settings.toml` repeats the run.",
        )
    return None


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
