"""Checkpoints: all a killed run needs to go on with the same numbers.

A checkpoint is a folder `step-<epoch>-<step>` with `state.safetensors` and `manifest.json`, written whole (see
`core.files`). The last two are kept: a newest one that is damaged falls back to the one before.
"""

import contextlib
import json
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from netwright.core.errors import ArtifactError, TrainingError
from netwright.core.files import sha256, sweep, write_folder
from netwright.core.notice import Notice
from netwright.core.phase import Phase
from netwright.core.plan import Planned
from netwright.core.tensors import damaged, from_bytes, strict_json, to_bytes
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.job import Job, Position
from netwright.engine.outline import differences, outline
from netwright.engine.pack import pack, random_state, set_random_state, unpack

KEEP = 2
FORMAT = 3


def save(
    folder: Path,
    job: Job,
    averages: Averages,
    best: Best,
    at: Position,
    planned: Planned,
    *,
    notes: dict,
    generators: Sequence[torch.Generator] = (),
) -> None:
    """Write a checkpoint. `notes` are plain values that come back from `load`, such as the records so far.

    `generators` are the random streams in use besides torch's, Python's and NumPy's own. Raises TrainingError where the
    checkpoint can't be written; those before it are whole then.
    """
    values, tensors = packed(
        {
            "outline": outline(job),
            "module": module_state(job.module),
            "phases": [phase_state(phase) for phase in job.phases],
            "averages": averages.state(),
            "best": best.state(),
            "position": asdict(at),
            "random": random_state(generators),
            "planned": planned.values(),
            "notes": notes,
        }
    )
    data = to_bytes(tensors)
    state = json.dumps(values)
    sums = json.dumps({"state.safetensors": sha256(data), "state": sha256(state.encode())})
    manifest = f'{{"format": {FORMAT}, "sha256": {sums}, "state": {state}}}'
    here = folder / f"step-{at.epoch:06d}-{at.step:09d}"
    write_folder(here, {"state.safetensors": data, "manifest.json": manifest.encode()})
    # One with a higher number was passed over when this run was taken up: it is of no use to anyone now.
    _remove({*found(folder)} - {here, *_before(here)[1 - KEEP :]})


def load(
    folder: Path,
    job: Job,
    averages: Averages,
    best: Best,
    accept: Callable[[dict], None],
    generators: Sequence[torch.Generator] = (),
) -> tuple[Position, Planned, dict, list[Notice]] | None:
    """Take up the newest sound checkpoint; None where there is none.

    Gives the position, the plans so far, `notes`, and what was odd. `accept(notes)` is called before anything is
    changed, and may raise. Module, optimizers and schedulers must all have been built before: some schedulers set rates
    while they are made. Raises TrainingError where no checkpoint is sound, and where the newest is of a run that was
    built in another way.
    """
    sweep(folder)
    notices = []
    for path in reversed(found(folder)):
        try:
            tree = _read(path)
        except (ArtifactError, OSError) as error:
            notices.append(Notice(what=f"the checkpoint {path.name} is damaged and passed over: {error}"))
            continue
        accept(tree["notes"])
        _refuse_another(differences(tree["outline"], outline(job)))
        at, planned = Position(**tree["position"]), Planned.of(tree["planned"])
        _load_module(job.module, tree["module"])
        for phase, state in zip(job.phases, tree["phases"], strict=True):
            _load_phase(phase, state)
        averages.load(tree["averages"])
        best.load(tree["best"])
        set_random_state(tree["random"], generators)
        _remove(_before(path)[: 1 - KEEP])
        return at, planned, tree["notes"], notices
    if notices:
        raise TrainingError(
            "None of the checkpoints can be read.",
            got="; ".join(map(str, notices)),
            wanted="one that is as it was saved",
            fix="Train again, from the start: in an empty folder, or with `netwright train --config settings.toml`.",
        )
    return None


def packed(tree: dict) -> tuple[object, dict[str, Tensor]]:
    """The state as JSON values and tensors. Raises TrainingError for what no checkpoint can hold."""
    try:
        return pack(tree)
    except TypeError as error:
        raise TrainingError(
            "The state of this training can't be written down.",
            got=str(error),
            wanted="numbers, text, tensors, and lists and dicts of them in the states of module, optimizer, scheduler",
            fix="Have its state_dict() give such values only, or train without a checkpoint folder.",
        ) from None


