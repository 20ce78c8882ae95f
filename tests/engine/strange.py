"""Modules that can't be written down as a program, each with a part of the reason, and the loop that trains them."""

import random
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] * 0.5 + torch.randn(40, 1, generator=torch.Generator().manual_seed(1))
SIZE, EPOCHS = 16, 3
"""Two batches and a ragged one."""


class Plain(nn.Module):
    """What the strange ones are made from; there is nothing strange about it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.fc(x)))


class Counting(Plain):
    """Warms up over its first calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) * min(1.0, self.calls / 5)


class CountingInAnObject(Plain):
    """Turns another way long after anybody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SimpleNamespace(calls=0)

    def forward(self, x: Tensor) -> Tensor:
        self.state.calls += 1
        return super().forward(x) * (2 if self.state.calls > 7 else 1)


class Remembering(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        return super().forward(x) + 0.1 * len(self.seen)


class CountingInAnArray(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.calls = np.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)


class PythonsRandom(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + 0.1 * random.random())


class NumpysRandom(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + 0.1 * np.random.rand())


class OwnGenerator(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.draw = torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.1 * torch.randn(x.shape, generator=self.draw))


class Seeding(Plain):
    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(len(x))
        return super().forward(x + 0.1 * torch.randn(x.shape))


class Branching(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (2 if x.mean() > 0 else 1)


class LargestByNumpy(Plain):
    """Reads the data where no operator tells of it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float(x.numpy().max())


class FirstNumber(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.tolist()[0][0]


class CountingBehind(Plain):
    """Edits a buffer where no operator tells of it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.numpy()[0] += 1
        return super().forward(x) * (1 + 0.1 * self.calls)


class NewBuffer(Plain):
    """Puts another tensor in the buffer's place."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return super().forward(x)


class Carrying(Plain):
    """Keeps a tensor from call to call that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x) + self.last
        self.last = out.detach().mean().reshape(1)
        return out


class CarryingInPlace(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.calls = torch.zeros(2)

    def forward(self, x: Tensor) -> Tensor:
        self.calls[0] += 1
        return super().forward(x)


class Locked(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class HookOnAParameter(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.fc.weight.register_hook(lambda gradient: gradient + 0.5)


class HookAfterAGradient(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.fc.weight.register_post_accumulate_grad_hook(moved)


def moved(parameter: Tensor) -> None:
    assert parameter.grad is not None
    parameter.grad.add_(0.5)


class HookOnAModule(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.fc.register_forward_hook(lambda module, args, output: output + 0.5)


class OwnTensor(Tensor):
    """A subclass of somebody's own."""


SCALE = torch.full((1,), 2.0).as_subclass(OwnTensor)


class Subclassed(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return (super().forward(x) * SCALE).as_subclass(Tensor)


class Sparse(nn.Module):
    """Its embedding has sparse gradients; the input is used as words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 1, sparse=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.words((x[:, 0] > 0).long())


STRANGE: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "counter": (Counting, "changes the attribute calls"),
    "counter in an object": (CountingInAnObject, "changes the attribute state"),
    "list": (Remembering, "changes the attribute seen"),
    "array": (CountingInAnArray, "changes the attribute calls"),
    "part": (lambda: nn.Sequential(Counting()), "changes the attribute 0.calls"),
    "Python's random numbers": (PythonsRandom, "changes Python's random numbers"),
    "NumPy's random numbers": (NumpysRandom, "changes NumPy's random numbers"),
    "generator": (OwnGenerator, "a generator of its own"),
    "seeding": (Seeding, "draws other random numbers"),
    "branch": (Branching, "depends on the numbers in a tensor"),
    "numpy": (LargestByNumpy, "depends on the numbers in a tensor (numpy)"),
    "first number": (FirstNumber, "depends on the numbers in a tensor (tolist)"),
    "buffer behind": (CountingBehind, "depends on the numbers in a tensor (numpy)"),
    "new buffer": (NewBuffer, "calls comes out differently"),
    "carrying": (Carrying, "keeps a tensor in the attribute last"),
    "carrying in place": (CarryingInPlace, "writes into a tensor that is neither a parameter nor a buffer"),
    "lock": (Locked, "can't be copied"),
    "parameter hook": (HookOnAParameter, "the parameter fc.weight has a hook"),
    "gradient hook": (HookAfterAGradient, "the parameter fc.weight has a hook"),
    "module hook": (HookOnAModule, "the module fc has a hook"),
    "subclass": (Subclassed, "a OwnTensor takes part"),
}
"""By name: how the module is made, and a part of the reason it is refused with."""


def made(make: Callable[[], nn.Module]) -> nn.Module:
    """The module as every run begins with it, and the streams where every run begins."""
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    module = make()
    torch.manual_seed(2)
    return module


def by_hand(module: nn.Module, make: Any = torch.optim.SGD, loss: Any = nn.functional.mse_loss) -> list[float]:
    """The loop with a DataLoader."""
    optimizer, losses = make(module.parameters(), lr=0.01), []
    for _ in range(EPOCHS):
        for x, y in DataLoader(TensorDataset(X, Y), batch_size=SIZE, shuffle=True):
            optimizer.zero_grad()
            value = loss(module(x), y)
            value.backward()
            optimizer.step()
            losses.append(value.item())
    return losses
