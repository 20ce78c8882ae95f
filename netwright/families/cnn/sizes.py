"""The sizes of the maps inside a convolutional network.

H height, W width.
"""

from netwright.families.pixels import Size


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
