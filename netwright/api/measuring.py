"""The validation after each epoch of `nw.fit`: the loss on other data, and figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from netwright.api.forms import call, weighed
from netwright.core.errors import InputError
from netwright.core.phase import Phase, Share
from netwright.data.feeds.feed import Feed
from netwright.engine.loop import Validate

Metric = Callable[[Tensor, Tensor], Any]
"""(outputs (N, …), targets (N, …)) of all validation rows → a number."""


def accuracy(output: Tensor, target: Tensor) -> float:
    """Share of rows that are right: the largest of C outputs (N, C), or one output above its threshold.

    One output a row is a probability where all lie in [0, 1], then 0.5 is the threshold; else a logit, and it is 0.
    Targets (N,) are class numbers, (N, C) probabilities or one-hot.
    """
    if output.dim() > 1 and output.shape[1] > 1:
        classes = target.argmax(1) if target.shape == output.shape else target.reshape(len(output), *output.shape[2:])
        return float((output.argmax(1) == classes).double().mean())
    threshold = 0.5 if bool(((output >= 0) & (output <= 1)).all()) else 0.0
    return float(((output > threshold) == (target.reshape(output.shape) > 0.5)).double().mean())


def mae(output: Tensor, target: Tensor) -> float:
    """Mean absolute error, in the target's unit."""
    return float((output.reshape(target.shape) - target).abs().double().mean())


def rmse(output: Tensor, target: Tensor) -> float:
    """Square root of the mean squared error, in the target's unit."""
    return float((output.reshape(target.shape) - target).square().double().mean().sqrt())


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mae": mae, "rmse": rmse}


def metrics_for(asked: Mapping[str, Metric] | Sequence[str] | str | None) -> dict[str, Metric]:
    """The figures asked for, by name. Raises InputError for a name that is not known."""
    if asked is None:
        return {}
    if isinstance(asked, Mapping):
        return dict(asked)
    names = [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in METRICS:
            raise InputError(
                "This metric is not known.",
                got=repr(name),
                wanted=f"one of {', '.join(METRICS)}",
                fix="Give a function of your own: metrics={'name': lambda output, target: …}.",
            )
    return {name: METRICS[name] for name in names}


def _tensor(output: Any) -> Tensor:
    if not isinstance(output, Tensor):
        raise InputError(
            "Metrics need a module whose output is one tensor.",
            got=f"a {type(output).__qualname__}",
            wanted="a tensor with a row for each row of the input",
            fix="Leave metrics= out, and give the figures with the loss: nw.Loss(value=…, figures={'accuracy': …}).",
        )
    return output


def validating(feed: Feed, phases: Sequence[Phase], share: Share | None, metrics: Mapping[str, Metric]) -> Validate:
    """A function module → the first phase's mean loss over all rows of the feed, and the figures.

    The losses and figures of further phases are among the figures, under their names.
    """

    @torch.no_grad()
    def validate(module: nn.Module) -> tuple[Tensor, dict[str, float]]:
        sums: dict[str, float] = {}
        weights: dict[str, float] = {}
        seen: list[tuple[Tensor, Tensor]] = []
        for batch in feed.epoch(feed.draw()):
            shared = (share(module, batch),) if share is not None else ()
            if metrics:
                args, kwargs, target = call(batch)
                seen.append((_tensor(module(*args, **kwargs)), target))
            for phase in phases:
                value, weight, figures = weighed(phase.loss(module, batch, *shared), batch)
                for name, figure in {phase.name: value, **{f"{phase.name}.{k}": v for k, v in figures.items()}}.items():
                    sums[name] = sums.get(name, 0.0) + float(figure) * weight
                    weights[name] = weights.get(name, 0.0) + weight
        means = {n: total / weights[n] if weights[n] else float("nan") for n, total in sums.items()}
        loss = means.pop(phases[0].name)
        if metrics:
            output, target = torch.cat([o for o, _ in seen]), torch.cat([t for _, t in seen])
            means |= {name: float(metric(output, target)) for name, metric in metrics.items()}
        return torch.tensor(loss, dtype=torch.float64), means

    return validate
