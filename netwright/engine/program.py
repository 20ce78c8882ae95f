"""The operators of one step, written down: what the traced and the compiled tier run instead of Python."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["batch", "parameter", "buffer"]


@dataclass(frozen=True)
class Value:
    """A tensor of the program, by its number."""

    number: int


@dataclass(frozen=True)
class Call:
    """One operator. `arguments` are in the order of its schema: numbers, types, Values, and lists of them.

    `results` has an entry for each result: a Value, None for one that is undefined, or a tuple for a list of tensors.
    """

    operator: str
    """As in "aten::mm"."""
    overload: str
    arguments: tuple[Any, ...]
    results: tuple[Any, ...]

    @property
    def function(self) -> torch._ops.OpOverload:
        """The operator itself."""
        space, name = self.operator.split("::")
        return getattr(getattr(getattr(torch.ops, space), name), self.overload or "default")

    @property
    def draws(self) -> bool:
        """True for an operator that draws random numbers."""
        return torch.Tag.nondeterministic_seeded in self.function.tags


@dataclass(frozen=True)
class Form:
    """Shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: Tensor) -> "Form":
        """The form of this one."""
        return cls(tuple(tensor.shape), tensor.dtype)

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    def empty(self) -> Tensor:
        """Some tensor of this form."""
        return torch.empty(self.shape, dtype=self.dtype)


@dataclass(frozen=True)
class Draw:
    """A call that draws random numbers, the forms of the tensors it is given, by number, and that of its result."""

    call: Call
    templates: tuple[tuple[int, Form], ...]
    form: Form


@dataclass(frozen=True)
class Slot:
    """A tensor the program starts from. `name` is a parameter's or buffer's name, or a number as text."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Segment:
    """The operators up to one update: the losses of a phase and the gradients of its parameters.

    `weight` is the weight beside the loss: a number, a Value, or None for the rows of the batch.
    """

    phase: str
    calls: tuple[Call, ...]
    loss: Value
    weight: Value | float | None
    figures: tuple[tuple[str, Value], ...]
    gradients: tuple[Value | None, ...]


@dataclass(frozen=True)
class Program:
    """One step: values 0 … are the slots; the segments follow each other, with an update after each."""

    slots: tuple[Slot, ...]
    segments: tuple[Segment, ...]
    draws: tuple[Draw, ...] = ()
    changed: tuple[str, ...] = ()
    """The buffers that the step changes."""

    def calls(self) -> Iterator[Call]:
        """All calls, in order."""
        for segment in self.segments:
            yield from segment.calls


def values(tree: Any) -> Iterator[Value]:
    """The values in arguments or results."""
    if isinstance(tree, Value):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from values(item)


def replaced(tree: Any, tensors: dict[int, Tensor]) -> Any:
    """Arguments with the tensors in the places of their values."""
    if isinstance(tree, Value):
        return tensors[tree.number]
    if isinstance(tree, (tuple, list)):
        return type(tree)(replaced(item, tensors) for item in tree)
    return tree


def channels_last(program: Program, images: Sequence[int], fresh: int) -> Program:
    """The program with the batch tensors numbered `images` laid out as channels_last first; `fresh` is unused.

    Views become reshapes, for a view of a picture's numbers in the order of channels is a copy in this layout; and the
    gradients are laid out as the weights are, for an optimizer's kernel goes through both side by side.
    """
    slots = [n for n, slot in enumerate(program.slots) if slot.kind == "batch" and int(slot.name) in images]
    renamed = {Value(n): Value(fresh + i) for i, n in enumerate(slots)}
    head = [Call("aten::contiguous", "", (v, torch.channels_last), (renamed[v],)) for v in renamed]
    fresh += len(slots)
    segments = []
    for segment in program.segments:
        calls = [replace(_reshaping(call), arguments=_renamed(call.arguments, renamed)) for call in segment.calls]
        laid = {g: Value(fresh + i) for i, g in enumerate(segment.gradients) if g is not None}
        tail = [Call("aten::contiguous", "", (g, torch.contiguous_format), (laid[g],)) for g in laid]
        gradients = tuple(laid[g] if g is not None else None for g in segment.gradients)
        segments.append(replace(segment, calls=(*head, *calls, *tail), gradients=gradients))
        head, fresh = [], fresh + len(segment.gradients)
    return replace(program, segments=tuple(segments))


def _reshaping(call: Call) -> Call:
    viewing = call.operator in ("aten::view", "aten::_unsafe_view") and not call.overload
    return replace(call, operator="aten::reshape") if viewing else call


def _renamed(tree: Any, names: dict[Value, Value]) -> Any:
    if isinstance(tree, Value):
        return names.get(tree, tree)
    return tuple(_renamed(item, names) for item in tree) if isinstance(tree, tuple) else tree


def run(call: Call, tensors: dict[int, Tensor]) -> None:
    """Run one operator on the tensors of its arguments, adding its results to them."""
    function, arguments = call.function, replaced(call.arguments, tensors)
    if call.operator == "aten::native_batch_norm":  # it changes its running statistics without saying so
        function = torch.ops.aten._native_batch_norm_legit.default
    schema = call.function._schema.arguments
    named = {a.name: v for a, v in zip(schema, arguments, strict=True) if a.kwarg_only}
    out = function(*arguments[: len(arguments) - len(named)], **named)
    for result, value in zip(call.results, out if isinstance(out, tuple) else (out,), strict=True):
        if isinstance(result, tuple):
            tensors |= {r.number: v for r, v in zip(result, value, strict=True)}
        elif result is not None:
            tensors[result.number] = value
