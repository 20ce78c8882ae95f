"""A backward that saved one tensor and used it as another: the input for the output, a matrix for its transpose.

What is saved is exchanged while backward asks for it, and the gradient comes out right: then that is the mistake.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from netwright.doctor.layer.compare import Compared
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import same

Choice = Callable[[Tensor, tuple[Tensor, ...]], Tensor]
"""From a saved tensor, and the outputs, to what backward is given in its place."""
MOST = 6
"""Square matrices that are tried."""
INPUT_FOR_OUTPUT = (
    "With the output in the place of the saved input it is right: the formula is one in y, and gets x.",
    "Save the output, ctx.save_for_backward(y), and use it; or write the formula in x.",
)
OUTPUT_FOR_INPUT = (
    "With the input in the place of the saved output it is right: the formula is one in x, and gets y.",
    "Save the input, ctx.save_for_backward(x), and use it; or write the formula in y.",
)


def exchanged(wrong: Compared, base: Base, subject: Subject, sure: Tensor) -> tuple[str, str] | None:
    """The exchange that makes this gradient right, and the mend; None where none does."""
    for told, choose in _choices(wrong, base, subject):
        try:
            gradient = _gradient(wrong.name, base, subject, choose)
        except Exception:  # shapes or numbers that do not fit there
            continue
        if gradient is not None and same(gradient.reshape(-1).double().cpu()[wrong.indices][sure], wrong.found[sure]):
            return told
    return None


def _gradient(name: str, base: Base, subject: Subject, choose: Choice) -> Tensor | None:
    outputs: tuple[Tensor, ...] = ()
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: saved, lambda saved: choose(saved, outputs)):
        outputs = subject.run(base.sources)
    return subject.gradients(base.sources, outputs, base.cotangents)[name]


def _choices(wrong: Compared, base: Base, subject: Subject) -> Iterator[tuple[tuple[str, str], Choice]]:
    source, place = base.sources[wrong.name], base.sources[wrong.name].data_ptr()

    def output_of(saved: Tensor, outputs: tuple[Tensor, ...]) -> Tensor:
        fits = saved.data_ptr() == place and saved.shape == outputs[0].shape
        return outputs[0].detach() if fits else saved

    def input_of(saved: Tensor, outputs: tuple[Tensor, ...]) -> Tensor:
        fits = saved.data_ptr() == outputs[0].data_ptr() and saved.shape == source.shape
        return source.detach() if fits else saved

    if base.outputs[0].shape == source.shape:
        yield INPUT_FOR_OUTPUT, output_of
        yield OUTPUT_FOR_INPUT, input_of
    for name, matrix in [(n, s) for n, s in base.sources.items() if _square(s)][:MOST]:
        told = f"With the transpose of {subject.shown(name)} in backward it is right."

        def turned(saved: Tensor, outputs: tuple[Tensor, ...], place: int = matrix.data_ptr()) -> Tensor:
            return saved.mT if saved.data_ptr() == place and _square(saved) else saved

        yield (told, "Transpose it there, or leave out the transpose; square matrices hide it, try others."), turned


def _square(matrix: Tensor) -> bool:
    return matrix.dim() == 2 and matrix.shape[0] == matrix.shape[1] > 1
