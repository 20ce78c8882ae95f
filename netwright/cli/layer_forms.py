"""Inputs as they are written on a command line: a shape such as 4x3, integers as 4x3:int64<10, plain values."""

import re
from typing import Any

import torch
from torch import Tensor

from netwright.cli.layer_making import literal
from netwright.core.errors import InputError

FORM = re.compile(r"(scalar|\d+(?:x\d+)*)(?::([a-z]+\d*)(?:<(\d+))?)?")
FLOATS = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16}
INTEGERS = {"int64": torch.int64, "int32": torch.int32}


def parsed(text: str, draw: torch.Generator) -> Any:
    """`4x3` as a tensor of that shape, `4x3:int64<10` as integers below ten, `3.5`, `none` and `=2` as plain values."""
    form = FORM.fullmatch(text)
    if form is None:
        value = literal(text.removeprefix("="))
        if text.startswith("="):
            return value
        if isinstance(value, (tuple, list)) and value and all(type(size) is int for size in value):
            raise as_shape(text, "x".join(map(str, value)))
        if not isinstance(value, str):
            return value
    else:
        shape = () if form[1] == "scalar" else tuple(map(int, form[1].split("x")))
        kind, below = form[2] or "float32", int(form[3] or 10)
        if kind in FLOATS and not form[3]:
            return torch.randn(shape, generator=draw).to(FLOATS[kind])
        if kind in INTEGERS:
            return torch.randint(below, shape, generator=draw, dtype=INTEGERS[kind])
        if kind == "bool" and not form[3]:
            return torch.randint(2, shape, generator=draw) > 0
    raise InputError(
        "An input can't be read.",
        got=f"--input {text}",
        wanted="a shape such as 4x3, 4x3:float64, '4x3:int64<10' or 4x3:bool; scalar; or a plain value: 3.5, none, =2",
        fix=f"Give one --input for each argument of forward. Kinds are {', '.join([*FLOATS, *INTEGERS, 'bool'])}.",
    )


def as_shape(text: str, form: str) -> InputError:
    """What to say to 4,3 where a shape is meant."""
    return InputError(
        "A shape is written with x between its sizes.",
        got=f"--input {text}",
        wanted=f"--input {form} for a tensor of that shape",
        fix=f"Give --input {form}; or '={text}' for the Python value itself.",
    )


def listed(inputs: tuple) -> str:
    """Such as float32 (4, 3) and None."""
    return " and ".join(
        f"{str(v.dtype).removeprefix('torch.')} {tuple(v.shape)}" if isinstance(v, Tensor) else repr(v) for v in inputs
    )


def written(value: Any) -> str:
    """An input as --input takes it."""
    if not isinstance(value, Tensor):
        return str(value).lower() if value is None or isinstance(value, float) else f"={value}"
    form = "x".join(map(str, value.shape)) or "scalar"
    if value.dtype == torch.bool:
        return f"{form}:bool"
    if value.dtype == torch.float32:
        return form
    below = f"<{int(value.max()) + 1}" if not value.is_floating_point() else ""
    return f"{form}:{str(value.dtype).removeprefix('torch.')}{below}"
