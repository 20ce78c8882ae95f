"""A network as text: what `print(module)` shows, with the shape each part gives and its parameters."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def describe(module: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    """One line a module, indented as the modules are nested. `inputs` are a row or more; their number is written B."""
    shapes = _shapes(module, inputs)
    lines = []
    for name, part in module.named_modules():
        own = sum(p.numel() for p in part.parameters())
        depth = name.count(".") + bool(name)
        label = f"({name.rsplit('.', 1)[-1]}): " if name else ""
        text = f"{'  ' * depth}{label}{_headline(part)}"
        lines.append((text, shapes.get(name, ""), f"{own:,}" if own else ""))
    total = sum(p.numel() for p in module.parameters())
    width = [max(len(line[i]) for line in [*lines, ("", "output", "parameters")]) for i in range(3)]
    rows = [("", "output", "parameters"), *lines]
    table = [f"{a:<{width[0]}}  {b:<{width[1]}}  {c:>{width[2]}}".rstrip() for a, b, c in rows]
    return "\n".join([*table, "", f"{total:,} parameters"])


def _headline(part: nn.Module) -> str:
    extra = part.extra_repr() if "\n" not in part.extra_repr() else ""
    return f"{type(part).__name__}({extra})"


def _shapes(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, str]:
    """By name: the shape of what each module gives. An axis that grows with the rows is written B."""
    few = _observed(module, tuple(x[:1] for x in inputs))
    more = _observed(module, tuple(torch.cat([x[:1], x[:1]]) for x in inputs))
    found = {}
    for name, shape in few.items():
        sizes = ["B" if a != b else str(a) for a, b in zip(shape, more[name], strict=True)]
        found[name] = f"({', '.join(sizes)})"
    return found


def _observed(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(part: nn.Module, given: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = tuple(output.shape)

        return hook

    handles = [part.register_forward_hook(note(name)) for name, part in module.named_modules()]
    try:
        with torch.no_grad():
            module.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found
