"""A layer that works element by element, whose gradient lacks a factor, as a sigmoid's without 1 − y."""

from collections.abc import Iterator

import torch
from torch import Tensor

from netwright.doctor.layer.compare import Compared
from netwright.doctor.layer.left_out import Moved
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import CLOSE, number

FEWEST = 3
"""Elements that are off, to speak of a factor."""
FACTOR = "a factor is missing in the derivative"
SUMMAND = "a summand is missing in the derivative, or it is another function's"
MEND = (
    "Go through the chain rule step by step: each function on the way gives its own derivative as a factor, and in a "
    "product each factor gives a summand."
)


def missing_factor(wrong: Compared, moved: list[list[Moved]], base: Base, subject: Subject) -> tuple[str, str] | None:
    """What each element is off by, and by name where it is a simple one; None where elements act on each other."""
    source, output = base.sources[wrong.name], base.outputs[0]
    alone = all(len(each) == 1 and each[0].at == each[0].index and each[0].output == 0 for each in moved)
    if not alone or output.shape != source.shape:
        return None
    sure = torch.isfinite(wrong.found) & torch.isfinite(wrong.says)
    least = wrong.allowed
    both = sure & (wrong.found.abs() > least) & (wrong.says.abs() > least)
    none = sure & (wrong.found.abs() <= least) & (wrong.says.abs() <= least)
    if int(both.sum()) < FEWEST or not bool((both | none | ~sure).all()):
        return None
    ratio = (wrong.found / wrong.says)[both]
    at = wrong.indices[both]
    told = _named(ratio, at, wrong, base, subject) or (FACTOR if bool((ratio > 0).all()) else SUMMAND)
    low, high = (number(float(end)) for end in (ratio.min(), ratio.max()))
    seen = f"It is off by a factor that differs from element to element ({low} to {high} times would be right): "
    return f"{seen}{told}.", MEND


def _named(ratio: Tensor, at: Tensor, wrong: Compared, base: Base, subject: Subject) -> str:
    """The factor, by the input and the output of the element; "" where it is none of the usual ones."""
    for name, values in _usual(wrong, base, subject):
        values = values[at]
        for told, wanted in (("is missing", ratio), ("is one too many", 1 / ratio)):
            times = float((values * wanted).sum() / (values * values).sum())
            if bool(((times * values - wanted).abs() <= CLOSE * wanted.abs()).all()):
                factor = name if abs(times - 1) < CLOSE else f"{number(times)} · {name}"
                where = ", where y is the output" if "y" in name and "output" not in name else ""
                return f"the factor {factor} {told}{where}"
    return ""


def _usual(wrong: Compared, base: Base, subject: Subject) -> Iterator[tuple[str, Tensor]]:
    """Factors that are forgotten, by name."""
    x, y = (t.detach().reshape(-1).double().cpu() for t in (base.sources[wrong.name], base.outputs[0]))
    own = subject.shown(wrong.name).partition("(")[2].rstrip(")") or "x"
    out = "y" if own != "y" else "output"
    yield from ((out, y), (f"(1 − {out})", 1 - y), (f"(1 + {out})", 1 + y), (f"(1 − {out}²)", 1 - y * y))
    yield from ((own, x), (f"(1 − {own})", 1 - x), (f"(1 + {own})", 1 + x), (f"(1 − {own}²)", 1 - x * x))
    yield from ((f"{out} (1 − {out})", y * (1 - y)), (f"{out}²", y * y), (f"{own}²", x * x), (f"exp({own})", x.exp()))
    yield from ((f"cos({own})", x.cos()), (f"sin({own})", x.sin()))
    for name, other in base.sources.items():
        if name != wrong.name and other.shape == base.sources[wrong.name].shape:
            yield subject.shown(name), other.detach().reshape(-1).double().cpu()
