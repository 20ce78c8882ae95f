"""The layer's forward as autograd itself differentiates it: what a backward by hand is held to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.autograd import Function

from netwright.doctor.layer.named import with_setup
from netwright.doctor.layer.nodes import owner, written
from netwright.doctor.layer.subject import Sources, Subject


class Context:
    """Stands for ctx where only forward is run."""

    def __init__(self, arguments: tuple) -> None:
        self.needs_input_grad = tuple(getattr(x, "requires_grad", False) for x in arguments)
        self.saved_tensors: tuple = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep them, should forward look."""
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Nothing is kept."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Autograd sees what is written into."""

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Autograd sees that too."""

    def set_materialize_grads(self, value: bool) -> None:
        """There is no backward."""


def plain(function: type[Function], arguments: tuple) -> Any:
    """A Function's forward alone."""
    return function.forward(*arguments) if with_setup(function) else function.forward(Context(arguments), *arguments)


@contextmanager
def unwritten(functions: set[type[Function]]) -> Iterator[None]:
    """While inside, these Functions are called as their forwards alone."""
    kept = {function: vars(function)["apply"] for function in functions if "apply" in vars(function)}
    for function in functions:
        function.apply = staticmethod(lambda *arguments, function=function: plain(function, arguments))
    try:
        yield
    finally:
        for function in functions:
            if function in kept:
                function.apply = kept[function]
            else:
                del function.apply


def without_backward(subject: Subject, sources: Sources) -> tuple | None:
    """The outputs as autograd would differentiate them; None where a backward by hand is left in them."""
    subject.seeded()
    arguments = subject.arguments(sources)
    if subject.pair is not None:
        return subject.leaves_of(subject.pair[0](*arguments)[0])
    if subject.kind == "function":
        return subject.leaves_of(plain(subject.layer, arguments))
    with unwritten({owner(node) for node in written(subject.base.outputs)}):
        outputs = subject.leaves_of(subject.called(subject.layer, arguments, sources))
    return None if written(outputs) else outputs
