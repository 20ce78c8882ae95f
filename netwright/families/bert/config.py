"""The settings of the bert family."""

from pydantic import Field, field_validator

from netwright.families.bert.architecture import MOST_LAYERS, checked
from netwright.families.bert.network import Pooling
from netwright.families.family import Count, Dropout, Penalty, Training


class BertConfig(Training):
    """Settings of the bert family."""

    epochs: Count = 3
    patience: int = Field(default=3, ge=0)
    """Epochs without a better validation loss after which training stops."""
    batch_size: Count = 32
    learning_rate: float = Field(default=2e-5, gt=0)
    """Of the highest layer of a network 768 wide; of one that is narrower as much higher, and lower of a wider one."""
    layer_decay: float = Field(default=0.95, gt=0, le=1)
    """The rate of a layer as a share of that of the layer above."""
    head_rate: float = Field(default=10.0, gt=0)
    """The rate of the new head as a multiple of that of the highest layer."""
    warm_up: float = Field(default=0.1, ge=0, lt=1)
    """Share of the run over which the rates rise."""
    weight_decay: Penalty = 0.01
    """Decoupled weight decay of AdamW, not of biases and normalisations."""
    dropout: Dropout = 0.1
    """Share of the values under the head that are set to zero in training."""
    pooling: Pooling = "mean"
    """What of the last layer the head sees: the mean over all tokens, or the first token."""
    freeze: int = Field(default=0, ge=0, le=MOST_LAYERS)
    """The lowest layers, and the embeddings under them, that are kept as they are; 0 trains all."""
    from_scratch: bool = False
    """Leave the weights of `pretrained` and train the same network from random ones."""
    pretrained: str = ""
    """The folder, or the name on a hub, that the weights were taken from."""
    architecture: dict[str, object] = {}
    """What config.json says of the encoder."""

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: dict[str, object]) -> dict[str, object]:
        return checked(value) if value else value
