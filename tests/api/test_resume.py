"""A run that is stopped or killed, at any moment, goes on to the numbers it would have had."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import netwright as nw
from netwright.api import session
from netwright.api.stopping import Stop, listening
from netwright.core import files
from netwright.core.steps import EpochRecord, StepRecord

SETTINGS = {"target": "price", "exclude": "paid", "config": {"epochs": 12, "members": 2, "patience": 50}}
PROGRAM = """
import sys
import netwright as nw
from netwright.api import session
session.CHECKPOINT_SECONDS = 0.0
source, output, how = sys.argv[1:]
config = {"epochs": 12, "members": 2, "patience": 50}
if how == "train":
    nw.train(source, target="price", exclude="paid", config=config, output=output)
else:
    nw.resume(output)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.api.conftest import make_columns

    path = tmp_path_factory.mktemp("data") / "rows.csv"
    columns = make_columns()
    lines = [",".join(columns)]
    lines += [",".join("" if v is None else str(v) for v in row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of the run that nothing disturbs."""
    run = nw.train(source, output=tmp_path_factory.mktemp("runs") / "whole", **SETTINGS)
    return (run.path / "model" / "model.safetensors").read_bytes()


def stop_after(records: int) -> tuple[list, object]:
    """A watcher that sends this process Ctrl-C after so many records."""
    seen: list = []

    def watch(event: object) -> None:
        if isinstance(event, StepRecord | EpochRecord):
            seen.append(event)
            if len(seen) == records:
                os.kill(os.getpid(), signal.SIGINT)

    return seen, watch


@pytest.mark.parametrize("records", [1, 2, 7, 16])
def test_ctrl_c_keeps_the_best_and_resume_reaches_the_same_bits(
    records: int, source: Path, whole: bytes, tmp_path: Path
):
    _, watch = stop_after(records)
    run = nw.train(source, output=tmp_path / "run", watch=watch, **SETTINGS)
    assert run.exit_code == 130 and run.ended == "stopped by SIGINT"
    assert nw.load(run.path).predict(source).shape == (240,)
    assert (run.path / "report.html").exists()
    said: list = []
    again = nw.resume(run.path, watch=said.append)
    assert any("going on from epoch" in str(event) for event in said)
    assert (run.path / "model" / "model.safetensors").read_bytes() == whole
    assert len(again.history) == 12 and [r.epoch for r in again.history] == list(range(12))
    with pytest.raises(nw.InputError, match="finished"):
        nw.resume(run.path)


def test_a_stop_in_the_middle_of_an_epoch(source: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.engine.loop.CHUNK_SECONDS", 0.0)
    seen, watch = stop_after(5)
    run = nw.train(source, output=tmp_path / "run", watch=watch, **SETTINGS)
    assert isinstance(seen[-1], StepRecord) and seen[-1].step < seen[-1].steps
    said: list = []
    nw.resume(run.path, watch=said.append)
    assert any(f"going on from epoch 1, step {seen[-1].step + 1}" in str(event) for event in said)
    assert (run.path / "model" / "model.safetensors").read_bytes() == whole


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_process_killed_at_random_moments_loses_nothing(rounds: int, source: Path, whole: bytes, tmp_path: Path):
    chance = random.Random(rounds)
    folder, how, killed = tmp_path / "run", "train", 0
    for _ in range(rounds):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(source), str(folder), how])
        deadline = time.monotonic() + 60
        while not list(folder.glob("checkpoints/step-*")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += process.returncode == -signal.SIGKILL
        how = "resume" if (folder / "settings.toml").exists() else "train"
        if (folder / "metrics.json").exists() and not (folder / "checkpoints").exists():
            break
    assert killed >= 1
    if (folder / "checkpoints").exists() or not (folder / "model").exists():
        nw.resume(folder)
    assert (folder / "model" / "model.safetensors").read_bytes() == whole


def test_sigterm_ends_with_143(source: Path, tmp_path: Path):
    def watch(event: object) -> None:
        if isinstance(event, EpochRecord) and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    run = nw.train(source, output=tmp_path / "run", watch=watch, **SETTINGS)
    assert run.exit_code == 143 and (run.path / "checkpoints").exists()


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    source: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    _, watch = stop_after(9)
    run = nw.train(source, output=tmp_path / "run", watch=watch, **SETTINGS)
    older, newest = sorted((run.path / "checkpoints").glob("step-*"))
    data = bytearray((newest / "state.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (newest / "state.safetensors").write_bytes(data)
    said: list = []
    nw.resume(run.path, watch=said.append)
    assert any(newest.name in str(event) and "damaged" in str(event) for event in said)
    assert (run.path / "model" / "model.safetensors").read_bytes() == whole
    assert older.name != newest.name


def test_other_data_is_refused(source: Path, tmp_path: Path):
    copy = tmp_path / "rows.csv"
    copy.write_text(source.read_text())
    _, watch = stop_after(3)
    run = nw.train(copy, output=tmp_path / "run", watch=watch, **SETTINGS)
    copy.write_text(copy.read_text().replace("Rome", "Oslo"))
    with pytest.raises(nw.TrainingError, match="not what the checkpoint was trained on"):
        nw.resume(run.path)


def test_data_from_memory_must_be_given_again(columns, tmp_path: Path):
    _, watch = stop_after(3)
    run = nw.train(columns, output=tmp_path / "run", watch=watch, **SETTINGS)
    with pytest.raises(nw.InputError, match="must be given again"):
        nw.resume(run.path)
    assert nw.resume(run.path, columns).exit_code == 0


def test_when_every_checkpoint_is_damaged(source: Path, tmp_path: Path):
    _, watch = stop_after(3)
    run = nw.train(source, output=tmp_path / "run", watch=watch, **SETTINGS)
    for path in (run.path / "checkpoints").glob("step-*/manifest.json"):
        path.write_text("{}")
    with pytest.raises(nw.TrainingError, match="None of the checkpoints"):
        nw.resume(run.path)


def test_a_run_folder_is_one_processs_own(source: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A second one is refused, be it a resume or a new run by force, and does the first no harm."""
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    errors: list[str] = []

    def watch(event: object) -> None:
        if isinstance(event, EpochRecord) and event.epoch == 2:
            for second in (lambda: nw.resume(path), lambda: nw.train(source, output=path, force=True, **SETTINGS)):
                with pytest.raises(nw.TrainingError, match="Another process is training") as error:
                    second()
                errors.append(error.value.got)

    path = tmp_path / "run"
    run = nw.train(source, output=path, watch=watch, **SETTINGS)
    assert len(errors) == 2 and f"process {os.getpid()}" in errors[0]
    assert (run.path / "model" / "model.safetensors").read_bytes() == whole
    assert not (path / ".lock").exists()


def test_a_full_disk_says_how_to_go_on(source: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    real, count = files._write_synced, iter(range(1000))

    def full(path: Path, data: bytes) -> None:
        if next(count) > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_synced", full)
        with pytest.raises(nw.TrainingError, match="The disk is full") as error:
            nw.train(source, output=tmp_path / "run", **SETTINGS)
    assert "netwright resume" in error.value.fix
    run = nw.resume(tmp_path / "run")
    assert (run.path / "model" / "model.safetensors").read_bytes() == whole


def test_what_is_no_run(tmp_path: Path):
    with pytest.raises(nw.InputError, match="no run to resume"):
        nw.resume(tmp_path)


def test_the_time_limit_is_kept_and_can_be_gone_on_from(source: Path, tmp_path: Path):
    began = time.monotonic()
    settings = SETTINGS | {"config": {"epochs": 100_000, "patience": 100_000}}
    run = nw.train(source, output=tmp_path / "run", time_limit=3, **settings)
    assert time.monotonic() - began < 4.5
    assert run.ended == "the time limit was reached" and run.exit_code == 0
    assert (run.path / "checkpoints").exists() and np.isfinite(run.figures["R²"])


def test_signals_are_as_before_after_listening_and_threads_may_listen():
    import threading

    before = signal.getsignal(signal.SIGINT)
    stop = Stop()
    with listening(stop):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.exit_code == 130
    assert signal.getsignal(signal.SIGINT) is before
    done = []

    def elsewhere() -> None:
        with listening(Stop()) as inner:
            done.append(inner.exit_code)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == [0]
