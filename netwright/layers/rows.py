"""Which axes of an input are one row that is normalised: the last ones, of the sizes `normalized_shape`."""

from collections.abc import Iterable

from torch import Tensor

from netwright.core.errors import InputError


def sizes(normalized_shape: int | Iterable[int]) -> tuple[int, ...]:
    """The sizes of the axes of a row: 3 is (3,), of whatever kind the whole numbers are."""
    return tuple(normalized_shape) if isinstance(normalized_shape, Iterable) else (int(normalized_shape),)


def check_rows(input: Tensor, normalized_shape: Iterable[int]) -> None:
    """Raise InputError for an input whose last axes don't have these sizes, or for no axes at all."""
    wanted = tuple(normalized_shape)
    if not wanted or tuple(input.shape[-len(wanted) :]) != wanted:
        raise InputError(
            "The last axes of the input are not those that are to be normalised.",
            got=f"an input of shape {tuple(input.shape)}, normalized_shape={wanted}",
            wanted="normalized_shape with the sizes of the input's last axes, one or more",
            fix="Give the size of the input's last axes as normalized_shape.",
        )
