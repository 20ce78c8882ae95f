"""Trains in forked children and kills them, again and again, until they reach the end; prints what came of it.

Run as a script, for torch takes seconds to import: this process imports it once, never trains itself, and forks a child
for each life. `python mortal.py FOLDER KILLS SEED` prints one JSON object.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

import netwright as nw
from netwright.core import files
from netwright.engine import loop

EPOCHS, ROWS, BATCH = 5, 50, 8
LIFE = 0.6
"""Seconds that a child may live at most where it is killed at a random moment."""


def train(folder: Path, plan: str, result: Path) -> None:
    """One life: go on from what is there, to the end if nothing happens; then write down what came out."""
    torch.set_num_threads(1)
    loop.CHUNK_SECONDS = 0.0
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    x = torch.randn(ROWS, 6)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    said: list[str] = []
    done = nw.fit(
        module,
        (x, x[:, :2] * 2),
        loss=nn.MSELoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4, 4], gamma=0.5),
        epochs=EPOCHS,
        batch_size=BATCH,
        validation=(x[:16], x[:16, :2] * 2),
        average=0.9,
        plan=plan,
        checkpoint=folder,
        checkpoint_seconds=0,
        resume=True,
        progress=False,
        watch=lambda event: said.append(str(event)),
    )
    digest = hashlib.sha256()
    for value in [*module.state_dict().values(), *optimizer.state[next(module.parameters())].values()]:
        digest.update(value.contiguous().numpy().tobytes())
    for record in done.history:
        digest.update(repr((record.epoch, record.losses, float(record.validation), record.learning_rate)).encode())
    told = {"digest": digest.hexdigest(), "best": done.best_epoch, "damaged": any("damaged" in s for s in said)}
    files.write_file(result, json.dumps(told).encode())


def child(
    folder: Path, plan: str, result: Path, mortal_at: int | None = None, chance: random.Random | None = None
) -> int:
    """Fork a life, and give its process. With `mortal_at` it kills itself at that one of its steps of writing."""
    if pid := os.fork():
        return pid
    try:
        if mortal_at is not None:
            die_writing(mortal_at, chance or random.Random(0))
        train(folder, plan, result)
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(9)


def die_writing(at: int, chance: random.Random) -> None:
    """From now on this process kills itself at this step of writing: half a file, a sync, a rename, a removal."""
    left = [at]

    def counted(function, before=None):
        def run(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                if before is not None:
                    before(*args)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return run

    def half(path: Path, data: bytes) -> None:
        path.write_bytes(data[: chance.randrange(len(data))])

    files._write_synced = counted(files._write_synced, half)
    files._sync_folder = counted(files._sync_folder)
    os.fsync = counted(os.fsync)
    os.unlink = counted(os.unlink)
    os.rmdir = counted(os.rmdir)
    Path.rename = counted(Path.rename)


def kill_at_random(pid: int, chance: random.Random) -> None:
    time.sleep(chance.uniform(0, LIFE))
    end(pid)


def kill_in_a_write(pid: int, folder: Path, chance: random.Random) -> None:
    """Wait for a file that is being written, then a moment that may be within or after that."""
    deadline, most = time.monotonic() + LIFE, chance.randrange(1, 6)
    while time.monotonic() < deadline and most:
        try:
            most -= any(path.suffix == ".part" for path in folder.iterdir())
        except FileNotFoundError:
            continue
    end(pid)


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def newest(folder: Path) -> tuple[int, ...]:
    """The numbers of the newest checkpoint in a folder."""
    names = (tuple(map(int, path.name.split("-")[1:])) for path in folder.glob("step-*"))
    return max(names, default=())


def lives(folder: Path, plan: str, kills: int, chance: random.Random) -> dict:
    """Runs, each killed until it reaches its end, until there were so many kills."""
    result = folder / "result.json"
    folder.mkdir(parents=True, exist_ok=True)
    os.waitpid(child(folder / "whole", plan, result), 0)
    whole = json.loads(result.read_text())
    told = {"whole": whole, "kills": 0, "runs": 0, "wrong": [], "how": {"moment": 0, "write": 0, "itself": 0}}
    run = folder / "run"
    while told["kills"] < kills:
        result.unlink(missing_ok=True)
        shutil.rmtree(run, ignore_errors=True)
        while not result.exists():
            seen = newest(run)
            how = chance.choice(["moment", "write", "itself"])
            pid = child(run, plan, result, chance.randrange(1, 120) if how == "itself" else None, chance)
            if how == "moment":
                kill_at_random(pid, chance)
            elif how == "write":
                kill_in_a_write(pid, run, chance)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            told["kills"] += code == -signal.SIGKILL
            told["how"][how] += code == -signal.SIGKILL
            if code not in (0, -signal.SIGKILL):
                told["wrong"].append(f"a child ended with {code}")
                return told
            if newest(run) < seen:
                told["wrong"].append(f"{seen} was there and {newest(run)} is left")
        told["runs"] += 1
        if json.loads(result.read_text()) != whole:
            told["wrong"].append(f"run {told['runs']}: {result.read_text()}")
        left = [path.name for path in run.iterdir() if not path.name.startswith("step-")]
        if left or len(list(run.iterdir())) > 2:
            told["wrong"].append(f"run {told['runs']} left {sorted(p.name for p in run.iterdir())}")
    return told


if __name__ == "__main__":
    where, number, seed, plan = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.optim.Adam([torch.zeros(1)])  # has imported what it needs before the forks, as has this:
    assert callable(nw.fit)
    print(json.dumps(lives(where, plan, number, random.Random(seed))))
