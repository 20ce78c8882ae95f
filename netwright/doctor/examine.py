"""All that is checked before the first step, in the order in which one mistake explains another."""

from netwright.core.errors import NetwrightError, TrainingError
from netwright.core.notice import Notice
from netwright.core.trees import rows
from netwright.doctor import (
    activated_twice,
    batch_first,
    broadcast,
    detached,
    forward_shape,
    id_range,
    label_range,
    number_type,
    parameters_held,
    target_form,
    unregistered,
)
from netwright.doctor.calls import Watch
from netwright.doctor.example import Example
from netwright.doctor.not_finite import locate
from netwright.doctor.rehearsal import Rehearsal, place, rehearse
from netwright.doctor.traceless import reached, traceless, twin

CHECKS = (label_range.check, label_range.check_probabilities, broadcast.check, target_form.check_gradient)
EXPLANATIONS = (target_form.explain,)


def examine(case: Example) -> list[Notice]:
    """What a person should know of the first step of a phase before it is taken.

    One forward pass and loss on a deep copy of the module; no backward pass; a few more where the outputs look
    like those of a softmax or sigmoid that the loss applies again. A module that can't be copied isn't run at all: of
    it, only weights and optimizers are looked at.

    Raises InputError for what would train nothing, train something else in silence, or fail with less to go by.
    Errors that are the module's own to raise are left to the real step.
    """
    with traceless(case.module, case.batch):
        copies = twin(case.module, case.criterion)
        done = rehearsed(case, copies) if copies else None
        leaves = set(reached(done.loss)) if done and done.error is None else None
        copy = done.module if done else None
        held = parameters_held.held(case.optimizers)
        notices = unregistered.check(case.module, copy, held, leaves)
        notices += parameters_held.check(case.module, case.optimizers, leaves)
        if done is None:
            return notices
        refuse(case, done)
        if done.error is not None:
            return notices
        detached.check(done.loss)
        label_range.check_all(done.watch.calls, case.targets)
        return [*notices, *done.watch.notices, *activated_twice.check(case, done)]


def rehearsed(case: Example, copies: tuple) -> Rehearsal:
    """The first step on copies, with every check of its loss."""
    watch = Watch(CHECKS, EXPLANATIONS)
    watch.after = broadcast.after
    guards = id_range.guard(copies[0]) + batch_first.guard(copies[0], rows(case.batch), watch.notices)
    done = rehearse(case, copies, watch)
    for handle in guards:
        handle.remove()
    return done


def refuse(case: Example, done: Rehearsal) -> None:
    """Raise the error of a rehearsal where it is one of ours, or can be told better than torch does."""
    error = done.error
    if error is None:
        return
    if isinstance(error, NetwrightError):
        raise error
    where, calls = place(error, done.module), done.watch.calls
    if where is not None:
        number_type.explain(error, where, done.inputs or where.inputs, done.module)
        forward_shape.explain(error, where)
    elif calls and not calls[-1].input.isfinite().all():
        found = locate(case.module, case.batch, case.loss)
        raise TrainingError(
            f"{calls[-1].name} was given outputs that are not finite at the very first batch.",
            got=found.where,
            wanted="finite outputs",
            fix=found.fix,
        ) from error
