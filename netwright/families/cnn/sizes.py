"""The sizes of the maps inside a convolutional network.

H height, W width.
"""

from netwright.core.errors import InputError

Size = tuple[int, int]


def two_sides(image_size: int | Size) -> Size:
    """(H, W), of which one number stands for both. Raises InputError for a side below one pixel.

    >>> two_sides(28)
    (28, 28)
    """
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != 2 or min(sides) < 1:
        raise InputError(
            "Pictures need a height and a width of one pixel or more.",
            got=f"image_size={image_size!r}",
            wanted="a whole number, or (height, width)",
            fix="Correct image_size.",
        )
    return sides


def window(size: Size, least: int = 2) -> Size:
    """What to pool a map of this size by: 2 along each side that has `least` pixels or more, else 1.

    >>> window((8, 1))
    (2, 1)
    """
    return (2 if size[0] >= least else 1, 2 if size[1] >= least else 1)


def pooled(size: Size, by: Size) -> Size:
    """The size of a map after max-pooling without padding.

    >>> pooled((7, 28), (2, 2))
    (3, 14)
    """
    return (size[0] // by[0], size[1] // by[1])
