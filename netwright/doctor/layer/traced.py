"""The engine's traced tier: a training step with this layer in it, run from its recorded operators."""

from typing import Any

import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.subject import Base, Subject
from netwright.engine.gate import proven
from netwright.engine.job import Job
from netwright.engine.recording import Refused

NAME = "traced tier"
RATE = 0.1
FIX = (
    "Such steps run in the eager tier, which is right but slower. To be recorded, forward and backward must do the "
    "same operators at every call: no .item(), NumPy, Python branches on numbers, or state in attributes."
)


class Step(nn.Module):
    """The layer, with a weight of zeros beside each float input: its gradient is the input's."""

    def __init__(self, subject: Subject, base: Base) -> None:
        super().__init__()
        self.layer = subject.twin() if subject.kind == "module" else None
        self.function: Any = subject.layer.apply if subject.kind != "module" else None
        self.inputs, self.labels = subject.inputs, subject.labels
        self.names = [name for name in base.sources if name in subject.labels]
        self.beside = nn.ParameterList(nn.Parameter(torch.zeros_like(base.sources[name])) for name in self.names)
        for i, c in enumerate(base.cotangents):
            self.register_buffer(f"cotangent{i}", c)

    def forward(self, *leaves: Tensor) -> Tensor:
        """A loss whose gradients by the outputs are the cotangents."""
        given = dict(zip(self.labels, leaves, strict=True))
        given |= {name: given[name] + zero for name, zero in zip(self.names, self.beside, strict=True)}
        names = iter(self.labels)
        arguments = trees.mapped(lambda _: given[next(names)], self.inputs)
        outputs: Any = self.layer(*arguments) if self.layer is not None else self.function(*arguments)
        parts = []
        for i, output in enumerate(trees.leaves(outputs)):
            cotangent = getattr(self, f"cotangent{i}")
            parts += [] if cotangent is None else [(output * cotangent).sum()]
        return torch.stack(parts).sum()


def check(subject: Subject) -> Finding:
    """A step of SGD, recorded, run, and held against the eager one to the last bit."""
    step = Step(subject, subject.base)
    batch = tuple(t.to(subject.dtype) if t.is_floating_point() else t for t in subject.inputs_by_name().values())
    optimizer = torch.optim.SGD(step.parameters(), lr=RATE)
    phase = Phase(name="loss", loss=lambda module, rows: module(*rows), optimizer=optimizer)
    job = Job(module=step, phases=[phase], source=None)  # type: ignore[arg-type]
    try:
        proven(job, batch, job.phases)
    except Refused as refused:
        return Finding(NAME, "not supported", str(refused), FIX)
    return Finding(NAME, "passed", "a recorded step gives the same bits")
