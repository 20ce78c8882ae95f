"""Watching every operator of one step, forward and backward, for the first result that is not finite."""

import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from netwright.core.trees import leaves
from netwright.doctor.traceless import reached
from netwright.doctor.wording import named

MASKING = {"masked_fill", "masked_fill_", "fill_", "full", "full_like", "where", "tensor", "triu", "tril", "as_tensor"}
"""What writes −inf on purpose. Not to be blamed for it."""
UNWRITTEN = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_"}
"""What gives memory as it was left: whatever lies there is not a result yet."""
PACKAGE, TORCH = (str(Path(p).parent) for p in (__file__, str(torch.__file__)))


@dataclass(frozen=True, kw_only=True)
class Event:
    """The first time something was not finite."""

    operator: str
    """The name of torch's function, or of the gradient's; empty where a submodule is all that is known."""
    inside: str
    """Such as 'head' (Linear), or empty for the loss."""
    line: str
    """File, number and text of the person's line that ran it, where it is known."""
    values: str
    """NaN or infinity."""
    gradient: bool = False
    masked: bool = False
    """Whether infinities were written in on purpose before."""
    largest: float = 0.0
    """The largest finite size among what went in."""
    dtype: torch.dtype = torch.float32

    def __str__(self) -> str:
        subject = f"The gradient of {self.operator}" if self.gradient else f"The result of {self.operator}"
        subject = subject if self.operator else "The output"
        where = f"in {self.inside}" if self.inside else "in the loss itself"
        line = f", {self.line}" if self.line else ""
        return f"{subject} {where} was the first to be not finite ({self.values}){line}."


class Tracer(TorchFunctionMode):
    """While it is entered, notes the first operator of `module`, or of its loss, whose result isn't finite."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.first: Event | None = None
        self.masked = False
        self.nodes: dict[Any, tuple[str, str]] = {}
        """The places of gradient functions: which submodule made them, on which line."""
        self.names = {m: named(name, m) for name, m in module.named_modules()}
        self.stack: list[nn.Module] = []
        self.handles: list[Any] = []
        for submodule in self.names:
            self.handles.append(submodule.register_forward_pre_hook(self.enters))
            self.handles.append(submodule.register_forward_hook(self.leaves_it, always_call=True))

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run the function, then look at what it gave."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        given = [t for t in leaves(result) if t.is_floating_point()]
        if name == "__get__" or name in UNWRITTEN or not given:
            return result
        self.mark(given)
        if self.first is None and not all(finite(t) for t in given):
            self.judge(name, given, [t for t in leaves((args, dict(kwargs or {}))) if t.is_floating_point()])
        return result

    def judge(self, name: str, given: list[Tensor], taken: list[Tensor]) -> None:
        """Note an operator that gave what isn't finite, unless it passed on or made the −inf of a mask."""
        nan = any(t.isnan().any() for t in given)
        negative_only = not nan and not any((t == torch.inf).any() for t in given)
        if negative_only and (self.masked or name in MASKING or not all(finite(t) for t in taken)):
            self.masked = True
            return
        self.first = Event(
            operator=name,
            inside=self.inside(),
            line=line_of(sys._getframe(2)),
            values="NaN" if nan else "infinity",
            masked=self.masked,
            largest=max((largest(t) for t in taken), default=0.0),
            dtype=given[0].dtype,
        )

    def inside(self) -> str:
        """The innermost submodule at work."""
        return self.names[self.stack[-1]] if self.stack else ""

    def enters(self, module: nn.Module, args: tuple) -> None:
        """A submodule begins."""
        self.stack.append(module)

    def leaves_it(self, module: nn.Module, args: tuple, output: Any) -> None:
        """A submodule ends; what its operators hid from us, as those of an autograd.Function are, shows here."""
        given = [t for t in leaves(output) if isinstance(t, Tensor) and t.is_floating_point()]
        self.mark(given)
        wrong = [t for t in given if t.isnan().any() or (t == torch.inf).any()]
        if self.first is None and wrong:
            taken = [t for t in leaves(args) if t.is_floating_point()]
            self.first = Event(
                operator="",
                inside=self.inside(),
                line="",
                values="NaN" if wrong[0].isnan().any() else "infinity",
                largest=max((largest(t) for t in taken), default=0.0),
                dtype=wrong[0].dtype,
            )
        if self.stack:
            self.stack.pop()

    def mark(self, given: list[Tensor]) -> None:
        """Remember for each new gradient function where it was made."""
        place = None
        open_nodes = [t.grad_fn for t in given]
        while open_nodes:
            node = open_nodes.pop()
            if node is None or node in self.nodes:
                continue
            place = place or (self.inside(), line_of(sys._getframe(2)))
            self.nodes[node] = place
            open_nodes += [n for n, _ in node.next_functions]

    def backward(self, loss: Tensor) -> None:
        """Run the backward pass of a loss, noting the first gradient function that turns finite into not finite.

        No gradient is kept: a loss that closes over the module reaches the original's weights.
        """
        self.mark([loss])
        for node, place in self.nodes.items():
            self.handles.append(node.register_hook(self.watcher(node, place)))
        torch.autograd.grad(loss.sum(), list(reached(loss).values()), allow_unused=True)

    def watcher(self, node: Any, place: tuple[str, str]) -> Any:
        """A hook of one gradient function."""

        def look(to_inputs: tuple, of_outputs: tuple) -> None:
            wrong = [g for g in to_inputs if isinstance(g, Tensor) and not finite(g)]
            came = [g for g in of_outputs if isinstance(g, Tensor)]
            if self.first is None and wrong and all(finite(g) for g in came):
                self.first = Event(
                    operator=node.name().removesuffix("0").removesuffix("Backward").lower(),
                    inside=place[0],
                    line=place[1],
                    values="NaN" if wrong[0].isnan().any() else "infinity",
                    gradient=True,
                    largest=max((largest(g) for g in came), default=0.0),
                    dtype=wrong[0].dtype,
                )

        return look

    def close(self) -> None:
        """Remove every hook."""
        for handle in self.handles:
            handle.remove()


def finite(tensor: Tensor) -> bool:
    """Whether all of a tensor is."""
    return bool(tensor.isfinite().all())


def largest(tensor: Tensor) -> float:
    """The largest finite size in a tensor, 0 if there is none."""
    sizes = tensor.detach().abs()
    sizes = sizes[sizes.isfinite()]
    return float(sizes.max()) if sizes.numel() else 0.0


def line_of(frame: FrameType | None) -> str:
    """The innermost line that is neither torch's nor ours, as file, number and text."""
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((PACKAGE, TORCH, "<")):
            text = linecache.getline(path, frame.f_lineno).strip()
            return f"{Path(path).name} line {frame.f_lineno}" + (f": {text}" if text else "")
        frame = frame.f_back
    return ""
