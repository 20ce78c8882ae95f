"""How every language model is prepared, trained and judged.

B rows, T positions, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.families.language.config import GPTConfig, LanguageConfig
from netwright.families.language.model import LanguageModel
from netwright.families.language.muon import MuonAdam
from netwright.tasks import Task
from netwright.tasks.language import Language

RISE = 30
"""Steps over which the rate rises."""
SETTLED_ON = 4096
"""Validation tokens on which it is settled how far the prior is trusted."""
SETTLING, SETTLING_RATE = 25, 0.05
"""Steps, and their rate."""
AT_ONCE, NUMBERS = 32, 2**24
"""Windows that are read at once at most, and of long windows the pairs of their positions and the numbers that stand
for their tokens: what the prior finds in them takes memory.
"""
FALL = 0.5
"""Share of the run over which the rate falls to nothing; it stands still before (Hägele et al. 2024)."""


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Count what follows what in the training text."""
    assert isinstance(module, LanguageModel) and isinstance(config, LanguageConfig)
    if module.prior is not None:
        module.prior.count(training.inputs[0], training.target, config.counted)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: the mean log loss of each next token; the rate rises, stands, and falls with the steps or the time."""
    assert isinstance(module, LanguageModel) and isinstance(config, LanguageConfig)
    optimizer = optimizer_for(module, config)
    rise = min(RISE, max(1, steps // 10))

    def rate(step: int) -> float:
        done = min(1.0, max(step / steps, spent() if step else 0.0))
        return max(0.01, min(1.0, (step + 1) / rise, (1 - done) / FALL))

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        logits = module(batch.inputs[0], batch.target)
        return cross_entropy(logits.flatten(0, 1), batch.target.flatten().long())

    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=LambdaLR(optimizer, rate))]


def optimizer_for(module: LanguageModel, config: LanguageConfig) -> torch.optim.Optimizer:
    """Muon for the matrices of a decoder's blocks and Adam for the rest; AdamW for a recurrent network."""
    if isinstance(config, GPTConfig):
        blocks = list(module.reader.blocks.parameters())  # type: ignore[union-attr]
        inside = {id(p) for p in blocks}
        others = [p for p in module.parameters() if id(p) not in inside]
        return MuonAdam(
            blocks, others, lr=config.learning_rate, other_lr=config.table_rate, weight_decay=config.weight_decay
        )
    inside = {id(p) for p in module.reader.body.parameters()}  # type: ignore[union-attr]
    groups = [
        {"params": [p for p in module.parameters() if id(p) in inside], "lr": config.learning_rate},
        {
            "params": [p for p in module.parameters() if id(p) not in inside],
            "lr": config.table_rate,
            "weight_decay": 0.0,
        },
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True)


def at_once(window: int, numbers: int) -> int:
    """Windows that are read at once, where each of their positions has so many numbers."""
    return max(1, min(AT_ONCE, NUMBERS // (window * max(window, numbers))))


@torch.no_grad()
def judge(module: nn.Module, config: Record, task: Task, batch: Batch) -> Tensor:
    """(B,) the mean log loss of each row's tokens, in nats."""
    assert isinstance(task, Language) and isinstance(config, LanguageConfig)
    was = module.training
    module.eval()
    size = at_once(batch.target.shape[1], task.tokens * (1 + config.orders))
    parts = zip(batch.inputs[0].split(size), batch.target.split(size), strict=True)
    losses = torch.cat([task.losses(module(tokens), following) for tokens, following in parts])
    module.train(was)
    return losses


def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Settle how far the prior is trusted, then count the validation text too.

    What is to be foretold is often more like the last of the text than like the rest.
    """
    assert isinstance(module, LanguageModel) and isinstance(config, LanguageConfig)
    if module.prior is not None and len(validation):
        settle(module, validation)
        tokens = torch.cat([training.inputs[0], validation.inputs[0]])
        module.prior.count(tokens, torch.cat([training.target, validation.target]), config.counted)


def settle(module: LanguageModel, validation: Batch) -> None:
    """Fit the discounts, and how far the prior is trusted at large, to text that was not counted.

    In training a context was counted in the same scene, all round the place that is foretold: there the prior is better
    than it will be on a new text.
    """
    assert module.prior is not None and module.trust is not None and module.trust.bias is not None
    some = max(1, min(len(validation), SETTLED_ON // validation.target.shape[1]))
    rows = torch.linspace(0, len(validation) - 1, some, device=validation.target.device).long()
    tokens, target = validation.inputs[0][rows], validation.target[rows].long()
    module.eval()
    with torch.no_grad():
        x = torch.cat([module.reader(part) for part in tokens.split(at_once(tokens.shape[1], 1))])
    few = [module.trust.bias, *module.prior.parameters()]
    optimizer = torch.optim.Adam(few, lr=SETTLING_RATE)
    with torch.enable_grad():
        for _ in range(SETTLING):
            logits = module.joined(x, module.prior(tokens))
            loss = cross_entropy(logits.flatten(0, 1), target.flatten())
            for p, gradient in zip(few, torch.autograd.grad(loss, few), strict=True):
                p.grad = gradient
            optimizer.step()
    optimizer.zero_grad()
