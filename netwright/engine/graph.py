"""A segment of a program as a function that torch's own graph executor runs, without Python between the operators.

The executor is TorchScript's. Its language for users is deprecated and not used here: the graph is written down as
text, which torch parses, and values die after their last use.
"""

import math
from collections.abc import Callable, Sequence, Set
from typing import Any

import torch

from netwright.engine.program import Call, Segment, Value, values
from netwright.engine.recording import Refused

DTYPES = {
    torch.uint8: 0,
    torch.int8: 1,
    torch.int16: 2,
    torch.int32: 3,
    torch.int64: 4,
    torch.float16: 5,
    torch.float32: 6,
    torch.float64: 7,
    torch.bool: 11,
    torch.bfloat16: 15,
}
"""The numbers of c10::ScalarType."""
FORMATS = {torch.contiguous_format: 0, torch.preserve_format: 1, torch.channels_last: 2, torch.channels_last_3d: 3}
"""The numbers of c10::MemoryFormat."""


def compile_segment(segment: Segment, inputs: Sequence[int], outputs: Sequence[int]) -> Callable[..., tuple]:
    """A function from the tensors numbered `inputs` to a tuple of those numbered `outputs`.

    Raises Refused for what the executor has no words for.
    """
    text = Text()
    for call in segment.calls:
        text.call(call)
    head = ", ".join(f"%{n} : Tensor" for n in inputs)
    kinds = ", ".join("Tensor" for _ in outputs)
    body = "\n  ".join([*text.lines, f"%out : ({kinds}) = prim::TupleConstruct({', '.join(f'%{n}' for n in outputs)})"])
    return parsed(f"graph({head}):\n  {body}\n  return (%out)")


def parsed(text: str) -> Callable[..., tuple]:
    """A graph written as text as a function. Raises Refused for what the executor does not know."""
    try:
        return torch._C._create_function_from_graph("graph", torch._C.parse_ir(text))
    except RuntimeError as error:
        raise Refused(f"torch's graph executor does not take it: {str(error).strip().splitlines()[0]}") from None


class as_written:
    """While inside, the executor runs graphs as they were written: its rewritten ones round otherwise.

    Operators run as they did when they were recorded, below autograd but not without it: where gradients are off, an
    LSTM does not keep what its backward needs.
    """

    def __enter__(self) -> None:
        """Turn rewriting off, and go below autograd."""
        self.before = torch._C._get_graph_executor_optimize(), torch.is_grad_enabled()
        torch._C._set_graph_executor_optimize(False)
        torch.set_grad_enabled(True)
        self.below = torch._C._AutoDispatchBelowAutograd()

    def __exit__(self, *_: object) -> None:
        """As it was."""
        del self.below
        torch._C._set_graph_executor_optimize(self.before[0])
        torch.set_grad_enabled(self.before[1])


def crossing(segments: Sequence[Segment], given: Set[int]) -> list[tuple[list[int], list[int]]]:
    """By segment: the values it reads from before it, and those it must give: its results, and what later ones read.

    `given` are the values that are there before the first.
    """
    made = [{v.number for call in s.calls for v in values(call.results)} - given for s in segments]
    reads = []
    for own, segment in zip(made, segments, strict=True):
        used = {v.number for call in segment.calls for v in values(call.arguments)} | {
            v.number for v in wanted(segment)
        }
        reads.append(sorted(used - own))
    result = []
    for i, segment in enumerate(segments):
        later = {n for read in reads[i + 1 :] for n in read} & made[i]
        result.append((reads[i], sorted(later | {v.number for v in wanted(segment)})))
    return result


def wanted(segment: Segment) -> list[Value]:
    """What a segment is run for."""
    weight = [segment.weight] if isinstance(segment.weight, Value) else []
    return [segment.loss, *weight, *(v for _, v in segment.figures), *(g for g in segment.gradients if g is not None)]


