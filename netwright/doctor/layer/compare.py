"""A backward beside differences of forward: element by element, and where there are too many, along directions."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netwright.doctor.layer.differences import EXACT, Differences, Slope, works_in_float32
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import number, place
from netwright.doctor.layer.tensors import drawn

ELEMENTS = 240
"""Elements tried, of all sources together; those of large ones are drawn."""
FEWEST = 8
NOTHING = 1e-10
"""A gradient this much smaller than grad_output is taken for zero."""


@dataclass(frozen=True)
class Compared:
    """What backward says of one source beside differences: `indices` are the elements tried.

    `whole` is the derivative where all elements move together, and what backward says to that: elements of the same
    size, as those a maximum chooses from, stay so.
    """

    name: str
    indices: Tensor
    says: Tensor
    slopes: list[Slope]
    scale: float
    exact: float
    gradient: Tensor | None
    least: float
    whole: tuple[Slope, float] | None = None

    @property
    def found(self) -> Tensor:
        """The derivatives by differences."""
        return torch.tensor([s.value for s in self.slopes], dtype=torch.float64)

    @property
    def over(self) -> Tensor:
        """By element: how far backward is off, 0 where that may be."""
        unsure = torch.tensor([s.unsure for s in self.slopes], dtype=torch.float64)
        distance = (self.says - self.found).abs()
        known = torch.isfinite(self.found) & torch.isfinite(unsure)
        far = torch.where(distance > unsure + self.allowed, distance, 0.0)
        far = torch.where(self.says.isfinite(), far, float("inf"))
        return torch.where(known, far, 0.0)

    @property
    def allowed(self) -> float:
        """How far any element may be off."""
        return self.exact * self.scale + self.least

    @property
    def apart(self) -> bool:
        """True where elements are right one by one and wrong all together."""
        if self.whole is None or bool((self.over > 0).any()):
            return False
        slope, says = self.whole
        if not all(map(math.isfinite, (slope.value, slope.unsure, says))):
            return False
        return not abs(says - slope.value) <= slope.unsure + self.allowed * max(1, len(self.says)) ** 0.5

    @property
    def wrong(self) -> bool:
        """True where anything is off."""
        return self.apart or bool((self.over > 0).any())

    def told(self, shown: str, shape: torch.Size) -> str:
        """The worst element, or all together."""
        if self.apart and self.whole is not None:
            slope, says = self.whole
            return f"∂L/∂{shown}, all moved together: backward says {number(says)}, differences say " + number(
                slope.value
            )
        k = int(self.over.argmax())
        says = "None" if self.gradient is None else number(float(self.says[k]))
        where = f"∂L/∂{shown}{place(int(self.indices[k]), shape)}"
        return f"{where}: backward says {says}, differences say {number(float(self.found[k]))}"


def compare(subject: Subject, base: Base, elements: int = ELEMENTS, fewest: int = FEWEST) -> list[Compared]:
    """Backward beside differences, for each source; at fewer elements where forward is slow."""
    with torch.no_grad():
        dtype = coarse(subject, base)
        differences = Differences(lambda: subject.run(base.sources), base.cotangents, dtype)
        share = differences.affordable(max(fewest, elements // max(1, len(base.sources))), len(base.sources))
        least = NOTHING * max([float(c.abs().max()) for c in differences.weights if c.numel()], default=1.0)
        return [
            _compared(subject, differences, name, source, base.gradients[name], share, least)
            for name, source in base.sources.items()
            if source.numel()
        ]


def coarse(subject: Subject, base: Base) -> torch.dtype:
    """The numbers the layer works in: float32 where it rounds to float32 within."""
    if subject.dtype == torch.float32:
        return torch.float32
    moved = {name: s.detach() * (1 + 1e-9 * drawn(s, 3)) for name, s in base.sources.items()}
    with torch.no_grad():
        outputs = [o for o in subject.run(moved) if o.is_floating_point()]
    return torch.float32 if works_in_float32(outputs) else torch.float64


def _compared(
    subject: Subject,
    differences: Differences,
    name: str,
    source: Tensor,
    gradient: Tensor | None,
    share: int,
    least: float,
) -> Compared:
    """One source: its elements or some of them, all together, and if those are right, all along a drawn direction."""
    hidden = padding(subject, name, source)
    flat = torch.zeros(source.numel()) if gradient is None else gradient.detach().reshape(-1).double().cpu()
    indices = sample(source, share, subject.seed, hidden)
    slopes = [differences.by_element(source, int(k)) for k in indices]
    scale = max(
        [abs(s.value) for s in slopes if math.isfinite(s.value)] + [float(flat.abs().nan_to_num(0, 0, 0).max())]
    )
    exact = EXACT[differences.dtype]
    result = _settled(
        differences, source, Compared(name, indices, flat[indices], slopes, scale, exact, gradient, least)
    )
    if result.wrong:
        return result
    if len(indices) < source.numel() - len(hidden):
        k = _search(differences, source, flat, result, hidden)
        if k is not None:
            indices = torch.cat([indices, torch.tensor([k])])
            slopes = [*slopes, differences.by_element(source, k)]
            return _settled(differences, source, replace(result, indices=indices, says=flat[indices], slopes=slopes))
    ones = _without(torch.ones_like(source), hidden)
    whole = differences.along(source, ones)
    says = float((flat * ones.reshape(-1).double().cpu()).sum())
    result = replace(result, whole=(whole, says))
    if result.apart:
        return replace(result, whole=(differences.along_again(source, ones, whole), says))
    return result


def _settled(differences: Differences, source: Tensor, result: Compared) -> Compared:
    """With elements that are off measured again, by smaller steps."""
    again = [
        differences.again(source, int(k), slope) if far else slope
        for k, slope, far in zip(result.indices, result.slopes, (result.over > 0).tolist(), strict=True)
    ]
    return replace(result, slopes=again)


def _search(differences: Differences, source: Tensor, flat: Tensor, result: Compared, hidden: set[int]) -> int | None:
    """An element that is off, found by halves of a direction through all of them; None where none is."""
    direction = _without(drawn(source, 5), hidden).reshape(-1)

    def wrong(low: int, high: int) -> bool:
        part = torch.zeros_like(direction)
        part[low:high] = direction[low:high]
        slope = differences.along(source, part.reshape(source.shape))
        says = float((flat * part.double().cpu()).sum())
        return math.isfinite(slope.value) and abs(says - slope.value) > slope.unsure + result.allowed * float(
            part.norm()
        )

    low, high = 0, len(direction)
    if not wrong(low, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if wrong(low, middle) else (middle, high)
    return low


def sample(source: Tensor, share: int, seed: int, hidden: set[int]) -> Tensor:
    """The flat indices of the elements that are tried, in order."""
    total = source.numel()
    generator = torch.Generator().manual_seed(seed)
    order = torch.arange(total) if total <= share else torch.randperm(total, generator=generator)
    kept = [int(k) for k in order[: share + len(hidden)] if int(k) not in hidden][:share]
    return torch.tensor(sorted(kept), dtype=torch.int64)


def padding(subject: Subject, name: str, source: Tensor) -> set[int]:
    """Elements of an embedding's padding row: their gradient is zero because it was asked for."""
    if subject.kind != "module" or name in subject.labels:
        return set()
    owner = subject.layer.get_submodule(name.rpartition(".")[0])
    row = getattr(owner, "padding_idx", None)
    if not isinstance(row, int) or name.rpartition(".")[2] != "weight" or source.dim() != 2:
        return set()
    return set(range(row * source.shape[1], (row + 1) * source.shape[1]))


def _without(direction: Tensor, hidden: set[int]) -> Tensor:
    direction.view(-1)[list(hidden)] = 0
    return direction
