"""Writes a step down as a `Program`, by running it once and looking at every operator that passes the dispatcher.

The operators are seen below autograd, those of the backward pass included, so whatever a module is made of (BatchNorm,
dropout, a hand-written backward) comes out as plain operators. What a program can't hold is refused with the reason.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from netwright.core import trees
from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.engine.averages import trainable
from netwright.engine.eager import arithmetic
from netwright.engine.job import Job
from netwright.engine.program import Call, Draw, Form, Kind, Program, Segment, Slot, Value, channels_last, values

PLAIN = Plan()
READS_A_VALUE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""Tags of operators whose result, or its size, depends on the numbers in a tensor: Python may go another way next
time."""


class Refused(Exception):
    """This step can't be run in this way; the text says why."""


class Recorder(TorchDispatchMode):
    """Collects calls. Tensors get numbers when they are first seen."""

    def __init__(self) -> None:
        super().__init__()
        self.slots: list[Slot] = []
        self.constants: dict[int, Tensor] = {}
        self.calls: list[Call] = []
        self.draws: list[Draw] = []
        self.numbers: dict[int, int] = {}
        self.places: dict[tuple, int] = {}
        self.outside: set[int] = set()
        self.kept: list[Tensor] = []

    def slot(self, kind: Kind, name: str, tensor: Tensor) -> None:
        """Make a tensor known as one the program starts from."""
        if id(tensor) not in self.numbers:
            self.slots.append(Slot(kind, name))
            self._number(tensor)

    def value(self, tensor: Tensor) -> Value:
        """The value a tensor is; one that comes from outside becomes a constant."""
        number = self.numbers.get(id(tensor))
        if number is None:
            number = self.places.get(_place(tensor))  # another handle on the same memory, as saved tensors are
        if number is None:
            if tensor.is_leaf and tensor.requires_grad:
                raise Refused("a parameter that is not the module's takes part")
            if type(tensor) is not Tensor:
                raise Refused(f"a {type(tensor).__name__} takes part")
            number = self._number(tensor)
            self.constants[number] = tensor
            self.outside.add(_memory(tensor))
        return Value(number)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run one operator and write it down."""
        name = func._schema.name
        if READS_A_VALUE & {*func.tags} and (name != "aten::index" or _masks(args)):
            raise Refused(f"what it does depends on the numbers in a tensor ({name.removeprefix('aten::')})")
        passed = list(_in_order(func._schema, args, kwargs or {}))
        arguments = tuple(self._argument(value) for value in passed)
        if any(_memory(tensor) in self.outside for tensor in _written(func._schema, passed)):
            raise Refused("it writes into a tensor that is neither a parameter nor a buffer")
        out = func(*args, **(kwargs or {}))
        if name == "aten::detach":
            self.numbers[id(out)] = arguments[0].number
            self.kept.append(out)
            return out
        if not any(True for _ in trees.leaves((passed, out))):
            return out  # such as the type that two types make: every time the same
        results = tuple(self._result(r) for r in (out if isinstance(out, tuple) else (out,)))
        call = Call(name, func._schema.overload_name, arguments, results)
        self.calls.append(call)
        if call.draws and isinstance(out, Tensor):
            given = dict.fromkeys(v.number for v in values(arguments))
            self.draws.append(Draw(call, tuple((n, Form.of(self.kept[n])) for n in given), Form.of(out)))
        return out

    def taken(self) -> tuple[Call, ...]:
        """The calls since the last time this was asked."""
        calls, self.calls = tuple(self.calls), []
        return calls

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.value(value)
        if isinstance(value, (list, tuple)):
            return tuple(self._argument(item) for item in value)
        if isinstance(value, torch.Generator):
            raise Refused("it draws from a generator of its own")
        return value

    def _result(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return Value(self.numbers[id(value)] if id(value) in self.numbers else self._number(value))
        if isinstance(value, (list, tuple)):
            return tuple(self._result(item) for item in value)
        if value is not None:
            raise Refused("an operator gives something that is not a tensor")
        return None

    def _number(self, tensor: Tensor) -> int:
        number = len(self.kept)
        self.kept.append(tensor)  # so that no other tensor can get its id
        self.numbers[id(tensor)] = number
        if tensor.layout == torch.strided and tensor.numel():
            self.places[_place(tensor)] = number
        return number


class Unseen(TorchFunctionMode):
    """Refuses what takes numbers out of a tensor without an operator, for Python may go another way next time."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Let anything else pass."""
        if func in READS:
            raise Refused(f"what it does depends on the numbers in a tensor ({func.__name__})")
        return func(*args, **(kwargs or {}))


READS = {Tensor.tolist, Tensor.numpy, Tensor.__array__, Tensor.item, Tensor.data_ptr, Tensor.__dlpack__}


def record(job: Job, batch: Any, due: Sequence[Phase], plan: Plan = PLAIN) -> tuple[Program, dict[int, Tensor]]:
    """One batch of one step as a program, and the tensors it found outside. Raises Refused.

    The plan's precision is used, and where it says so, the program lays images out as channels_last.
    The step is run once, without its updates: give a copy of the module. Random numbers are drawn.
    """
    module = job.module
    before, kept = _python_state(module), _kept_tensors(module)
    buffers = {name: tensor.clone() for name, tensor in module.named_buffers()}
    recorder = Recorder()
    for i, tensor in enumerate(trees.leaves(batch)):
        recorder.slot("batch", str(i), tensor)
    for name, tensor in module.named_parameters():
        recorder.slot("parameter", name, tensor)
    for name, tensor in module.named_buffers():
        recorder.slot("buffer", name, tensor)
    with Unseen(), recorder:
        with arithmetic(module, plan.precision):
            shared = (job.share(module, batch),) if job.share else ()
        segments = tuple(_segment(recorder, module, phase, batch, shared, plan.precision) for phase in due)
    after = _python_state(module)
    for what in after | before:
        if after.get(what) != before.get(what):
            raise Refused(f"its forward changes {what}")
    if new := [name for name, key in _kept_tensors(module).items() if kept.get(name) != key]:
        raise Refused(f"its forward keeps a tensor in {new[0]}")
    changed = tuple(name for name, tensor in module.named_buffers() if not torch.equal(tensor, buffers[name]))
    program = Program(tuple(recorder.slots), segments, tuple(recorder.draws), changed)
    if plan.memory_format == "channels_last":
        if not all(p.is_contiguous() for p in module.parameters()):
            raise Refused("its weights are laid out in another way already")
        images = [i for i, tensor in enumerate(trees.leaves(batch)) if tensor.dim() == 4]
        program = channels_last(program, images, len(recorder.kept))
    return program, recorder.constants


