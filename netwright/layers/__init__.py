"""PyTorch's layers written out by hand, under torch.nn's names.

Each file holds one: its formula and derivation, `forward(…) → (output, cache)`, `backward(grad_output, cache) → a
gradient for each argument`, the `torch.autograd.Function` around the two, and the `nn.Module` around that, with the
arguments and weights of torch.nn's. Inside is nothing but arithmetic, matrix products, indexing, views, reductions and
elementary functions. `module.arguments(input)` is what the pair is called with. First and second derivatives are there,
and those of `torch.func` that go backwards (`grad`, `vjp`, `jacrev`, `vmap`); forward-mode ones (`jvp`) are not.

What has no mathematics (Module, Parameter, Sequential, …) is torch.nn's own, so that a program needs one import:
`from netwright import layers as nn`.
"""

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import (
    Module,
    ModuleDict,
    ModuleList,
    Parameter,
    ParameterDict,
    ParameterList,
    Sequential,
    Unflatten,
    utils,
)

from netwright.layers import functional, init
from netwright.layers.activations.gelu import GELU
from netwright.layers.activations.leaky_relu import LeakyReLU
from netwright.layers.activations.log_softmax import LogSoftmax
from netwright.layers.activations.mish import Mish
from netwright.layers.activations.relu import ReLU
from netwright.layers.activations.sigmoid import Sigmoid
from netwright.layers.activations.silu import SiLU
from netwright.layers.activations.smooth_step import SmoothStep
from netwright.layers.activations.softmax import Softmax
from netwright.layers.activations.softplus import Softplus
from netwright.layers.activations.tanh import Tanh
from netwright.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from netwright.layers.avg_pool2d import AvgPool2d
from netwright.layers.backpropagate import Gradients, backpropagate
from netwright.layers.batch_norm import BatchNorm1d, BatchNorm2d
from netwright.layers.bilinear import Bilinear
from netwright.layers.conv1d import Conv1d
from netwright.layers.conv2d import Conv2d
from netwright.layers.conv_transpose2d import ConvTranspose2d
from netwright.layers.dropout import Dropout
from netwright.layers.embedding import Embedding
from netwright.layers.flatten import Flatten
from netwright.layers.fused.linear_cross_entropy import LinearCrossEntropyLoss
from netwright.layers.fused.linear_relu import LinearReLU
from netwright.layers.group_norm import GroupNorm
from netwright.layers.gru import GRU
from netwright.layers.identity import Identity
from netwright.layers.layer_norm import LayerNorm
from netwright.layers.linear import Linear
from netwright.layers.losses.bce import BCELoss
from netwright.layers.losses.bce_with_logits import BCEWithLogitsLoss
from netwright.layers.losses.cross_entropy import CrossEntropyLoss
from netwright.layers.losses.kl_div import KLDivLoss
from netwright.layers.losses.l1 import L1Loss
from netwright.layers.losses.mse import MSELoss
from netwright.layers.losses.nll import NLLLoss
from netwright.layers.losses.smooth_l1 import SmoothL1Loss
from netwright.layers.lstm import LSTM
from netwright.layers.max_pool2d import MaxPool2d
from netwright.layers.multihead_attention import MultiheadAttention
from netwright.layers.rms_norm import RMSNorm
from netwright.layers.rnn import RNN
from netwright.layers.transformer_encoder_layer import TransformerEncoderLayer

__all__ = [
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bilinear",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Gradients",
    "GroupNorm",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LinearCrossEntropyLoss",
    "LinearReLU",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NLLLoss",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "SmoothStep",
    "Softmax",
    "Softplus",
    "Tanh",
    "TransformerEncoderLayer",
    "Unflatten",
    "backpropagate",
    "functional",
    "init",
    "utils",
]

if not TYPE_CHECKING:  # so that a checker of types still sees which names there are

    def __getattr__(name: str) -> None:
        """Raises AttributeError, with the mend for a name that torch.nn has."""
        text = f"netwright.layers has no {name}"
        if not name.startswith("_") and hasattr(nn, name):
            text += f"; torch.nn's own stands beside these: from torch import nn, nn.{name}"
        raise AttributeError(text, name=name)
