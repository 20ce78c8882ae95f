"""`nw.fit` with a checkpoint folder: stopped anywhere, it goes on to the bits it would have had."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedules
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

import netwright as nw
from netwright.api.stopping import deaf_workers
from netwright.core import files
from netwright.core.notice import Notice
from netwright.core.plan import Plan
from netwright.core.steps import EpochRecord, StepRecord

X = torch.randn(45, 4, generator=torch.Generator().manual_seed(0))
Y = X[:, :2] * 2 - 1
EPOCHS = 4


@pytest.fixture(autouse=True)
def a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.engine.loop.CHUNK_SECONDS", 0.0)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def usual(module: nn.Module) -> dict:
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    schedule = schedules.MultiStepLR(optimizer, [1, 2, 2], gamma=0.5)
    return {"loss": nn.MSELoss(), "optimizer": optimizer, "scheduler": schedule, "average": 0.9, "clip_norm": 1.0}


class Watcher:
    """Remembers what it is told, and sends a signal after so many records."""

    def __init__(self, stop_after: int | None = None, number: int = signal.SIGINT) -> None:
        self.stop_after, self.number = stop_after, number
        self.notices, self.records = [], 0
        self.losses: list[Tensor] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, Notice):
            self.notices.append(str(event))
            return
        if isinstance(event, StepRecord):
            self.losses += event.losses.values()
        self.records += 1
        if self.records == self.stop_after:
            os.kill(os.getpid(), self.number)

    def heard(self, words: str) -> bool:
        return any(words in notice for notice in self.notices)


def run(
    folder: Path | None = None,
    *,
    stop_after: int | None = None,
    make: Callable[[nn.Module], dict] = usual,
    data: Callable[[], object] = lambda: (X, Y),
    seed: int = 3,
    **options: object,
) -> tuple[nw.Fit | None, nn.Module, Watcher]:
    """A training as a script would do it; None for the Fit of one that was stopped."""
    torch.manual_seed(seed)
    module = net()
    watch = Watcher(stop_after)
    given = {"epochs": EPOCHS, "batch_size": 8, "validation": (X[:9], Y[:9]), "plan": "eager", "progress": False}
    if folder is not None:
        given |= {"checkpoint": folder, "checkpoint_seconds": 0, "resume": True}
    given |= make(module) | options
    try:
        return nw.fit(module, data(), watch=watch, **given), module, watch
    except KeyboardInterrupt:
        assert stop_after is not None
        return None, module, watch


def told(fit: nw.Fit) -> list:
    return [(r.epoch, r.losses, str(r.validation), r.metrics, r.learning_rate, r.rows) for r in fit.history]


def same(whole: tuple, again: tuple) -> None:
    """The second run, resumed, came to what the first came to."""
    (a, module, watched), (b, other, later) = whole, again
    assert a is not None and b is not None
    assert told(a) == told(b) and a.best_epoch == b.best_epoch
    states = module.state_dict(), other.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    cut = len(watched.losses) - len(later.losses)
    assert cut >= 0 and all(map(torch.equal, watched.losses[cut:], later.losses))


def cut_and_gone_on(folder: Path, records: int, **options: object) -> None:
    whole = run(**options)
    stopped, _, _ = run(folder, stop_after=records, **options)
    assert stopped is None
    torch.rand(7), np.random.rand(3)
    again = run(folder, **options | {"seed": 11})
    assert again[2].heard("going on from epoch") and not again[2].heard("damaged")
    same(whole, again)


@pytest.mark.parametrize("records", [1, 4, 6, 7, 12, 27])
@pytest.mark.parametrize("plan", ["eager", "traced"])
def test_stopped_anywhere_it_goes_on_to_the_same_bits(tmp_path: Path, records: int, plan: str):
    cut_and_gone_on(tmp_path, records, plan=plan)


@pytest.mark.parametrize("records", [1, 2, 3, 5])
def test_with_accumulation_it_stands_between_updates(tmp_path: Path, records: int):
    cut_and_gone_on(tmp_path, records, accumulate=4)


def scaled(module: nn.Module) -> dict:
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=3)
    loss = lambda module, batch: nn.functional.mse_loss(module(batch[0]), batch[1])  # noqa: E731
    return {"phases": [nw.Phase(name="only", loss=loss, optimizer=optimizer, scaler=scaler, average=0.8)]}


def by_turns(module: nn.Module) -> dict:
    """Two phases that share a draw, one of them at every second step."""
    first, last = torch.optim.AdamW(module[0].parameters()), torch.optim.RMSprop(module[4].parameters(), lr=0.01)

    def loss(module: nn.Module, batch: tuple, shared: Tensor) -> Tensor:
        return (module(batch[0] + shared) - batch[1]).square().mean()

    phases = [
        nw.Phase(name="first", loss=loss, optimizer=first, average=0.9),
        nw.Phase(name="last", loss=loss, optimizer=last, every=2, scheduler=schedules.ExponentialLR(last, 0.9)),
    ]
    return {"phases": phases, "share": lambda module, batch: 0.1 * torch.randn_like(batch[0])}


@pytest.mark.parametrize("make", [scaled, by_turns])
@pytest.mark.parametrize("records", [3, 7, 12])
def test_a_scaler_and_phases_by_turns(tmp_path: Path, make: Callable, records: int):
    cut_and_gone_on(tmp_path, records, make=make)


def own_generator() -> DataLoader:
    return DataLoader(TensorDataset(X, Y), batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(4))


def weighted() -> DataLoader:
    sampler = WeightedRandomSampler(torch.arange(1.0, 46.0), 45)
    return DataLoader(TensorDataset(X, Y), batch_size=8, sampler=sampler)


def weighted_by_its_own() -> DataLoader:
    sampler = WeightedRandomSampler(torch.arange(1.0, 46.0), 45, generator=torch.Generator().manual_seed(6))
    return DataLoader(TensorDataset(X, Y), batch_size=8, sampler=sampler)


class Noisy(TensorDataset):
    """Rows with noise from three streams."""

    def __getitem__(self, index: int) -> tuple:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(4) + 0.1 * torch.from_numpy(np.random.rand(4)).float(), y


def noisy() -> DataLoader:
    np.random.seed(2)
    return DataLoader(Noisy(X, Y), batch_size=8, shuffle=True)


@pytest.mark.parametrize("data", [own_generator, weighted, weighted_by_its_own, noisy])
@pytest.mark.parametrize("records", [3, 6, 7, 17])
def test_a_loaders_own_streams_go_on(tmp_path: Path, data: Callable, records: int):
    cut_and_gone_on(tmp_path, records, data=data)


def test_stopped_many_times(tmp_path: Path):
    whole = run()
    for records in (3, 5, 1, 9, 2):
        run(tmp_path, stop_after=records, seed=records)
    again = run(tmp_path, seed=50)
    same(whole, again)
    assert again[2].heard("going on from epoch 3, after its last step")


def test_early_stopping_goes_on_waiting(tmp_path: Path):
    options = {"epochs": 60, "patience": 3, "make": lambda m: usual(m) | {"average": None}}
    whole = run(**options)
    assert whole[0] is not None and "no better" in whole[0].ended and len(whole[0].history) > 4
    cut = 7 * (len(whole[0].history) - 2)
    run(tmp_path, stop_after=cut, **options)
    again = run(tmp_path, seed=9, **options)
    same(whole, again)
    finished = run(tmp_path, seed=10, **options)
    same(whole, finished)
    assert finished[0] is not None and finished[0].ended == whole[0].ended and not finished[2].losses


class Odd(nn.Module):
    """A buffer that is no part of the state, and one that grows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.register_buffer("count", torch.zeros(()), persistent=False)
        self.register_buffer("seen", torch.zeros(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.count += 1
            self.seen = torch.cat([self.seen, x.detach().mean()[None]])
        return self.linear(x) / (1 + 0.1 * self.count) + self.seen.sum()


@pytest.mark.parametrize("records", [4, 9])
def test_buffers_that_are_no_part_of_the_state_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: int):
    monkeypatch.setattr(sys.modules[__name__], "net", Odd)
    cut_and_gone_on(tmp_path, records, make=lambda m: {"loss": nn.MSELoss(), "optimizer": "sgd", "learning_rate": 0.01})


def images(module: nn.Module) -> dict:
    return {"loss": nn.MSELoss(), "optimizer": torch.optim.Adam(module.parameters(), lr=0.01)}


@pytest.mark.parametrize("plan", ["eager", Plan(fused=True)])
def test_weights_that_lie_in_another_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: object):
    def pictures() -> nn.Module:
        module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(20, 2))
        return module.to(memory_format=torch.channels_last)

    monkeypatch.setattr(sys.modules[__name__], "net", pictures)
    data = torch.randn(20, 3, 4, 4, generator=torch.Generator().manual_seed(1)), Y[:20]
    cut_and_gone_on(tmp_path, 4, make=images, data=lambda: data, plan=plan, validation=None)


