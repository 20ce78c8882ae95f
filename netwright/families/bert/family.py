"""The bert family: an encoder of texts that others have trained, trained on with small steps.

Sources: BERT (Devlin et al. 2019); small steps, warm-up and many epochs on few rows (Mosbach et al. 2021).
"""

from collections.abc import Callable, Sequence
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.errors import InputError
from netwright.core.forms import TextForm
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.bert.config import BertConfig
from netwright.families.bert.files import files, marks_of
from netwright.families.bert.hub import weights
from netwright.families.bert.network import BertNetwork
from netwright.families.bert.rates import groups
from netwright.families.family import Family
from netwright.tasks import Answering, Task

WIDTH = 768
"""The width of an encoder that `learning_rate` is meant for."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The encoder with random weights, and the head. Raises InputError where no encoder is named, and where texts are
    cut to their marks.
    """
    assert isinstance(config, BertConfig)
    if not config.architecture:
        raise InputError(
            "Which network is to be trained on?",
            got="the family bert without pretrained",
            wanted="a folder with a network and its tokenizer, or its name on a hub",
            fix="For example --pretrained distilbert-base-uncased.",
        )
    form = schema.form
    if isinstance(form, TextForm) and form.length <= (marks := marks_of(form.tokenizer)):
        raise InputError(
            "No word of a text would be read: the marks around it take all its tokens.",
            got=f"{form.length} token(s) of a text at most, and {marks} marks of its beginning and end",
            wanted=f"{marks + 1} or more",
            fix="Give a larger --window, or leave it out.",
        )
    return BertNetwork(
        config.architecture,
        len(schema.number_features),
        schema.cardinalities,
        task.output_size,
        pooling=config.pooling,
        dropout=config.dropout,
        layers=layers,
    )


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Put in the weights that others have trained."""
    assert isinstance(module, BertNetwork) and isinstance(config, BertConfig)
    if not config.from_scratch:
        module.encoder.load_state_dict(weights(config.pretrained, config.architecture), strict=False)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW, slower in lower layers; the rates rise, then fall to zero over the steps or the time."""
    assert isinstance(module, BertNetwork) and isinstance(config, BertConfig) and isinstance(task, Answering)
    rate = config.learning_rate * WIDTH / module.size
    trained = groups(
        module.encoder,
        module.head,
        rate=rate,
        decay=config.layer_decay,
        head_rate=config.head_rate,
        freeze=config.freeze,
    )
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=config.weight_decay, fused=True)

    def share(step: int) -> float:
        gone = min(1.0, max(step / steps, spent() if step else 0.0))
        if gone < config.warm_up:
            return (gone + 1 / steps) / (config.warm_up + 1 / steps)
        return (1 - gone) / (1 - config.warm_up)

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return task.losses(module(*batch.inputs), batch.target).mean()

    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=LambdaLR(optimizer, share), clip_norm=1.0)]


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> BertConfig:
    """Three epochs of many rows, up to twenty of few, in smaller batches."""
    epochs = max(3, min(20, 20_000 // max(1, rows)))
    return BertConfig(epochs=epochs, patience=epochs, batch_size=8 if rows < 160 else 16 if rows < 1000 else 32)


FAMILY = Family(
    name="bert",
    phrase="an encoder of texts that others have trained, trained on with the rows",
    config=BertConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    fits={"text": ("classification", "regression", "multilabel")},
    apart=("encoder", files),
)
