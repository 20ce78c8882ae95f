"""Usual inputs for a layer, tried until forward runs on them."""

import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netwright.cli.layer_file import told
from netwright.cli.layer_forms import parsed
from netwright.cli.layer_making import called, copied, fitted, forward_parameters, kind_of
from netwright.core.errors import InputError

SCALES, WEIGHTS = ("b", "bias", "beta", "gamma", "scale"), ("w", "weight", "weights", "kernel", "filter")
EACH, TRIES = 40, 400
"""Guesses at most: with one first input, and of all."""


def guessed(layer: Any, name: str, draw: torch.Generator, path: Path) -> tuple:
    """The first of the usual inputs on which forward runs."""
    last: Exception | None = None
    other = copied(layer)
    for inputs in itertools.islice(guesses(layer, draw), TRIES):
        try:
            called(other, inputs)
            return inputs
        except Exception as error:
            last = last or error
    words = ", ".join(map(str, forward_parameters(layer)))
    raise InputError(
        f"No inputs were found on which {name} runs.",
        got=told(last, path) if last else f"forward({words})",
        wanted=f"inputs for forward({words})",
        fix="Give one --input for each, such as --input 4x3 --input '4:int64<3', "
        f"or example_inputs = (torch.randn(4, 3), …) in {path.name}.",
    )


def guesses(layer: Any, draw: torch.Generator) -> Iterator[tuple]:
    """Usual inputs, the likeliest first: rows, sequences, pictures, signals, one vector; then with integers."""
    parameters = [p for p in forward_parameters(layer) if p.kind is not p.VAR_POSITIONAL and wanted(p, layer)]
    parameters = parameters or forward_parameters(layer)[:1]
    for first in firsts(layer):
        options = [[first], *(others(p, first) for p in parameters[1:])]
        for forms in itertools.islice(itertools.product(*options[: len(parameters)]), EACH):
            yield fitted(layer, tuple(parsed(form, draw) for form in forms))


def wanted(parameter: inspect.Parameter, layer: Any) -> bool:
    """True for what is to be given: what has no default, and a Function's or a pair's bias=None."""
    optional = parameter.default is None and not isinstance(layer, nn.Module)
    return parameter.default is parameter.empty or (optional and parameter.name in (*SCALES, *WEIGHTS))


def firsts(layer: Any) -> list[str]:
    """Forms of the first input: what the module's own sizes ask for, then the usual ones."""
    usual = ["4x3", "2x3x4", "2x3x8x8", "2x3x8", "6", "4x3:int64<3", "4:int64<3", "2x1x28x28", "2x3x32x32"]
    if not isinstance(layer, nn.Module):
        return usual
    own = [form for module in layer.modules() for form in by_sizes(module)]
    weights = [p.shape for p in layer.parameters() if not nn.parameter.is_lazy(p)]
    widths = {width for shape in weights if len(shape) in (1, 2) for width in (shape[-1], shape[0])}
    kernels = {f"2x{shape[1]}{'x8' * (len(shape) - 2)}" for shape in weights if len(shape) in (3, 4)}
    wide = [form for width in sorted(widths - {1})[:6] for form in (f"4x{width}", f"2x3x{width}")]
    return list(dict.fromkeys([*own, *sorted(kernels), *wide, *usual]))


def by_sizes(module: nn.Module) -> list[str]:
    """The inputs torch.nn's modules take, by the attributes in which they keep their sizes."""

    def size(name: str) -> Any:
        value = getattr(module, name, None)
        return value if isinstance(value, int) else None

    found = []
    if words := size("num_embeddings"):
        found += [f"4x3:int64<{words}"]
    if width := size("in_features") or size("in1_features"):
        found += [f"4x{width}", f"2x3x{width}"]
    if channels := size("in_channels") or size("num_channels"):
        found += [f"2x{channels}x8x8", f"2x{channels}x8", f"2x{channels}x4x4x4", f"2x{channels}x28x28"]
    if width := size("num_features"):
        found += [f"5x{width}", f"3x{width}x4", f"3x{width}x4x4"]
    if width := size("embed_dim") or size("d_model") or size("input_size"):
        found += [f"2x3x{width}", f"4x{width}"]
    shape = getattr(module, "normalized_shape", None)
    if isinstance(shape, (tuple, list)) and shape:
        found += ["x".join(map(str, (4, *shape)))]
    return found


def others(parameter: inspect.Parameter, first: str) -> list[str]:
    """Forms of a further input, the likeliest first, beside a first one of this form."""
    sizes = first.partition(":")[0].split("x")
    rows, width, same, two = sizes[0], sizes[-1], "x".join(sizes), "x".join(sizes[:2])
    kernel = "x".join(["2", *sizes[1:2], *(["3"] * max(0, len(sizes) - 2))])
    known = {
        ("p", "eps", "alpha", "slope", "rate", "dropout"): ["0.5"],
        ("mask",): [f"{same}:bool", f"{two}:bool", f"{rows}:bool"],
        ("ids", "label", "labels", "index", "tokens"): [f"{rows}:int64<3", f"{two}:int64<3"],
        SCALES: [width, "2", same, "scalar"],
        WEIGHTS: [f"2x{width}", f"{width}x2", kernel, "3", width, same],
    }
    plain = {"bool": ["=True"], "int": ["=2", "=1"], "float": ["0.5"]}
    usual = [same, f"{rows}:int64<3", width, f"{width}x2", f"2x{width}", "scalar", "=1"]
    words = parameter.name.lower().split("_")
    forms = next((forms for names, forms in known.items() if set(words) & set(names)), usual)
    return list(dict.fromkeys(plain.get(kind_of(parameter), forms)))
