"""The layers as functions of tensors, by torch.nn.functional's names and arguments."""

from netwright.layers.attention import scaled_dot_product_attention
from netwright.layers.functional.activations import (
    dropout,
    gelu,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    sigmoid,
    silu,
    smooth_step,
    softmax,
    softplus,
    tanh,
)
from netwright.layers.functional.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from netwright.layers.functional.normalisation import batch_norm, group_norm, layer_norm, rms_norm
from netwright.layers.functional.pooling import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from netwright.layers.functional.weighted import bilinear, conv1d, conv2d, conv_transpose2d, embedding, linear

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "group_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "smooth_step",
    "softmax",
    "softplus",
    "tanh",
]


def __dir__() -> list[str]:
    """The functions alone, and not the files they are in."""
    return __all__