def test_a_finished_run_comes_back_at_once(tmp_path: Path):
    whole = run(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = run(tmp_path, seed=8)
    same(whole, again)
    assert again[2].heard("all 4 epochs were run before")
    assert not again[2].losses and again[0] is not None and again[0].ended == "all 4 epochs were run"
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_more_epochs_may_follow(tmp_path: Path):
    whole = run(epochs=6)
    run(tmp_path, epochs=3)
    again = run(tmp_path, epochs=6, seed=8)
    same(whole, again)
    assert again[2].heard("epochs 3 then, 6 now")


def test_nothing_there_is_a_start(tmp_path: Path):
    same(run(), run(tmp_path / "deep" / "er"))
    assert [p.name for p in sorted((tmp_path / "deep" / "er").iterdir())] == [
        "step-000003-000000006",
        "step-000004-000000000",
    ]


def test_last_is_by_number_and_numbers_may_grow_long(tmp_path: Path):
    run(tmp_path, stop_after=9)
    newest = tmp_path / "step-000001-000000002"
    long = tmp_path / "step-1000001-0000000000002"
    newest.rename(long)
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        os.utime(path, (number, number))
    os.utime(long, (0, 0))
    again = run(tmp_path, seed=8)
    assert again[2].heard("going on from epoch 2, step 3")
    assert not long.exists()


def test_a_damaged_newest_is_passed_over_and_goes(tmp_path: Path):
    whole = run()
    run(tmp_path, stop_after=12)
    newest = max(tmp_path.iterdir())
    data = bytearray((newest / "state.safetensors").read_bytes())
    data[-3] ^= 4
    (newest / "state.safetensors").write_bytes(data)
    stopped = run(tmp_path, stop_after=2, seed=4)
    assert stopped[2].heard(f"the checkpoint {newest.name} is damaged and passed over")
    same(whole, run(tmp_path, seed=8))


def test_what_killed_writers_left_is_swept(tmp_path: Path):
    run(tmp_path, stop_after=3)
    (tmp_path / ".step-000009-000000000.123.part").mkdir()
    (tmp_path / ".step-000009-000000000.123.part" / "state.safetensors").write_bytes(b"half")
    (tmp_path / ".lock").write_text("")
    run(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def refused(folder: Path, kind: type[Exception], words: str, **options: object) -> Exception:
    """A resume is refused, and the module is as it was."""
    torch.manual_seed(5)
    module = options.pop("net", net)()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    make = options.pop("make", usual)
    data = options.pop("data", (X, Y))
    given = {"epochs": EPOCHS, "batch_size": 8, "plan": "eager", "progress": False} | make(module) | options
    with pytest.raises(kind, match=words) as error:
        nw.fit(module, data, checkpoint=folder, resume=True, watch=lambda event: None, **given)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    return error.value


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints of the usual run."""
    folder = tmp_path_factory.mktemp("stopped")
    run(folder, stop_after=9)
    return folder


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": (X + 1, Y)}, r"data \(SHA-256\)"),
        ({"data": (X[:40], Y[:40])}, "batches in an epoch 6 then, 5 now"),
        ({"batch_size": 9}, "batch_size 8 then, 9 now"),
        ({"accumulate": 2}, "accumulate 1 then, 2 now"),
        ({"shuffle": False}, "shuffle True then, False now"),
    ],
)
def test_other_data_or_another_cut_is_refused(stopped: Path, options: dict, words: str):
    refused(stopped, nw.TrainingError, words, **options)


def otherwise(**changed: object) -> Callable[[nn.Module], dict]:
    return lambda module: usual(module) | changed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"make": otherwise(optimizer="sgd", scheduler=None)}, "was Adam over .* and is SGD over"),
        ({"make": otherwise(scheduler=None)}, "scheduler of phase 'loss' was MultiStepLR and is none"),
        ({"make": otherwise(average=None)}, "moving average of phase 'loss' was there and is none"),
        ({"make": by_turns}, "the phases was loss and is first, last"),
        ({"make": scaled}, "scaler"),
        ({"net": lambda: nn.Sequential(nn.Linear(4, 2))}, r"0.weight was float32 \(8, 4\) and is float32 \(2, 4\)"),
        ({"net": lambda: net().double(), "data": (X.double(), Y.double())}, "."),
        ({"net": lambda: nn.Sequential(net(), nn.Linear(2, 2))}, "is not there"),
    ],
)
def test_a_training_built_in_another_way_is_refused(stopped: Path, options: dict, words: str):
    refused(stopped, nw.TrainingError, words, **options)


def test_other_settings_are_told_and_it_goes_on(tmp_path: Path, stopped: Path):
    folder = tmp_path / "copy"
    shutil.copytree(stopped, folder)

    def slower(module: nn.Module) -> dict:
        optimizer = torch.optim.Adam(module.parameters(), lr=0.5)
        return usual(module) | {
            "optimizer": optimizer,
            "scheduler": schedules.MultiStepLR(optimizer, [1, 2, 2], gamma=0.5),
            "clip_norm": 2.0,
        }

    fit, _, watch = run(folder, make=slower)
    assert fit is not None and fit.history[-1].learning_rate < 0.02
    assert watch.heard("lr of phase 'loss', group 0 0.02 then, 0.5 now") and watch.heard(
        "clip_norm of phase 'loss' 1.0"
    )
    assert watch.heard("go on as they were")


def test_another_build_or_thread_count_is_told_and_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 3)
        patch.setattr(torch, "__version__", "2.11.0")
        run(tmp_path, stop_after=4)
    fit, _, watch = run(tmp_path)
    assert fit is not None and len(fit.history) == EPOCHS
    assert watch.heard("the numbers may differ in the last bits: build 2.11.0 then") and watch.heard(
        "threads 3 then, 1"
    )


def test_one_cycle_ends_with_its_run(tmp_path: Path):
    cycle = otherwise(scheduler="one-cycle", optimizer="adam")
    run(tmp_path, stop_after=9, make=cycle)
    error = refused(tmp_path, nw.TrainingError, "one-cycle schedule ends", make=cycle, epochs=5)
    assert "epochs=4" in error.fix
    assert run(tmp_path, make=cycle)[0] is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resume": True}, "There is no checkpoint folder"),
        ({"checkpoint_seconds": 3}, "There is no checkpoint folder"),
        ({"checkpoint": "x", "checkpoint_seconds": -1}, "must be a number of seconds"),
        ({"checkpoint": "x", "checkpoint_seconds": float("nan")}, "must be a number of seconds"),
        ({"checkpoint": "x", "checkpoint_seconds": True}, "must be a number of seconds"),
    ],
)
def test_options_that_do_not_go_together(options: dict, words: str):
    with pytest.raises(nw.InputError, match=words):
        nw.fit(net(), (X, Y), loss=nn.MSELoss(), epochs=1, **options)


def test_a_folder_with_something_in_it_is_not_begun_in(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(nw.InputError, match="not empty") as error:
        run(tmp_path, resume=False)
    assert "resume=True" in error.value.fix
    assert run(tmp_path)[0] is not None and (tmp_path / "mine.txt").exists()


def failing(number: int, after: int) -> Callable:
    """A write that fails with this error from that one on."""
    real, left = files._write_synced, [after]

    def write(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            path.write_bytes(data[:10])
            raise OSError(number, os.strerror(number))
        real(path, data)

    return write


@pytest.mark.parametrize("after", [0, 1, 16, 17])
def test_a_full_disk_stops_with_the_module_trained_and_the_last_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
):
    whole = run()
    torch.manual_seed(3)
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    given = {"epochs": EPOCHS, "batch_size": 8, "plan": "eager", "progress": False, "validation": (X[:9], Y[:9])}
    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_synced", failing(errno.ENOSPC, after))
        with pytest.raises(nw.TrainingError, match=r"The disk is full\. What was saved before is whole") as error:
            nw.fit(module, (X, Y), checkpoint=tmp_path, checkpoint_seconds=0, resume=True, **usual(module), **given)
    assert "bytes written" in error.value.wanted and int(error.value.wanted.split()[0].replace(",", "")) > 5000
    assert "Free at least" in error.value.fix and "resume=True" in error.value.fix
    assert any(not torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert len(list(tmp_path.iterdir())) == min(2, after // 2), "nothing half written is left"
    same(whole, run(tmp_path, seed=9 if after > 1 else 3))


def test_a_folder_that_cannot_be_written_to_is_an_error_before_the_first_step(tmp_path: Path):
    """In a child that is nobody, for an administrator may write anywhere."""
    tmp_path.chmod(0o700)
    reachable = Path(tempfile.mkdtemp())
    reachable.chmod(0o755)
    locked = reachable / "locked"
    locked.mkdir(mode=0o555)
    program = """
import os, sys
import torch, torch._dynamo
import netwright as nw
from torch import nn
nw.fit
if os.geteuid() == 0:
    os.seteuid(65534)
module = nn.Linear(2, 1)
before = module.weight.clone()
for folder in sys.argv[1:]:
    try:
        nw.fit(module, (torch.ones(4, 2), torch.ones(4, 1)), loss=nn.MSELoss(), optimizer="sgd", epochs=3,
               checkpoint=folder, progress=False)
    except nw.TrainingError as error:
        assert torch.equal(module.weight, before)
        print(error)
"""
    folders = [str(locked), str(locked / "new"), str(tmp_path / "hidden")]
    done = subprocess.run(
        [sys.executable, "-c", program, *folders], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stdout.count("A file could not be written") == 3, done.stdout + done.stderr
    assert done.stdout.count("checkpoint= of nw.fit") == 3 and all(folder in done.stdout for folder in folders)
    shutil.rmtree(reachable)


class Strange(torch.optim.SGD):
    """Keeps something that no file can hold."""

    def step(self, closure: object = None) -> None:
        super().step(closure)
        self.state["made"] = {"by": object()}


def test_a_state_that_no_checkpoint_can_hold_is_told(tmp_path: Path):
    def late(module: nn.Module) -> dict:
        return {"loss": nn.MSELoss(), "optimizer": Strange(module.parameters(), lr=0.1)}

    def early(module: nn.Module) -> dict:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        schedule = schedules.LambdaLR(optimizer, Keeping())
        return {"loss": nn.MSELoss(), "optimizer": optimizer, "scheduler": schedule}

    with pytest.raises(nw.TrainingError, match="can't be written down") as error:
        run(tmp_path / "late", make=late)
    assert "object" in error.value.got
    refused(tmp_path / "early", nw.TrainingError, "can't be written down", make=early)


class Keeping:
    """A schedule that keeps a module."""

    def __init__(self) -> None:
        self.kept = nn.Linear(1, 1)

    def __call__(self, step: int) -> float:
        return 1.0


SCRIPT = """
import sys, torch
from torch import nn
import netwright as nw
torch.manual_seed(0)
x = torch.randn(64, 3)
module = nn.Linear(3, 1)
def slow(module, batch):
    print("step", flush=True)
    if sys.argv[2] == "hang":
        import time
        for _ in range(200):
            time.sleep(0.05)
    return (module(batch[0]) - batch[1]).square().mean()
nw.fit(module, (x, x[:, :1]), loss=slow, optimizer="sgd", epochs=100_000, checkpoint=sys.argv[1], resume=True,
       progress=False, plan="eager", watch=lambda event: None)
"""


def started(folder: Path, how: str = "run") -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "step\n"
    return process


def ended(process: subprocess.Popen) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_sigterm_and_ctrl_c_save_and_end_with_143_and_130_and_one_process_is_alone(tmp_path: Path):
    process = started(tmp_path)
    with pytest.raises(nw.TrainingError, match="Another process is training") as error:
        run(tmp_path)
    assert f"process {process.pid} on" in error.value.got and "remove" not in error.value.fix
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143
    (saved,) = tmp_path.iterdir()
    again = started(tmp_path)
    again.send_signal(signal.SIGINT)
    code, said = ended(again)
    # Python ends a process that KeyboardInterrupt leaves by the signal itself, which a shell shows as 130.
    assert code == -signal.SIGINT and "KeyboardInterrupt" in said
    assert max(tmp_path.iterdir()).name > saved.name


LOADING = """
import sys, time, torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
import netwright as nw
class Slow(Dataset):
    def __len__(self):
        return 10_000
    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.ones(3), torch.ones(1)
seen = []
def watch(event):
    seen.append(event)
    if len(seen) == 2:
        print("step", flush=True)
torch.set_num_threads(1)
loader = DataLoader(Slow(), batch_size=8, num_workers=1, multiprocessing_context="fork", persistent_workers=True)
nw.fit(nn.Linear(3, 1), loader, loss=nn.MSELoss(), optimizer="sgd", epochs=9, checkpoint=sys.argv[1], progress=False,
       plan="eager", watch=watch)
"""


def test_a_signal_to_the_whole_group_does_not_take_the_workers_away(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", LOADING, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "step\n"
    os.killpg(process.pid, signal.SIGTERM)
    code, said = ended(process)
    assert code == 143 and "Error" not in said, said
    assert len(list(tmp_path.iterdir())) == 1


def test_workers_are_deaf_only_while_training_and_keep_what_they_begin_with(monkeypatch: pytest.MonkeyPatch):
    begun: list[int] = []
    monkeypatch.delattr(signal, "sigwaitinfo")
    loader = DataLoader(TensorDataset(X), num_workers=1, worker_init_fn=begun.append)
    before = signal.getsignal(signal.SIGINT)
    try:
        with deaf_workers(loader, None, 0.1, DataLoader(TensorDataset(X))):
            loader.worker_init_fn(3)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun == [3] and loader.worker_init_fn == begun.append


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_leaves_at_once(tmp_path: Path, number: int, code: int):
    process = started(tmp_path, "hang")
    began = time.monotonic()
    process.send_signal(number)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(number)
    assert ended(process)[0] == code and time.monotonic() - began < 5


def mortal(folder: Path, kills: int, plan: str) -> None:
    script = Path(__file__).with_name("mortal.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(kills), "1", plan], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == [] and not told["whole"]["damaged"]
    assert told["kills"] >= kills and told["runs"] >= 1 and all(told["how"].values()), told


def test_killed_thirty_times_nothing_is_lost(tmp_path: Path):
    mortal(tmp_path, 30, "eager")


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["eager", "traced"])
def test_killed_three_hundred_times_nothing_is_lost(tmp_path: Path, plan: str):
    mortal(tmp_path, 300, plan)


def test_records_of_epochs_come_once(tmp_path: Path):
    """Cut between the last step of an epoch and its record, the record still comes, and only once."""
    seen: list[int] = []
    torch.manual_seed(3)
    for stop_after in (6, None):
        module, watch = net(), Watcher(stop_after)

        def both(event: object, watch: Watcher = watch) -> None:
            if isinstance(event, EpochRecord):
                seen.append(event.epoch)
            watch(event)

        given = {"epochs": 2, "batch_size": 8, "plan": "eager", "progress": False, **usual(module)}
        try:
            nw.fit(module, (X, Y), checkpoint=tmp_path, checkpoint_seconds=0, resume=True, watch=both, **given)
        except KeyboardInterrupt:
            assert seen == []
    assert seen == [0, 1]
