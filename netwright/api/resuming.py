"""What a training that is resumed is held against: what must be as it was, what may change and is told."""

import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from netwright.core import trees
from netwright.core.errors import InputError
from netwright.core.files import disk_error
from netwright.core.lock import NAME
from netwright.data.feeds.feed import Feed
from netwright.data.feeds.resident import Resident
from netwright.engine.job import Job


def folder_for(checkpoint: str | os.PathLike[str] | None, seconds: float | None, *, resume: bool) -> Path | None:
    """The folder for checkpoints, where one is wanted. Raises InputError for options that don't go together."""
    if checkpoint is None:
        if resume or seconds is not None:
            raise InputError(
                "There is no checkpoint folder.",
                got=f"resume={resume}, checkpoint_seconds={seconds}, and no checkpoint",
                wanted="the folder that checkpoints are in, or will be",
                fix='Give checkpoint="runs/mine", for example.',
            )
        return None
    if seconds is not None and (isinstance(seconds, bool) or not 0 <= seconds < math.inf):
        raise InputError(
            "checkpoint_seconds must be a number of seconds.",
            got=f"checkpoint_seconds={seconds!r}",
            wanted="0 or more; 0 saves as often as there is a record",
            fix="Give checkpoint_seconds=60, for example, or leave it out.",
        )
    folder = Path(checkpoint)
    if not resume and _filled(folder):
        raise InputError(
            "The checkpoint folder is not empty.",
            got=str(folder),
            wanted="a new or empty folder, or resume=True",
            fix="Give resume=True to go on from what is there, or another folder.",
        )
    return folder


def _filled(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(path.name != NAME for path in folder.iterdir())
    except OSError as error:
        raise disk_error(error, folder, 0) from error


def fingerprint(source: Feed, **settings: object) -> dict[str, str]:
    """What a checkpoint must not be mixed up with: the data, as far as it is at hand, and how it is cut."""
    found = {name: str(value) for name, value in settings.items()}
    found |= {"kind of data": type(source).__name__, "batches in an epoch": str(source.steps)}
    if isinstance(source, Resident):
        digest = hashlib.sha256()
        for tensor in trees.leaves(source.data):
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        found |= {"batch_size": str(source.batch_size), "shuffle": str(source.shuffle)}
        found["data (SHA-256)"] = digest.hexdigest()[:16]
    return found


def generators_of(*sources: Any) -> list[torch.Generator]:
    """The random streams of their own that data sources draw from."""
    found: dict[int, torch.Generator] = {}
    for source in sources:
        owners = [source]
        if isinstance(source, DataLoader):
            batches = source.batch_sampler
            owners += [source.sampler, batches, getattr(batches, "sampler", None), source.dataset]
        streams = (getattr(owner, "generator", None) for owner in owners)
        found |= {id(stream): stream for stream in streams if isinstance(stream, torch.Generator)}
    return list(found.values())


def options(job: Job, **settings: object) -> dict[str, str]:
    """The settings that may change from one part of a run to the next, by name, as they were given."""
    found = {name: str(value) for name, value in settings.items()}
    for phase in job.phases:
        for name in ("scheduler_steps", "clip_norm", "every", "average"):
            found[f"{name} of phase {phase.name!r}"] = str(getattr(phase, name))
        for number, group in enumerate(phase.optimizer.param_groups):
            own = {name: value for name, value in group.items() if name != "params"}
            found |= {f"{name} of phase {phase.name!r}, group {number}": str(value) for name, value in own.items()}
    return found


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is another now, in words."""
    return [
        f"{name} {then.get(name, 'not given')} then, {now.get(name, 'not given')} now"
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]


def surroundings(job: Job) -> dict[str, str]:
    """What the last bits of the numbers depend on."""
    device = next((p.device for p in job.module.parameters()), torch.device("cpu"))
    chip = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {
        "build": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "device": f"{device.type} ({chip})",
    }
