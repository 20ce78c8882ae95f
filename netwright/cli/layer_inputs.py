"""What a layer is called with: as --input says, as the file says in example_inputs, or guessed until forward runs."""

import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from netwright.cli.layer_file import told
from netwright.cli.layer_forms import listed, parsed, written
from netwright.cli.layer_guesses import guessed
from netwright.cli.layer_making import called, copied, fitted, forward_parameters
from netwright.core import trees
from netwright.core.errors import InputError


def inputs_of(
    layer: Any, name: str, module: ModuleType, given: list[str] | None, seed: int, path: Path
) -> tuple[tuple, str]:
    """The inputs, and where they come from, to be told. Raises InputError where forward does not run on them."""
    draw = torch.Generator().manual_seed(seed)
    if given:
        return tried(layer, name, fitted(layer, tuple(parsed(text, draw) for text in given)), path), ""
    example, note = getattr(module, "example_inputs", None), ""
    if isinstance(example, dict):
        example = example.get(name)
    if example is not None:
        inputs = as_tuple(example, path)
        try:
            return tried(layer, name, inputs, path), f"{name} is called with example_inputs of {path.name}."
        except InputError:
            found = fitting(layer, name, draw, path)
            if found is None:
                raise
        note = f"example_inputs of {path.name}, {listed(inputs)}, do not fit {name}; "
    else:
        found, note = guessed(layer, name, draw, path), "no inputs were given; "
    say = " ".join(f"--input {shlex.quote(written(value))}" for value in found)
    return found, (
        f"{note}forward runs on {listed(found)}, so these were taken. To say it yourself: {say}, "
        f"or example_inputs = (…) in {path.name}."
    )


def fitting(layer: Any, name: str, draw: torch.Generator, path: Path) -> tuple | None:
    """Usual inputs on which forward runs; None where there are none."""
    try:
        return guessed(layer, name, draw, path)
    except InputError:
        return None


def as_tuple(example: Any, path: Path) -> tuple:
    """example_inputs of the file, a function or the inputs themselves."""
    try:
        value = example() if callable(example) else example
    except Exception as error:
        value = told(error, path)
    if isinstance(value, (tuple, list)):
        return tuple(value)
    if isinstance(value, Tensor):
        return (value,)
    raise InputError(
        f"example_inputs of {path.name} are no inputs.",
        got=value if callable(example) else f"{type(value).__name__}: {value}",
        wanted="a tuple, one entry for each argument of forward; a function that gives it; or a dict of these by layer",
        fix="For example example_inputs = (torch.randn(4, 3),), or give --input 4x3.",
    )


def tried(layer: Any, name: str, inputs: tuple, path: Path) -> tuple:
    """The inputs, if forward runs on them, and there is something to differentiate."""
    whole = [i for i, x in enumerate(inputs) if whole_numbers(x)]
    floats = [x for x in trees.leaves(inputs) if x.is_floating_point()]
    weights = isinstance(layer, nn.Module) and any(p.requires_grad for p in layer.parameters())
    mend = f"Give floats: --input {written(inputs[whole[0]]).partition(':')[0]}." if whole else ""
    try:
        called(copied(layer), inputs)
    except Exception as error:
        typed = whole and any(word in str(error).lower() for word in ("dtype", "float", "scalar type"))
        raise InputError(
            f"{name} does not run on these inputs.",
            got=f"{listed(inputs)}: {told(error, path)}",
            wanted=f"inputs for forward({', '.join(map(str, forward_parameters(layer)))})",
            fix=mend if typed else "Give one --input for each, such as --input 4x3, or correct example_inputs.",
        ) from error
    if whole and not floats and not weights:
        raise InputError(
            f"Nothing of {name} can be differentiated: no input is of floats.",
            got=listed(inputs),
            wanted="an input of floats, or a layer with weights",
            fix=mend,
        )
    return inputs


def whole_numbers(value: Any) -> bool:
    """True for a tensor of integers or truth values."""
    return isinstance(value, Tensor) and not value.is_floating_point() and not value.is_complex()
