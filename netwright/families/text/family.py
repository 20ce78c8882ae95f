"""The families that read texts: small networks that read pieces, on top of one linear model of n-grams."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import SUPERVISED, VALIDATION_SHARE, Family
from netwright.families.text.config import (
    BlendConfig,
    TextConfig,
    TextLinearConfig,
    blend_defaults,
    defaults,
    form_of,
    linear_defaults,
)
from netwright.families.text.network import Reader, TextNetwork
from netwright.families.text.wide import TextLinear, fit_wide, flat_size
from netwright.tasks import Classification, MultiLabel, Regression, Supervised, Task

READ = 256
"""Texts that are read together outside training."""
SUPERVISED_TASKS = (Classification, Regression, MultiLabel)
RISE = 0.1
"""Share of the run over which the rate rises."""
FOLDS, FOLD_SHARE, FOLD_ROWS = 3, 0.12, 1000
"""Folds that validate in turn, the share of the rows each has, and rows of each at most."""
TEXTS: Mapping = {"text": ("classification", "regression", "multilabel")}
SHARES = torch.linspace(0, 1.5, 16)
"""Shares of what the members add that are tried."""
SURENESS = torch.tensor([1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0])
"""What answers are multiplied by: above one where they were too unsure."""


def builder(kind: str) -> Callable[[Record, Schema, Task, ModuleType], nn.Module]:
    """What builds a network whose members are of this kind."""

    def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
        assert isinstance(config, TextConfig)
        reads = config.reader if isinstance(config, BlendConfig) else kind
        form, outputs = form_of(schema), task.output_size
        flat = flat_size(len(schema.number_features), schema.cardinalities)
        readers = [
            Reader(
                reads,
                form.pieces,
                flat,
                outputs,
                width=config.width,
                depth=config.depth,
                dropout=config.dropout,
                word_dropout=config.word_dropout,
                layers=layers,
            )
            for _ in range(config.members)
        ]
        return TextNetwork(readers, config.grams, len(schema.number_features), schema.cardinalities, outputs, layers)

    return build


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Fit the linear branch, and once without each part of the rows: the members learn what it lacks where it has not
    seen a row. A run that is resumed fits the same again.
    """
    assert isinstance(module, TextNetwork) and isinstance(config, TextConfig) and isinstance(task, SUPERVISED_TASKS)
    module.folds = int(validation.fold.max()) + 1 if len(validation) else 1
    rows = training.inputs[1], training.inputs[2], module.table(*training.inputs[3:])
    module.sides = fit_wide(module.wide, task, rows, training.target, penalty=config.penalty)


