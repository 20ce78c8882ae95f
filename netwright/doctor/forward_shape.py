"""Shapes that the module's own layers refuse: which submodule it was, what came to it, and what it takes."""

import re
from typing import Any

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.doctor.rehearsal import Place
from netwright.doctor.twins import kind
from netwright.doctor.wording import attribute, shape

ABOUT_SHAPES = re.compile(
    r"shapes cannot be multiplied|size mismatch|invalid for input of size|must match the (existing )?size|channels"
    r"|normalized_shape|running_mean should contain|more than 1 value per channel|must be equal to (input|hidden)_size"
    r"|[Ee]xpected .*\d-?D|Kernel size|out of range|embedding dimension|Output size is too small|same device"
    r"|Sizes of tensors must match|not compatible",
    re.DOTALL,
)


def explain(error: Exception, where: Place) -> None:
    """Raises InputError where the text of `error` is about shapes. Its own text is kept."""
    text = str(error)
    if not ABOUT_SHAPES.search(text):
        return
    came = ", ".join(shape(t) for t in where.inputs) or "no tensor"
    raise InputError(
        f"The first batch doesn't pass {where}: {text}",
        got=f"{came} into {where.module!r}" if not any(where.module.children()) else came,
        wanted="shapes that fit together",
        fix=mend(text, where),
    ) from error


BY_TEXT = {
    "more than 1 value per channel": "drop_last=True, or a batch_size that leaves more than one row in the last batch.",
    "same device": "self.register_buffer('name', tensor) in __init__, not self.name = tensor; or device=x.device.",
    "invalid for input of size": "x = x.flatten(1)  # instead of a view with a fixed size",
}


def mend(text: str, where: Place) -> str:
    """The line to change, where the text and the submodule tell enough."""
    layer, given = where.module, where.inputs[0] if where.inputs else None
    for words, fix in BY_TEXT.items():
        if words in text:
            return fix
    if given is not None and issubclass(kind(layer), nn.Linear) and given.dim():
        return linear(layer, given, where.name)
    if given is not None and issubclass(kind(layer), nn.Conv2d):
        return convolution(layer, given, where.name)
    width = getattr(layer, "num_features", None) or getattr(layer, "input_size", None)
    if width is not None and given is not None and given.dim() > 1:
        return f"{attribute(where.name)} has size {width}: make it the size of what comes, {shape(given)}."
    return "Print the shapes before that line, and make its sizes those of what comes."


def linear(layer: Any, given: Tensor, name: str) -> str:
    """A Linear of the right size; or first a flatten, where the sizes after the rows multiply to what it takes."""
    if given.dim() > 2 and given[0].numel() == layer.in_features:
        return f"{attribute(name)}(x.flatten(1))"
    if given.dim() == 1 and layer.in_features == 1:
        return "x = x.unsqueeze(1)  # rows of one feature: (B, 1)"
    return f"{attribute(name)} = nn.Linear({given.shape[-1]}, {layer.out_features})"


def convolution(layer: Any, given: Tensor, name: str) -> str:
    """Images as (B, C, H, W), or a convolution of as many channels as come."""
    if given.dim() == 4 and given.shape[-1] == layer.in_channels:
        return "x = x.permute(0, 3, 1, 2)  # channels come second"
    if given.dim() == 3 and layer.in_channels == 1:
        return "x = x.unsqueeze(1)  # one channel: (B, 1, H, W)"
    if given.dim() == 4:
        return f"{attribute(name)} = nn.Conv2d({given.shape[1]}, {layer.out_channels}, …)"
    return f"Bring x to (B, {layer.in_channels}, H, W); it is {shape(given)}."
