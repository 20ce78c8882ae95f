"""Where a text is divided: its last part is held out, its first validates, the rest trains.

What stands next to the part held out is most like it, and is better trained on than kept back.

Positions are characters of the joined text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.core.errors import InputError

TEST_SHARE = 0.1
"""Of the text, held out where no one says how much."""
VALIDATION_SHARE = 0.05
"""Of what is not held out."""
MOST_VALIDATING = 200_000
"""Characters that validate at most: they are read after every epoch."""
MANY_FILES = 20
"""Files from which on whole files are held out."""
SHORTEST_WINDOW = 16


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The three parts of a text, none of which overlaps another; an empty one is ""."""

    training: str
    validation: str
    test: str
    reason: str
    """How they were divided, in words."""


def window_for(characters: int, wanted: int, *, asked: bool) -> int:
    """Tokens of a window: as many as wanted, fewer for a short text, unless a person `asked` for so many.

    Raises InputError for a text that is too short.
    """
    window = wanted if asked else max(SHORTEST_WINDOW, min(wanted, characters // 50))
    if characters < needed(window):
        raise InputError(
            "The text is too short to learn from.",
            got=f"{characters:,} characters to read {window} at a time",
            wanted=f"{needed(window):,} or more; a hundred thousand and more to write anything of sense",
            fix=f"Give a longer text, or a smaller --window, such as {SHORTEST_WINDOW}."
            if window > SHORTEST_WINDOW
            else "Give a longer text.",
        )
    return window


def needed(window: int) -> int:
    """Characters that a text must have so that some train, some validate and some are held out."""
    return 8 * (window + 1)


def divide(text: str, starts: np.ndarray, *, test_share: float, window: int, own: Sequence[bool] = ()) -> Parts:
    """The parts of a text whose files begin at `starts` (F,); `own` says whether validation, test come from elsewhere.

    The parts are at least a window and a token long. Where there are many files, whole ones are held out.
    """
    validates, tests = own or (False, False)
    least = min(window + 1, len(text) // 4)
    share = 0.0 if tests else test_share
    end = len(text) if not share else min(int(len(text) * (1 - share)), len(text) - least)
    end = _at_file(end, starts, len(text) - end, least, len(text) - least) if share else end
    some = 0 if validates else max(least, min(int(end * VALIDATION_SHARE), MOST_VALIDATING))
    begin = _at_file(some, starts, some, least, end - least) if some else 0
    whole = len(starts) >= MANY_FILES and (end in starts or (begin and begin in starts))
    words = [f"the first {begin:,} characters validate"] if begin else []
    words += [f"the {'next' if begin else 'first'} {end - begin:,} characters train"]
    words += [f"the last {len(text) - end:,} are held out"] if end < len(text) else []
    words += ["whole files where one ends near"] if whole else []
    return Parts(training=text[begin:end], validation=text[:begin], test=text[end:], reason=", ".join(words))


def _at_file(cut: int, starts: np.ndarray, size: int, low: int, high: int) -> int:
    """The beginning of the file nearest to `cut`, where there are many and one is near: within half of the `size` of
    what is cut off, and between `low` and `high`.
    """
    if len(starts) < MANY_FILES:
        return cut
    nearest = int(starts[np.abs(starts - cut).argmin()])
    return nearest if abs(nearest - cut) <= size / 2 and low <= nearest <= high else cut
