"""Where NaN or infinity came from, in words, after a loss that is not finite."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from netwright.core.phase import Loss
from netwright.doctor.remedies import remedy
from netwright.doctor.traceless import cloned, traceless, twin
from netwright.doctor.tracer import Tracer
from netwright.doctor.wording import listed, shape

ROWS = 5
"""Rows named at most."""


@dataclass(frozen=True)
class Diagnosis:
    """Why a loss was not finite."""

    where: str
    """The first thing that was not finite: rows of the batch, a weight, a submodule's line, its gradient, the loss."""
    fix: str
    """What to try."""

    def __str__(self) -> str:
        return f"{self.where} {self.fix}"


def locate(
    module: nn.Module, batch: Any, loss: Callable[[nn.Module, Any], Any], *, random: Tensor | None = None
) -> Diagnosis:
    """Find what was first not finite in `loss(module, batch)`, with the module as it was before the step.

    `random` is torch's CPU random state before the loss was computed, so that dropout falls as it fell then. The step
    is repeated on a deep copy, forward, then backward; nothing of the module, its gradients or a random state changes.
    A loss that raises is diagnosed as well. Never raises.
    """
    try:
        return of_batch(batch) or of_weights(module) or of_step(module, batch, loss, random)
    except Exception as error:  # a search for the cause must not hide the loss that called for it
        where = f"Where it came from could not be found out: {type(error).__name__}: {error}"
        return Diagnosis(where, "Lower the learning rate, or clip_norm=1.0; look for extreme values in the data.")


def of_step(module: nn.Module, batch: Any, loss: Callable[[nn.Module, Any], Any], random: Tensor | None) -> Diagnosis:
    """What the step does when it is run again where it leaves no trace."""
    with traceless(module, batch):
        copies = twin(module)
        if copies is None:
            where = "Neither batch nor weights hold NaN; the module can't be copied, so its step was not repeated."
            return Diagnosis(where, "Lower the learning rate, or clip_norm=1.0.")
        if random is not None:
            torch.set_rng_state(random)
        return repeated(copies[0], batch, loss)


def repeated(copy: nn.Module, batch: Any, loss: Callable[[nn.Module, Any], Any]) -> Diagnosis:
    """The diagnosis of a step that is run again on a copy."""
    tracer, error = Tracer(copy), None
    try:
        with tracer:
            value = loss(copy, cloned(batch))
        value = value.value if isinstance(value, Loss) else value
        if tracer.first is None and isinstance(value, Tensor) and value.requires_grad:
            tracer.backward(value)
    except Exception as raised:  # what was seen until then is what counts
        error = raised
    tracer.close()
    if tracer.first is not None:
        return Diagnosis(str(tracer.first), remedy(tracer.first))
    if error is not None:
        return Diagnosis(f"Running the step again ended in an error: {error}", "Mend that first.")
    where = "Run again on a copy, the same step is finite: it depends on random numbers or on something outside."
    return Diagnosis(where, "Lower the learning rate, or clip_norm=1.0.")


def of_batch(batch: Any) -> Diagnosis | None:
    """NaN in a batch; infinities too, but for −inf, which masks are made of."""
    for path, tensor in paths(batch, "batch"):
        if not (tensor.is_floating_point() or tensor.is_complex()) or not tensor.dim():
            continue
        wrong = tensor.isnan() | (tensor == torch.inf)
        rows = (
            wrong.flatten(1).any(1).nonzero().flatten().tolist()
            if wrong.dim() > 1
            else wrong.nonzero().flatten().tolist()
        )
        if rows:
            what = "NaN" if tensor.isnan().any() else "infinity"
            where = (
                f"The batch itself holds {what}: {path} {shape(tensor)}, rows {listed([str(r) for r in rows], ROWS)}."
            )
            return Diagnosis(where, "Leave those rows out or fill them before training: torch.nan_to_num(x).")
    return None


def paths(tree: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a batch with the words that reach them, such as batch[0]['ids']."""
    if isinstance(tree, Tensor):
        yield name, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from paths(value, f"{name}[{key!r}]")
    elif isinstance(tree, (tuple, list)):
        for number, value in enumerate(tree):
            yield from paths(value, f"{name}[{number}]")
    elif hasattr(tree, "__dataclass_fields__"):
        for field in tree.__dataclass_fields__:
            yield from paths(getattr(tree, field), f"{name}.{field}")


def of_weights(module: nn.Module) -> Diagnosis | None:
    """A weight that isn't finite, or a buffer with NaN in it; buffers may hold infinities as masks do."""
    for name, weight in module.named_parameters():
        if not is_lazy(weight) and not weight.isfinite().all():
            where = f"The weight {name} was not finite before this step: an earlier step went too far."
            return Diagnosis(
                where, "Lower the learning rate, or clip_norm=1.0; look at the gradients of the step before."
            )
    for name, buffer in module.named_buffers():
        if not is_lazy(buffer) and buffer.isnan().any():
            where = f"The buffer {name} held NaN before this step: a statistic of an earlier batch was not finite."
            return Diagnosis(where, "Look for NaN, infinities or batches of one row among the earlier batches.")
    return None