@torch.no_grad()
def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Find how much of what the members add is used, and how sure the whole may be: what loses least on validation
    rows, where members and linear branch have not seen them.
    """
    assert isinstance(module, TextNetwork) and isinstance(task, SUPERVISED_TASKS)
    unseen = module.unseen(validation.fold)
    judged = unseen.any(1)
    if not judged.any():
        return
    deep = (members_say(module, validation.inputs) * unseen[..., None]).sum(1) / unseen.sum(1, keepdim=True)
    deep, wide, truth = deep[judged], module.unseen_wide(validation.inputs)[judged], validation.target[judged]
    best, chosen = float("inf"), (1.0, 0.0)
    for sureness in SURENESS.tolist():
        doubt = math.log(sureness) ** 2 / len(truth)  # few rows that are all right would make it endlessly sure
        for share in SHARES.tolist():
            loss = float(task.losses(sureness * (wide + share * deep), truth).mean()) + doubt
            if loss < best:
                best, chosen = loss, (sureness, sureness * share)
    module.shares.copy_(torch.tensor(chosen))


@torch.no_grad()
def members_say(module: TextNetwork, inputs: Sequence[Tensor]) -> Tensor:
    """(N, K, O) what the members add, in eval mode, texts of like length together."""
    module.eval()
    tokens, flat = inputs[0], module.table(*inputs[3:])
    used = (tokens != 0).sum(1)
    order = used.argsort()
    found = [module.deep(tokens[rows, : max(1, int(used[rows].max()))], flat[rows]) for rows in order.split(READ)]
    return torch.cat(found)[order.argsort()]


@torch.no_grad()
def judge(module: nn.Module, config: Record, task: Task, batch: Batch) -> Tensor:
    """(B,) the loss of each row, as those members answer that did not train on it."""
    assert isinstance(module, TextNetwork) and isinstance(task, SUPERVISED_TASKS)
    unseen = module.unseen(batch.fold).to(torch.get_default_dtype())
    losses = task.losses(module.unseen_wide(batch.inputs)[:, None] + members_say(module, batch.inputs), batch.target)
    known = unseen.any(1)
    losses = (losses * unseen).sum(1) / unseen.sum(1).clamp(min=1)
    return losses[known] if known.any() else losses


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW on the losses of each member on top of the linear branch. The rate rises and falls over the
    steps or the time.
    """
    assert isinstance(module, TextNetwork) and isinstance(config, TextConfig) and isinstance(task, SUPERVISED_TASKS)
    parameters = list(module.readers.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1]},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        betas=(0.9, 0.99),
        fused=True,
    )

    def rate(step: int) -> float:
        gone = min(1.0, max(step / steps, spent() if step else 0.0))
        return gone / RISE if gone < RISE else 0.5 * (1 + math.cos(math.pi * (gone - RISE) / (1 - RISE)))

    member, folds = torch.arange(config.members), module.folds

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(module, TextNetwork)
        outputs = module.deep(batch.inputs[0], module.table(*batch.inputs[3:]))
        outputs = outputs + module.unseen_wide(batch.inputs)[:, None]
        losses = smoothed(task, outputs, batch.target, config.label_smoothing)  # (B, K)
        if folds == 1:
            return losses.mean()
        used = (batch.fold[:, None] != member.to(batch.fold.device)).to(losses.dtype)
        return ((losses * used).sum(0) / used.sum(0).clamp(min=1)).mean()

    schedule = LambdaLR(optimizer, lambda step: max(rate(step), 1e-3))
    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=schedule, clip_norm=1.0)]


def smoothed(task: Supervised, outputs: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """(B, K) losses; of classes with this share of the truth spread over all of them (Szegedy et al. 2016)."""
    losses = task.losses(outputs, target)
    if not smoothing or not isinstance(task, Classification):
        return losses
    return (1 - smoothing) * losses - smoothing * log_softmax(outputs, -1).mean(-1)


def folds(rows: int, asked: Mapping[str, object]) -> tuple[int, float]:
    """Three folds, so that most rows train and yet many tell how much each branch is worth; one of very few rows."""
    if rows < 50:
        return 1, VALIDATION_SHARE
    return FOLDS, min(FOLD_SHARE, FOLD_ROWS / rows)


def build_linear(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The linear branch alone."""
    assert isinstance(config, TextLinearConfig)
    return TextLinear(config.grams, len(schema.number_features), schema.cardinalities, task.output_size, layers)


def prepare_linear(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Fit it."""
    assert (
        isinstance(module, TextLinear) and isinstance(config, TextLinearConfig) and isinstance(task, SUPERVISED_TASKS)
    )
    rows = training.inputs[1], training.inputs[2], module.table(*training.inputs[3:])
    fit_wide(module.wide, task, rows, training.target, penalty=config.penalty, alone=True)


BLEND = Family(
    name="blend",
    phrase="a linear model of n-grams, and small networks that read the text and add what it lacks",
    config=BlendConfig,
    defaults=blend_defaults,
    build=builder("transformer"),
    prepare=prepare,
    phases=phases,
    folds=folds,
    fits={"text": SUPERVISED},
    finish=finish,
    judge=judge,
)


def _reading(name: str, phrase: str) -> Family:
    return replace(BLEND, name=name, phrase=phrase, config=TextConfig, defaults=defaults, build=builder(name))


FAMILIES = (
    BLEND,
    _reading("transformer", "small Transformers on top of a linear model of n-grams"),
    _reading("gru", "gated recurrent networks on top of a linear model of n-grams"),
    _reading("lstm", "long short-term memories on top of a linear model of n-grams"),
    _reading("rnn", "plain recurrent networks on top of a linear model of n-grams"),
    Family(
        name="linear",
        phrase="a linear model of words and n-grams, fitted to the optimum",
        config=TextLinearConfig,
        defaults=linear_defaults,
        build=build_linear,
        prepare=prepare_linear,
        folds=folds,
        fits={"text": SUPERVISED},
    ),
)
"""The default first."""
