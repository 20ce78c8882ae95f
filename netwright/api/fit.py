"""`nw.fit`: the training loop for anybody's module, in the order in which it happens."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netwright.api.arguments import (
    refuse_module,
    refuse_numbers,
    refuse_phases,
    refuse_plateau,
    refuse_precision,
    refuse_unseen,
)
from netwright.api.forms import call, on_batches, takes_batch
from netwright.api.measuring import Metric, metrics_for, validating
from netwright.api.recipes import optimizer_for, scheduler_for
from netwright.api.resuming import fingerprint, folder_for, generators_of
from netwright.api.session import Session, Watch
from netwright.api.stopping import Stop, deaf_workers, listening
from netwright.api.telling import Telling
from netwright.core import devices
from netwright.core.errors import InputError, NetwrightError, TrainingError
from netwright.core.lock import locked
from netwright.core.notice import Notice
from netwright.core.phase import Phase, Share
from netwright.core.plan import NAMED, Plan, Planned
from netwright.core.steps import EpochRecord
from netwright.data.feeds.feed import Feed, feed
from netwright.data.feeds.resident import Resident
from netwright.data.feeds.split import split
from netwright.doctor.examine import examine
from netwright.doctor.example import Example
from netwright.doctor.not_finite import locate
from netwright.engine.averages import Averages
from netwright.engine.job import Job
from netwright.engine.planner import Planner
from netwright.engine.recording import Refused
from netwright.engine.surroundings import kept_outside
from netwright.engine.update import NotFinite


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a training gave beside the module, which was trained in place."""

    history: tuple[EpochRecord, ...]
    """One record an epoch."""
    losses: Mapping[str, Tensor]
    """By phase: the loss of each update of this call, float64 on the CPU."""
    plan: Planned
    """How the steps were run, and why. Given back as `plan=`, it repeats the bits."""
    best_epoch: int
    """The epoch, from 0, whose weights the module has; −1 where nothing validated and it has the last ones."""
    ended: str
    """Why training ended, in words."""
    notices: tuple[Notice, ...] = ()

    def __str__(self) -> str:
        lines = [f"{len(self.history)} epochs; {self.ended}."]
        if self.history:
            last = self.history[self.best_epoch]
            figures = {**last.losses, **last.metrics}
            if last.validation is not None:
                figures["validation"] = float(last.validation.mean())
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            lines.append(f"epoch {last.epoch + 1}{' (the best)' if self.best_epoch >= 0 else ''}: {shown}")
        return "\n".join([*lines, str(self.plan)])


