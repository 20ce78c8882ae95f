"""The picture sizes between a whole picture and the few places a convolutional network ends at.

H height, W width.
"""

from netwright.core.errors import InputError
from netwright.families.pixels import Size, two_sides

SMALLEST = 8
"""Pixels a side needs so that it can be halved once."""


def ladder(image_size: int | Size) -> list[Size]:
    """(H, W) and its halves, rounded down, while both sides are 8 or more; raises InputError where they never are.

    >>> ladder(28)
    [(28, 28), (14, 14), (7, 7)]
    >>> ladder((33, 47))
    [(33, 47), (16, 23), (8, 11), (4, 5)]
    """
    height, width = two_sides(image_size)
    if min(height, width) < SMALLEST:
        raise InputError(
            "The pictures are too small for a convolutional GAN.",
            got=f"image_size={(height, width)}",
            wanted=f"{SMALLEST} pixels a side or more",
            fix='Take network="dense", or larger pictures.',
        )
    sizes = [(height, width)]
    while min(sizes[-1]) >= SMALLEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def doubled(width: int, steps: int) -> list[int]:
    """Channels after each of so many halvings: twice as many each time, but no more than four times the first.

    >>> doubled(32, 4)
    [32, 64, 128, 128]
    """
    return [width * min(2**step, 4) for step in range(steps)]
