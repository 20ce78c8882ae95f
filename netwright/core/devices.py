"""Where tensors live."""

import torch

from netwright.core.errors import InputError


def choose(device: str = "auto") -> torch.device:
    """`auto` is the first CUDA device, else the CPU; anything else is taken as torch names it.

    Raises InputError for a device torch does not know or does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).cpu()
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"The device {device!r} can't be used here.",
            got=str(error).splitlines()[0],
            wanted='"auto", "cpu" or "cuda"',
            fix='Leave the device out, or give "cpu" (--device cpu).',
        ) from None
    return chosen