def _segment(recorder: Recorder, module: nn.Module, phase: Phase, batch: Any, shared: tuple, precision: str) -> Segment:
    with arithmetic(module, precision):
        loss = phase.loss(module, batch, *shared)
    loss = loss if isinstance(loss, Loss) else Loss(value=loss)
    parameters = trainable(phase.optimizer)
    if not loss.value.requires_grad:
        raise Refused("its loss does not depend on the module it is given")
    gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    if any(g is not None and g.is_sparse for g in gradients):
        raise Refused("it has sparse gradients")
    gradients = [g if g is None else _laid_like(p, g) for p, g in zip(parameters, gradients, strict=True)]
    weight = loss.weight if not isinstance(loss.weight, Tensor) else recorder.value(loss.weight)
    figures = tuple((name, recorder.value(figure)) for name, figure in loss.figures.items())
    found = tuple(recorder.value(g) if g is not None else None for g in gradients)
    value = recorder.value(loss.value)
    return Segment(phase.name, recorder.taken(), value, weight, figures, found)


def _laid_like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the parameter's memory layout, as `.grad` would hold it: other strides round otherwise."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter, requires_grad=False).copy_(gradient)


def differences(first: Program, second: Program) -> str:
    """How two recordings of what should be the same step differ, in words; "" where they don't."""
    calls = list(zip(first.calls(), second.calls(), strict=False))
    for a, b in calls:
        if a != b:
            what = a.operator.removeprefix("aten::")
            if a.operator != b.operator:
                return f"its forward is another from call to call ({what}, then {b.operator.removeprefix('aten::')})"
            return f"its forward is another from call to call (in {what})"
    same = (first.slots, first.segments) == (second.slots, second.segments)
    return "" if same else "its forward is another from call to call"


def same_constants(first: dict[int, Tensor], second: dict[int, Tensor]) -> bool:
    """True where two recordings found the same tensors outside, or tensors with the same numbers."""
    return first.keys() == second.keys() and all(
        a is b or (a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b))
        for a, b in ((first[n], second[n]) for n in first)
    )


def _in_order(schema: Any, args: tuple, kwargs: dict) -> Iterator[Any]:
    """The values of all arguments, defaults included, in the order of the schema."""
    for i, argument in enumerate(schema.arguments):
        if i < len(args):
            yield args[i]
        elif argument.name in kwargs:
            yield kwargs[argument.name]
        else:
            yield argument.default_value if argument.has_default_value() else None


def _masks(args: tuple) -> bool:
    """True where tensors are indexed by which numbers are true, not by position."""
    return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in trees.leaves(args[1:]))


def _written(schema: Any, passed: Sequence[Any]) -> Iterator[Tensor]:
    """The tensors an operator writes into."""
    for argument, value in zip(schema.arguments, passed, strict=True):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from trees.leaves(value)


def _memory(tensor: Tensor) -> int:
    """A number for the memory a tensor is a view of."""
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided and tensor.numel() else id(tensor)


def _place(tensor: Tensor) -> tuple:
    if tensor.layout != torch.strided:
        return (id(tensor),)
    return (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.is_conj(), tensor.is_neg())


def _python_state(module: nn.Module) -> dict[str, Any]:
    """What a forward may read and change besides tensors: attributes, and Python's and NumPy's random numbers."""
    state: dict[str, Any] = {"Python's random numbers": random.getstate()}
    state["NumPy's random numbers"] = tuple(plain(part) or np.asarray(part).tobytes() for part in np.random.get_state())
    return state | attributes(module)


def _kept_tensors(module: nn.Module) -> dict[str, int]:
    """Tensors that are plain attributes, by name: one that is set anew at every step would go stale."""
    return {
        f"the attribute {name + '.' if name else ''}{key}": id(value)
        for name, part in module.named_modules()
        for key, value in vars(part).items()
        if isinstance(value, Tensor)
    }


def attributes(module: nn.Module) -> dict[str, Any]:
    """The plain values of a module's attributes, its parts' and their classes', by name."""
    state: dict[str, Any] = {}
    for name, part in module.named_modules():
        own = {key: value for key, value in vars(part).items() if key not in _OWN or key == "training"}
        shared = {k: v for k, v in vars(type(part)).items() if not k.startswith("__") and not callable(v)}
        for key, value in (shared | own).items():
            state[f"the attribute {name + '.' if name else ''}{key}"] = plain(value)
    return state


_OWN = set(vars(nn.Module()))
DEPTH = 4
"""Of objects in objects that are looked into."""


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A copy of what a value holds, to be compared later; None for tensors, modules and what can't be looked into."""
    if isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if depth == 0 or isinstance(value, (Tensor, nn.Module, type)) or callable(value):
        return None
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        return tuple(plain(item, depth - 1) for item in value)
    items = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return tuple((str(key), plain(item, depth - 1)) for key, item in items.items())