def found(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest last. Which is newer is told by their numbers, never by a file's time."""
    return sorted((p for p in folder.glob("step-*") if _number(p) and p.is_dir()), key=_number)


def _before(here: Path) -> list[Path]:
    return [path for path in found(here.parent) if _number(path) < _number(here)]


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def _number(path: Path) -> tuple[int, ...]:
    """(epoch, step) of a checkpoint by its name; () for what is none."""
    parts = re.fullmatch(r"step-(\d+)-(\d+)", path.name)
    return tuple(map(int, parts.groups())) if parts else ()


def module_state(module: nn.Module) -> dict:
    """The module's own state, and the buffers it leaves out because they can be made anew, for they may have moved."""
    state = module.state_dict()
    return {
        "state": dict(state),
        "metadata": dict(getattr(state, "_metadata", {})),  # the versions of its parts
        "buffers": {name: b for name, b in module.named_buffers() if name not in state},
    }


@torch.no_grad()
def _load_module(module: nn.Module, kept: dict) -> None:
    state = OrderedDict(kept["state"])
    vars(state)["_metadata"] = kept["metadata"]
    module.load_state_dict(state)
    buffers = dict(module.named_buffers())
    for name, value in kept["buffers"].items():
        now = buffers.get(name)
        if now is not None and (now.shape, now.dtype) == (value.shape, value.dtype):
            now.copy_(value)
        else:  # one that grows while it is used
            owner, _, leaf = name.rpartition(".")
            device = now.device if now is not None else None
            module.get_submodule(owner).register_buffer(leaf, value.to(device), persistent=False)


def phase_state(phase: Phase) -> dict:
    """What an optimizer, its scheduler and its scaler know."""
    parts = {"optimizer": phase.optimizer, "scheduler": phase.scheduler, "scaler": phase.scaler}
    return {name: part.state_dict() if part is not None else None for name, part in parts.items()}


def _load_phase(phase: Phase, state: dict) -> None:
    rates = [group["lr"] for group in phase.optimizer.param_groups]
    phase.optimizer.load_state_dict(state["optimizer"])
    for group, rate in zip(phase.optimizer.param_groups, rates, strict=True):
        if isinstance(rate, Tensor) and isinstance(group["lr"], Tensor):
            group["lr"] = group["lr"].to(rate.device)
    if phase.scheduler is not None:
        phase.scheduler.load_state_dict(state["scheduler"])
        vars(phase.optimizer)["_opt_called"] = True  # it went first, before the cut: torch warns where it did not
    if phase.scaler is not None:
        phase.scaler.load_state_dict(state["scaler"])


def _refuse_another(different: Sequence[str]) -> None:
    if different:
        raise TrainingError(
            "The checkpoint is of a training that was built in another way.",
            got="; ".join(f"{part:.300}" for part in different[:8]) + ("; …" if len(different) > 8 else ""),
            wanted="the same module, phases, optimizers and schedulers as before",
            fix="Build them as they were, or give another folder to train anew.",
        )


def _read(path: Path) -> dict:
    manifest = strict_json((path / "manifest.json").read_bytes(), f"{path.name}/manifest.json")
    data = (path / "state.safetensors").read_bytes()
    if manifest.get("format") != FORMAT:
        raise damaged(path.name, f"a checkpoint of format {manifest.get('format')!r}, not {FORMAT}")
    sums = {"state.safetensors": sha256(data), "state": sha256(json.dumps(manifest.get("state")).encode())}
    if manifest.get("sha256") != sums:
        raise damaged(path.name, "a SHA-256 other than the manifest's")
    tensors = from_bytes(data, f"{path.name}/state.safetensors")
    with contextlib.suppress(KeyError, ValueError, TypeError):
        tree = unpack(manifest["state"], tensors)
        if isinstance(tree, dict):
            return tree
    raise damaged(f"{path.name}/manifest.json", "a state that can't be read")
