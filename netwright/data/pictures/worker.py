"""The other process, which decodes pictures: it reads orders from its input and writes pixels to its output.

It is a program of its own, not a copy of the one that asks: a person's script is not run again in it, and threads and
devices of the other are none of its concern.
"""

import os
import pickle
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from netwright.data.pictures import pillow

if TYPE_CHECKING:  # a worker starts sooner without pydantic
    from netwright.core.schema import Fitting


class Geometry(TypedDict):
    """What pictures become; the words of `ImageColumn`."""

    channels: int
    height: int
    width: int
    fitting: "Fitting"


Answer = tuple[np.ndarray, list[tuple[int, str]]]
"""(n, C, H, W) uint8, and the positions among the n that could not be read, with the reason."""


def blank(count: int, geometry: Geometry) -> np.ndarray:
    """(count, C, H, W) black."""
    return np.zeros((count, geometry["channels"], geometry["height"], geometry["width"]), dtype=np.uint8)


def decode_all(sources: Sequence[str | bytes], geometry: Geometry) -> Answer:
    """Pixels of these files; black where one can't be read."""
    made, problems = blank(len(sources), geometry), []
    for i, source in enumerate(sources):
        try:
            made[i] = pillow.pixels(source, **geometry)
        except pillow.Unreadable as error:
            problems.append((i, str(error)))
    return made, problems


def main() -> None:
    """Answer orders until there are no more."""
    orders = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a decoder prints must not lie between the answers
        while True:
            try:
                sources, geometry = pickle.load(orders)
            except EOFError:
                return
            pickle.dump(decode_all(sources, geometry), answers, protocol=5)
            answers.flush()


if __name__ == "__main__":
    main()