class Text:
    """The lines of a graph."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[tuple[str, str], str] = {}
        self.fresh = 0

    def call(self, call: Call) -> None:
        """One operator, its constants before it, its lists of results unpacked after it."""
        schema = call.function._schema
        for argument, value in zip(schema.arguments, call.arguments, strict=True):
            if str(argument.type) == "Tensor" and isinstance(value, (bool, int, float)):
                schema = _scalar_overload(call)
                break
        arguments = [
            self.value(value, str(argument.type))
            for argument, value in zip(schema.arguments, call.arguments, strict=True)
        ]
        results, unpacked = [], []
        for result in call.results:
            if isinstance(result, tuple):
                name = self.name()
                results.append(f"{name} : Tensor[]")
                unpacked.append(f"{', '.join(f'%{v.number} : Tensor' for v in result)} = prim::ListUnpack({name})")
            elif result is None or result in call.arguments:  # an operator in place gives what it was given
                results.append(f"{self.name()} : Tensor")
            else:
                results.append(f"%{result.number} : Tensor")
        left = ", ".join(results) + " = " if results else ""
        self.lines.append(f"{left}{call.operator}({', '.join(arguments)})")
        self.lines.extend(unpacked)

    def value(self, value: Any, kind: str) -> str:
        """The name of a value; `kind` is the type the schema gives it."""
        if isinstance(value, Value):
            return f"%{value.number}"
        if isinstance(value, (tuple, list)):
            return self.list(value, kind)
        if isinstance(value, float) and not math.isfinite(value):
            return self.boundless(value)
        return self.constant(*_literal(value))

    def boundless(self, value: float) -> str:
        """The name of an infinity, or of NaN: torch's text has none, but reads one from a string."""
        written = self.constant("str", f'[value="{value}"]')
        name = self.name()
        self.line(f"{name} : float = aten::Float({written})")
        return name

    def line(self, line: str) -> None:
        """A line as it is."""
        self.lines.append(line)

    def listed(self, names: Sequence[str]) -> str:
        """A list of tensors that have names."""
        name = self.name()
        self.line(f"{name} : Tensor[] = prim::ListConstruct({', '.join(names)})")
        return name

    def list(self, items: Sequence[Any], kind: str) -> str:
        """The name of a list of values."""
        item = "Tensor?" if "Optional[Tensor]" in kind else "Tensor" if "Tensor" in kind else ""
        item = item or ("bool" if "bool" in kind else "float" if "float" in kind else "int")
        parts = [self.value(value, item) for value in items]
        name = self.name()
        self.lines.append(f"{name} : {item}[] = prim::ListConstruct({', '.join(parts)})")
        return name

    def constant(self, kind: str, value: str) -> str:
        """The name of a constant, written down once."""
        key = (kind, value)
        if key not in self.constants:
            self.constants[key] = self.name()
            self.lines.append(f"{self.constants[key]} : {kind} = prim::Constant{value}()")
        return self.constants[key]

    def name(self) -> str:
        """A name that is not used yet."""
        self.fresh += 1
        return f"%c{self.fresh}"


def _literal(value: Any) -> tuple[str, str]:
    """The type of a constant and how it is written."""
    if value is None:
        return "NoneType", ""
    if isinstance(value, (str, torch.device)):
        return "str" if isinstance(value, str) else "Device", f'[value="{value}"]'
    if isinstance(value, float) and math.isfinite(value):
        return "float", f"[value={value!r}]"
    numbers = {**DTYPES, **FORMATS, torch.strided: 0}
    number = value if isinstance(value, int) else numbers.get(value) if value.__hash__ else None
    if number is None:
        raise Refused(f"torch's graph executor has no constant {value!r}")
    return "bool" if isinstance(value, bool) else "int", f"[value={int(number)}]"


def _scalar_overload(call: Call) -> Any:
    """The schema of the overload for a number in the place of a tensor: `x * 2` is recorded as mul.Tensor."""
    name = call.overload.replace("Tensor", "Scalar") or "Scalar"  # floor_divide has no name for the tensor one
    packet = getattr(torch.ops.aten, call.operator.removeprefix("aten::"), None)
    if packet is None or name not in packet.overloads():
        raise Refused(f"{call.operator} is given a number where it takes a tensor")
    return getattr(packet, name)._schema
