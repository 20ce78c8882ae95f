"""A Function's output as a tensor of its own: whoever gets it may write into it, as `nn.ReLU(inplace=True)` does."""

import torch
from torch import Tensor


def own(y: Tensor) -> Tensor:
    """y, where it is a view of a tensor made inside, as if it had been made so; nothing is copied.

    Autograd refuses to write into a view that a Function gives out. Not for views of what a Function was given: two
    tensors would share memory, and autograd would not see it.
    """
    # A tracer can't ask what is a view, and drops what does nothing.
    return torch.ops.aten._unsafe_view(y, y.shape) if torch.compiler.is_compiling() or y._is_view() else y
