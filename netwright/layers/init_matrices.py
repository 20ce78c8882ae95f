"""Weights that start as a matrix with a meaning: orthogonal, the identity, or a convolution that changes nothing.

O outputs, I inputs, K… the places of a kernel. An orthogonal Q has QᵀQ = 1, so |Qx|² = xᵀQᵀQx = |x|²: values forward
and gradients backward keep their length exactly, through any number of layers.

Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
networks" (2013); the signs: Mezzadri, "How to generate random matrices from the classical compact groups" (2007).
"""

import torch
from torch import Generator, Tensor

from netwright.core.errors import InputError


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """gain · Q, in place: the rows of (O, I·K…) at right angles and of length `gain`, or the columns if O > I·K.

    Q comes from A = QR of a normal A. R's signs are free; Q sign(diag R) makes every Q equally likely (Mezzadri 2007).
    Raises InputError for fewer than two axes.
    """
    needs_axes(tensor, tensor.dim() >= 2, "(outputs, inputs, …)")
    if tensor.numel() == 0 or tensor.is_meta:
        return tensor
    drawn = torch.empty_like(tensor, memory_format=torch.contiguous_format).normal_(0, 1, generator=generator)
    tall = drawn.flatten(1)
    wide = tall.shape[0] < tall.shape[1]
    with torch.no_grad():
        q, r = torch.linalg.qr(tall.T if wide else tall)
        q = q * r.diagonal().sign()
        return tensor.copy_((q.T if wide else q).reshape(tensor.shape)).mul_(gain)


def eye_(tensor: Tensor) -> Tensor:
    """The identity (O, I), in place: 1 where output and input have the same number. Raises InputError if not 2-D."""
    needs_axes(tensor, tensor.dim() == 2, "(outputs, inputs)")
    with torch.no_grad():
        return tensor.zero_().fill_diagonal_(1)


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution (O, I, K…) that hands every channel on unchanged, in place: a single 1 in the kernel's middle.

    Each of `groups` parts does so for its own channels. Raises InputError unless there are 3 to 5 axes and O is a
    multiple of `groups`.
    """
    needs_axes(tensor, tensor.dim() in (3, 4, 5), "(outputs, inputs, and one to three axes of places)")
    outputs, places = len(tensor), tensor.shape[2:]
    if groups < 1 or outputs % groups:
        raise InputError(
            "The outputs can't be parted into equal groups.",
            got=f"{outputs} outputs, {groups} groups",
            wanted="a number of groups that divides the outputs",
            fix=f"Give groups=1, or another divisor of {outputs}.",
        )
    each = outputs // groups
    with torch.no_grad():
        tensor.zero_()
        middle = tensor[(..., *(k // 2 for k in places))]  # (O, I)
        for group in middle.split(max(each, 1)):
            group.diagonal().fill_(1)
    return tensor


def needs_axes(tensor: Tensor, right: bool, wanted: str) -> None:
    """Raise InputError unless the axes are right."""
    if not right:
        raise InputError(
            "This weight has the wrong number of axes for its initialisation.",
            got=f"a tensor of shape {tuple(tensor.shape)}",
            wanted=wanted,
            fix='Start it by another name, for instance "normal" or "zeros".',
        )
