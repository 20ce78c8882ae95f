"""Why no activation here overwrites its input."""

from netwright.core.errors import InputError


def refuse_inplace(inplace: bool) -> None:
    """Raises InputError for `inplace=True`: an input that is overwritten can't be kept for a backward pass."""
    if inplace:
        raise InputError(
            "These activations don't overwrite their input.",
            got="inplace=True",
            wanted="inplace=False",
            fix="Leave inplace out: the output is the same.",
        )
