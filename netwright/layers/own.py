"""A Function's output as a tensor of its own: whoever gets it may write into it, as `nn.ReLU(inplace=True)` does."""

import torch
from torch import Tensor


def own(y: Tensor) -> Tensor:
    """y, a tensor made inside or a view of one, as if it had been made so; nothing is copied.

    Autograd refuses to write into a view that a Function gives out. Not for views of what a Function was given: two
    tensors would share memory, and autograd would not see it.
    """
    return torch.ops.aten._unsafe_view(y, y.shape)
