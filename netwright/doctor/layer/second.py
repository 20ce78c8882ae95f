"""The second derivative: what differentiating backward gives, beside differences of backward."""

import math

import torch
from torch import Tensor

from netwright.doctor.layer.compare import coarse, sample
from netwright.doctor.layer.differences import EXACT, Differences
from netwright.doctor.layer.finding import SEE_FIRST, Finding
from netwright.doctor.layer.nodes import kept, once
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import number, place, zero_for_none
from netwright.doctor.layer.tensors import drawn

NAME = "second derivative"
ELEMENTS = 90
FEWEST = 4
EXACTER = 3.0
"""What second derivatives may be off more than first ones."""
ONCE = (
    "Where a gradient of gradients is never needed this is enough, and @once_differentiable says so. Otherwise make "
    "backward of differentiable steps on saved inputs and outputs: no .detach(), .data, .item(), NumPy or no_grad."
)


def check(subject: Subject) -> Finding:
    """For every source and every grad_output."""
    base = subject.passes()
    cotangents = [None if c is None else c.clone().requires_grad_() for c in base.cotangents]
    wanted = base.sources | {f"grad_output {i}": c for i, c in enumerate(cotangents) if c is not None}
    try:
        gradients = subject.gradients(base.sources, base.outputs, cotangents, create_graph=True)
    except Exception as error:
        return Finding(NAME, "not supported", f"backward can't be recorded: {first_line(error)}", ONCE)
    weights = {name: drawn(g, 20 + i) for i, (name, g) in enumerate(gradients.items()) if g is not None}
    joined = {name: g for name, g in gradients.items() if g is not None and g.requires_grad}
    if not joined or once(joined.values()):
        return Finding(NAME, "not supported", "backward gives gradients that can't be differentiated again", ONCE)
    if subject.wrong:
        return Finding(NAME, "not tried", SEE_FIRST)
    try:
        seconds = torch.autograd.grad(
            list(joined.values()),
            list(wanted.values()),
            [weights[name] for name in joined],
            allow_unused=True,
        )
    except Exception as error:
        return Finding(NAME, "not supported", f"it raises {first_line(error)}", ONCE)
    if all(second is None for second in seconds):
        return Finding(NAME, "not supported", "differentiating the gradients again gives nothing", ONCE)
    return _beside(subject, base, wanted, dict(zip(wanted, seconds, strict=True)), weights)


def _beside(
    subject: Subject,
    base: Base,
    wanted: dict[str, Tensor],
    seconds: dict[str, Tensor | None],
    weights: dict[str, Tensor],
) -> Finding:
    dtype = coarse(subject, base)
    cotangents = [wanted.get(f"grad_output {i}") for i in range(len(base.cotangents))]

    def gradients() -> list[Tensor]:
        found = subject.gradients(base.sources, subject.run(base.sources), [_plain(c) for c in cotangents])
        return [zero_for_none(found[n], base.sources[n]) for n in weights]

    differences = Differences(gradients, list(weights.values()), dtype)
    worst, tried = ("", 0.0), 0
    share = differences.affordable(max(FEWEST, ELEMENTS // len(wanted)), len(wanted))
    for name, tensor in wanted.items():
        told, far, count = _worst(subject, differences, name, tensor, seconds[name], share, dtype)
        worst, tried = max(worst, (told, far), key=lambda pair: pair[1]), tried + count
    if not worst[0]:
        return Finding(NAME, "passed", f"as differences of backward say, at {tried} elements")
    held = _held(subject, base)
    seen = worst[0] + (f". {held[0]}" if held[0] else "")
    return Finding(NAME, "not supported" if subject.kind == "pair" else "failed", seen, held[1])


def _worst(
    subject: Subject,
    differences: Differences,
    name: str,
    tensor: Tensor,
    second: Tensor | None,
    share: int,
    dtype: torch.dtype,
) -> tuple[str, float, int]:
    """The worst element in words, how far it is off, and how many were tried; "" where none is off."""
    if not tensor.numel():
        return "", 0.0, 0
    indices = sample(tensor, share, subject.seed, set())
    flat = torch.zeros(tensor.numel()) if second is None else second.detach().reshape(-1)
    slopes = [(int(k), float(flat[int(k)]), differences.by_element(tensor, int(k))) for k in indices]
    scale = max([abs(v) for k, says, s in slopes for v in (says, s.value) if math.isfinite(v)], default=0.0)
    worst, far = "", 0.0
    for k, says, slope in slopes:
        allowed = EXACTER * EXACT[dtype] * max(scale, 1e-3)
        if abs(says - slope.value) > slope.unsure + allowed:
            slope = differences.again(tensor, k, slope)
        distance = abs(says - slope.value)
        if distance > slope.unsure + allowed and distance > far:
            far = distance
            says_told = "nothing" if second is None else number(says)
            worst = f"by {subject.shown(name)}{place(k, tensor.shape)}: autograd says {says_told}, differences of "
            worst += f"backward say {number(slope.value)}"
    return worst, far / max(scale, 1e-12), len(slopes)


def _held(subject: Subject, base: Base) -> tuple[str, str]:
    """What is kept that autograd takes for a constant, and the mend."""
    given = {s.data_ptr() for s in base.sources.values()}
    for one in kept(subject.run(base.sources)):
        tensor = one.tensor
        if tensor.is_floating_point() and not tensor.requires_grad and tensor.data_ptr() not in given:
            what = f"{one.function} keeps {one.how} {tuple(tensor.shape)}, neither an input nor an output"
            if subject.kind == "pair":
                what = f"The cache holds a tensor {tuple(tensor.shape)} that is neither an input nor an output"
            fix = "Return it from forward as an output too, and add its gradient in backward; or compute it again in "
            return f"{what}: autograd takes it for a constant.", fix + "backward from the inputs."
    return "", "In backward use the saved inputs and outputs themselves: no .detach(), .data or copies of theirs."


def _plain(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
