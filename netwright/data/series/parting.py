"""Series split by time alone: the last steps are held out, those before them validate. S series, M steps of all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.series.moments import moment_words
from netwright.data.series.regular import Regular
from netwright.data.split import Split

ROLES = ("training", "validation", "test")
NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """Positions on the grid: the first step that validates, the first that is held out. The same for every series.

    `steps` are the different positions in training, validation and held out at which a target was observed. `files` are
    the roles that came as files.
    """

    validation: int
    test: int
    steps: tuple[int, int, int]
    files: tuple[str, ...]

    def words(self, series: Regular, *, windows: int = 1) -> str:
        """The split in words; `windows` are those that lie whole among the steps held out."""
        _, validating, held = self.steps
        moment = moment_words(series.grid, self.test)
        out = "are held out" if windows else "are held out but too few to measure a forecast on"
        end = f"the last {held:,} steps, from {moment} on, {out} and the {validating:,} before them validate"
        given = "".join(f"; the {role} steps are those of --{role}" for role in self.files)
        last = end if held else f"the last {validating:,} steps validate"
        return f"by time alone: {last}; what a window foretells lies in one part{given}"


def boundaries(
    series: Regular,
    targets: int,
    horizon: int,
    *,
    test_share: float,
    validation_share: float,
    starts: Mapping[str, int],
) -> Boundaries:
    """Where the parts begin. `starts` has the first position of the rows that came as "validation" or "test" file.

    Each part has a share of the different positions at which any of the first `targets` columns was observed, and one
    horizon of them at least: a stretch without rows must not make up a part. Raises InputError where a file does not
    lie behind the part before it.
    """
    positions = np.unique(series.positions[series.known(targets)])
    rest, tested = positions, starts.get("test")
    if tested is not None:
        rest = positions[positions < tested]
    elif test_share:
        held = max(horizon, round(test_share * len(positions)))
        rest = positions[: max(0, len(positions) - held)]
    test = tested if tested is not None else _begin(positions, len(rest))
    if "validation" in starts:
        training = rest[rest < starts["validation"]]
        begin = starts["validation"]
        if begin >= test:
            raise InputError(
                "The validation file lies behind the steps that are held out.",
                got=f"it begins at {moment_words(series.grid, begin)}, what is held out at "
                f"{moment_words(series.grid, test)}",
                wanted="training, validation and test rows one after another in time",
                fix="Give --test too, or --test-share 0.",
            )
    else:
        validating = max(horizon, round(validation_share * len(rest)))
        training = rest[: max(0, len(rest) - validating)]
        begin = _begin(rest, len(training)) if len(rest) else test
    steps = (len(training), len(rest) - len(training), len(positions) - len(rest))
    return Boundaries(validation=begin, test=test, steps=steps, files=tuple(starts))


def _begin(positions: np.ndarray, place: int) -> int:
    """The position at this place of several, or the one behind the last of them."""
    return int(positions[place]) if place < len(positions) else int(positions[-1]) + 1


def split_windows(series: Regular, limits: Boundaries, starts: np.ndarray, *, window: int, horizon: int) -> Split:
    """The windows `starts` (n,) by where all the steps lie that they foretell; those in two parts are in none."""
    first = series.positions[np.minimum(starts + window, max(0, series.steps - 1))]
    last = first + horizon - 1
    held = starts[first >= limits.test]
    return Split(
        training=starts[last < limits.validation],
        folds=(starts[(first >= limits.validation) & (last < limits.test)],),
        test=held,
        reason=limits.words(series, windows=len(held)),
    )


def trimmed(series: Regular, targets: int) -> tuple[Regular, list[Notice]]:
    """Without the steps before the first and after the last that any of the first `targets` columns was observed at.

    Series without any are gone. Raises InputError where none is left.
    """
    known = series.known(targets)
    kept = np.zeros(series.steps, dtype=bool)
    empty, behind = [], np.zeros(series.steps, dtype=bool)
    for which, name in enumerate(series.ids):
        inside = series.of(which)
        there = np.flatnonzero(known[inside])
        if len(there):
            kept[inside][there[0] : there[-1] + 1] = True
            behind[inside][there[-1] + 1 :] = True
        else:
            empty.append(name)
    if not kept.any():
        raise InputError(
            "The target has no values.",
            got=f"{series.steps:,} steps, none with a number in it",
            wanted="numbers in the target column",
            fix="Choose another --target, or look at how its numbers are written.",
        )
    told = []
    if empty:
        told.append(Notice(what=f"{named(empty, 'series')} without a value of the target: left out", fix="fill it in"))
    if (behind & (series.row > 0)).any():
        rows = series.row[behind & (series.row > 0)]
        what = f"{len(rows):,} step(s) at the end have no target and are left out (first row {rows.min()})"
        told.append(Notice(what=what, fix="they serve netwright predict, where columns are known in advance"))
    return series.select(kept), told


def long_enough(series: Regular, steps: int, training: np.ndarray, fewest: int) -> tuple[np.ndarray, list[str]]:
    """(S,) the series with so many steps and, in the mask (M,) of training steps with a value, the fewest of these.

    And the names of the others.
    """
    lengths = np.diff(series.starts)
    counts = np.add.reduceat(training.astype(np.int64), series.starts[:-1]) if len(training) else lengths
    good = (lengths >= steps) & (counts >= fewest)
    return good, [series.ids[i] for i in np.flatnonzero(~good)]


def named(names: list[str] | tuple[str, ...], noun: str) -> str:
    """ "3 series ('a', 'b', 'c')", of many the first."""
    more = " …" if len(names) > NAMES_SHOWN else ""
    return f"{len(names):,} {noun} ({', '.join(map(repr, names[:NAMES_SHOWN]))}{more})"
