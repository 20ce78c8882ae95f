"""Whether there are steps enough to train, to validate and to measure on, and what is said where there are not."""

import numpy as np

from netwright.core.errors import InputError
from netwright.core.forms import SeriesForm
from netwright.core.notice import Notice
from netwright.data.series.parting import Boundaries
from netwright.data.series.regular import Regular
from netwright.data.split import Split

PURPOSES = {"training": "to train on", "validation": "to validate on", "test": "to be measured on"}
"""What each part is for."""


def windows_checked(split: Split, series: Regular, form: SeriesForm, limits: Boundaries) -> list[Notice]:
    """What is told where nothing can be measured. Raises InputError where a part that is needed has no window."""
    windows = {"training": split.training, "validation": split.folds[0], "test": split.test}
    for role, purpose in PURPOSES.items():
        if not len(windows[role]) and (role != "test" or role in limits.files):
            raise too_short(series, form, purpose, *_needed(form, limits, role), limits)
    if len(split.test) or not limits.steps[2]:
        return []
    what = f"no forecast of {form.horizon:,} steps lies within the {limits.steps[2]:,} held out: nothing is measured"
    return [Notice(what=what, fix="give more rows, or a larger --test-share", serious=True)]


def _needed(form: SeriesForm, limits: Boundaries, role: str) -> tuple[int, str]:
    """How many steps with a value are wanted so that this part has a window, and the mend."""
    if role in limits.files:
        return form.horizon, f"Give a --{role} file with more rows, or a smaller --horizon."
    wanted = form.window + (2 + (limits.steps[2] > 0 and "test" not in limits.files)) * form.horizon
    window = ", --window" if form.window > 1 else ""
    return wanted, f"Give more rows, or a smaller --horizon{window} or --test-share."


def untrainable(series: Regular, form: SeriesForm, limits: Boundaries) -> InputError:
    """What is raised where no series is long enough to train on."""
    return too_short(series, form, PURPOSES["training"], *_needed(form, limits, "training"))


def too_short(
    series: Regular, form: SeriesForm, purpose: str, needed: int, fix: str, limits: Boundaries | None = None
) -> InputError:
    """What is raised where series are too short for this purpose, for which `needed` steps with a value are wanted."""
    counts = np.add.reduceat(series.known(len(form.targets)).astype(np.int64), series.starts[:-1])
    several = f"{len(counts):,} series of {counts.min():,} to {counts.max():,} steps of {series.grid.step} with a value"
    got = f"{int(counts[0]):,} steps of {series.grid.step} with a value" if len(counts) == 1 else several
    if limits is not None:
        training, validating, held = limits.steps
        got += f": {training:,} train, {validating:,} validate, {held:,} are held out"
    whose = "The series is" if len(counts) == 1 else "Every series is"
    return InputError(
        f"{whose} too short {purpose}.",
        got=got,
        wanted=f"{needed:,} steps or more for a window of {form.window} and a horizon of {form.horizon}",
        fix=fix,
    )