def fit(
    model: nn.Module,
    data: Any,
    *,
    loss: Callable[..., Any] | None = None,
    optimizer: Optimizer | Callable[..., Optimizer] | str | None = None,
    epochs: int,
    batch_size: int = 32,
    learning_rate: float | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
    validation: Any = None,
    metrics: Mapping[str, Metric] | Sequence[str] | str | None = None,
    scheduler: Any = None,
    scheduler_steps: Literal["update", "epoch"] | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    average: float | None = None,
    patience: int | None = None,
    phases: Sequence[Phase] | None = None,
    share: Share | None = None,
    device: str = "auto",
    plan: str | Plan | Planned = "auto",
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Watch | None = None,
) -> Fit:
    """Train `model` in place, with the numbers of the loop you would have written.

    `data` is (input, target): tensors or arrays whose first dimension counts the rows, with several inputs as
    ((a, b), target) or ({"name": a}, target); or a Dataset, a DataLoader, or an iterable of batches of that form. A
    lone tensor is input and target. `validation` is data of the same form, or the share of the rows that validates.

    `loss` is a torch.nn loss or any function (output, target); or, where its second parameter is called `batch`, a
    function (model, batch). It gives a scalar, or an `nw.Loss` with its weight and figures. `optimizer` is a
    torch.optim object, class or name; without one it is Adam with torch's own rate, or `learning_rate`. Where one step
    has several updates, give `phases` instead, and what they `share`.

    `scheduler` is torch's, or "cosine", "warmup-cosine" or "one-cycle". Gradients of `accumulate` batches make one
    update, bounded in norm by `clip_norm`. `average` is the decay of a moving average of the weights. With validation
    the module gets its best weights back; `patience` epochs without better ones end training.

    `plan` "auto" measures how to run the steps fastest; "eager" gives the bits of the loop written by hand with a
    DataLoader under the same torch.manual_seed; "traced", "compiled", an `nw.Plan`, or a `fit.plan` fix it. `precision`
    is the lowest that may be used where plans are measured. `checkpoint` is a folder to which the state is saved every
    `checkpoint_seconds`; with `resume` training goes on from there. Ctrl-C and SIGTERM save and stop with 130 and 143.

    `watch` is called with every `nw.StepRecord`, `nw.EpochRecord` and `nw.Notice`; without it notices are warnings.
    Outside eager a loss should be a function of what it is given: values it reads besides are looked at between calls,
    and followed, but not the clock or a file.

    Raises InputError for arguments and data that don't fit, before the first step; TrainingError where a loss or
    gradient is not finite, before it touches a weight.
    """
    refuse_module(model)
    refuse_numbers({"epochs": epochs, "accumulate": accumulate, "patience": patience}, clip_norm, average)
    refuse_unseen(validation, {"patience": patience, "metrics": metrics})
    refuse_precision(precision)
    own = {"loss": loss, "optimizer": optimizer, "learning_rate": learning_rate, "scheduler": scheduler}
    own |= {"scheduler_steps": scheduler_steps, "clip_norm": clip_norm, "average": average}
    refuse_phases(phases, share, own)
    told = Telling(watch, progress)
    where = devices.choose(device) if device != "auto" or not _on_accelerator(model) else _device(model)
    folder = folder_for(checkpoint, checkpoint_seconds, resume=resume)
    generators = generators_of(data, validation)
    if isinstance(validation, float):
        data, validation = split(data, validation)
    with deaf_workers(data):
        source = feed(data, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, device=where)
    with on_device(model, where), deaf_workers(data, validation):
        if phases is None:
            updates = None if source.steps is None else epochs * -(-source.steps // accumulate)
            asked = optimizer_for("adam" if optimizer is None else optimizer, model, learning_rate)
            refuse_plateau(scheduler, scheduler_steps)
            schedule, by = scheduler_for(scheduler, asked, updates)
            phase = Phase(
                name="loss",
                loss=_loss(loss),
                optimizer=asked,
                scheduler=schedule,
                scheduler_steps=scheduler_steps or by,
                clip_norm=clip_norm,
                average=average,
                scaler=torch.amp.GradScaler(where.type) if precision == "float16" else None,
            )
            phases = [phase]
        job = Job(
            module=model,
            phases=phases,
            source=source,
            share=share,
            accumulate=accumulate,
            watched=watch is not None or validation is not None,
            first=lambda batch: _examine(batch, job, loss, source, told),
        )
        validate = None
        if validation is not None:
            others = feed(validation, batch_size=batch_size, shuffle=False, drop_last=False, device=where)
            validate = validating(others, phases, share, metrics_for(metrics))
        averages = Averages(phases)
        session = Session(
            job=job,
            runner=Planner(job, averages, _plan(plan), epochs=epochs, allowed=precision),
            averages=averages,
            epochs=epochs,
            order=lambda epoch: source.draw(),
            validate=validate,
            patience=patience,
            stop=Stop(),
            watch=told,
            folder=folder,
            resuming=resume,
            fingerprint=fingerprint(source, accumulate=accumulate) if folder is not None else {},
            generators=generators,
            every=checkpoint_seconds,
            explain=lambda error: _explained(error, model, share),
        )
        ended = _trained(session)
    told.done()
    return Fit(
        history=tuple(session.history),
        losses=told.losses(),
        plan=session.runner.planned(),
        best_epoch=session.best.epoch,
        ended=ended,
        notices=tuple(told.notices),
    )


def _trained(session: Session) -> str:
    """Run the session with signals heard; the module is in the mode it was in when this returns."""
    module, stop = session.job.module, session.stop
    modes = [(part, part.training) for part in module.modules()]
    try:
        with listening(stop), locked(session.folder) if session.folder is not None else nullcontext():
            ended, _ = session.train()
    except RuntimeError as error:  # a process that loads data heard the signal too, before it was deaf to it
        if not stop.signal:
            raise
        ended = f"stopped, and not saved once more: {error}"
    finally:
        session.runner.close()
        for part, training in modes:
            part.training = training
    if stop.signal:
        saved = f"; the state is in {session.folder}, resume=True goes on from it" if session.folder else ""
        where = f"epoch {session.at.epoch}, step {session.at.step} of the next"
        print(f"stopped by {signal.Signals(stop.signal).name} after {where}{saved}", file=sys.stderr)
        raise KeyboardInterrupt if stop.signal == signal.SIGINT else SystemExit(stop.exit_code)
    return ended


def _loss(loss: Callable[..., Any] | None) -> Callable[..., Any]:
    if not callable(loss) or isinstance(loss, type):
        raise InputError(
            "There is no loss to lower.",
            got=repr(loss),
            wanted="a torch.nn loss, a function (output, target), or a function (model, batch)",
            fix="Give loss=nn.CrossEntropyLoss() for classes or loss=nn.MSELoss() for numbers, for example.",
        )
    return loss if takes_batch(loss) else on_batches(loss)


def _plan(asked: str | Plan | Planned) -> Plan | Planned | None:
    if isinstance(asked, (Plan, Planned)):
        return asked
    if not isinstance(asked, str) or (asked != "auto" and asked not in NAMED):
        raise InputError(
            "This is not a plan.",
            got=repr(asked),
            wanted=f"auto, {', '.join(NAMED)}, an nw.Plan, or the plan of another fit",
            fix='Leave plan= out, or give plan="eager".',
        )
    return None if asked == "auto" else NAMED[asked]


def _examine(batch: Any, job: Job, loss: Callable[..., Any] | None, source: Feed, watch: Watch) -> None:
    """Have the doctor look at the first step of each phase, before it is taken."""
    phases = job.phases
    criterion = loss if phases[0].name == "loss" and callable(loss) and not takes_batch(loss) else None
    args, kwargs, target = call(batch) if criterion is not None else ((), {}, None)
    whole = source.data if isinstance(source, Resident) and criterion is not None else None
    targets = call(whole).target if whole is not None else None
    for phase in phases:
        example = Example(
            module=job.module,
            batch=batch,
            loss=_unshared(phase, job.share),
            optimizers=[p.optimizer for p in phases],
            criterion=criterion,
            args=args,
            kwargs=kwargs,
            target=target,
            targets=targets,
        )
        notices: list[Notice] = []
        with contextlib.suppress(Refused), kept_outside(job):  # a loss may count its calls: this one is not to count
            try:
                notices = examine(example)
            except NetwrightError:
                raise
            except Exception:  # what can't be looked at is trained as it is
                continue
        for notice in notices:
            watch(notice)


def _unshared(phase: Phase, share: Share | None) -> Callable[[nn.Module, Any], Any]:
    if share is None:
        return phase.loss
    return lambda module, batch: phase.loss(module, batch, share(module, batch))


def _explained(error: NotFinite, model: nn.Module, share: Share | None) -> TrainingError:
    """The same error, with where it began."""
    found = locate(model, error.batch, _unshared(error.phase, share))
    return TrainingError(f"{error.what} {found.where}", got=error.got, wanted=error.wanted, fix=found.fix)


def _on_accelerator(model: nn.Module) -> bool:
    return _device(model).type not in ("cpu", "meta")


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


@contextmanager
def on_device(model: nn.Module, device: torch.device) -> Iterator[None]:
    """While inside, the model is on this device; after it, where it was."""
    before = _device(model)
    model.to(device)
    try:
        yield
    finally:
        model.to(before)
