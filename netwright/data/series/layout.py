"""What the columns of a table of series are: the time, the series, the targets, what is known when."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.settings import Settings
from netwright.data.schema import unknown_column
from netwright.data.series.repeats import find_id
from netwright.data.series.stamps import JOIN, Stamps, read_stamps, time_columns
from netwright.data.table import Table

NUMBERS = ("number", "boolean")
TIMES = ("time", "date", "datetime", "timestamp", "ds", "day", "month", "quarter", "year", "period", "step", "t")
"""What a column of time stamps is called."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns by what they are; `left_out` says of each that is not used why."""

    time: str | None
    id: str | None
    targets: tuple[str, ...]
    past: tuple[str, ...]
    known: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    stamps: Stamps
    """Of each row of the table."""
    notices: tuple[Notice, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns whose numbers are used: targets, then those known up to now, then those known in advance."""
        return (*self.targets, *self.past, *self.known)


def find_layout(table: Table, raw: Table, types: Mapping[str, CellType], settings: Settings) -> Layout:
    """The layout of a table whose cells were read as `types` say; `raw` is the table as it came.

    Raises InputError where the settings name a column that is not there or of the wrong kind, where it is open which
    column tells the time or the series apart, and where there is nothing to foretell.
    """
    for option, names in (("--exclude", settings.exclude), ("--known", settings.known)):
        _all_there(names, table, option)
    time = _find_time(table, types, settings)
    clock = time_columns(time, table.columns) if time is not None else ()
    stamps = read_stamps(table, raw, time)
    targets = _targets(table, types, settings, (*clock, *([settings.id] if settings.id else [])))
    _numbers(targets, types, "--target")
    _numbers(settings.known, types, "--known")
    if both := [name for name in settings.known if name in targets]:
        raise InputError(
            f"{both[0]!r} can't be known in advance and be foretold.",
            got=f"--target {both[0]} and --known {both[0]}",
            wanted="columns of their own",
            fix="Leave it out of --known.",
        )
    taken = {*clock, *targets, *settings.known, *settings.exclude}
    if settings.id is not None:
        _all_there((settings.id,), table, "--id")
        told, name = [], settings.id
    else:
        name, told = find_id(table, stamps, [c for c in table.columns if c not in taken], time)
    past, left_out = _rest(table, types, settings, {*taken, *([name] if name else [])})
    left = [f"{column!r} ({why})" for column, why in left_out if column not in settings.exclude]
    if left:
        more = f" and {len(left) - 8} more" if len(left) > 8 else ""
        what = f"columns that are no numbers are left out: {', '.join(left[:8])}{more}"
        told = [*told, Notice(what=what, fix="bring them to numbers to use them")]
    return Layout(
        time=time,
        id=name,
        targets=targets,
        past=past,
        known=tuple(settings.known),
        left_out=left_out,
        stamps=stamps,
        notices=tuple(told),
    )


def _all_there(names: tuple[str, ...], table: Table, option: str) -> None:
    for name in names:
        if name not in table.columns:
            raise unknown_column(name, table.columns, option)


def _find_time(table: Table, types: Mapping[str, CellType], settings: Settings) -> str | None:
    if settings.time is not None:
        _all_there(time_columns(settings.time, table.columns), table, "--time")
        return settings.time
    free = [c for c in table.columns if c not in (*settings.target, *settings.known, *settings.exclude, settings.id)]
    dates = [name for name in free if types[name].kind == "datetime"]
    if len(dates) > 1:
        called = [name for name in dates if name.lower() in TIMES]
        if len(called) != 1:
            raise InputError(
                "Several columns hold dates; which one orders the series?",
                got=", ".join(map(repr, dates[:10])),
                wanted="one time column",
                fix=f"Name it: --time {(called or dates)[0]}.",
            )
        dates = called
    if dates:
        return dates[0]
    lower = {name.lower(): name for name in free}
    for parts in (("year", "month", "day"), ("year", "month")):
        if all(part in lower for part in parts):
            return JOIN.join(lower[part] for part in parts)
    return next((lower[word] for word in TIMES if word in lower and _rising(table, lower[word], types)), None)


def _rising(table: Table, name: str, types: Mapping[str, CellType]) -> bool:
    """Whether a column holds whole numbers that count steps."""
    if types[name].kind != "number":
        return False
    values = table[name].to_numpy()
    known = values[np.isfinite(values)]
    return bool(len(known) > 2 and np.all(known == np.round(known)) and len(np.unique(known)) > 2)


def _targets(
    table: Table, types: Mapping[str, CellType], settings: Settings, taken: tuple[str, ...]
) -> tuple[str, ...]:
    if ",".join(settings.target) in table.columns:  # one name with a comma in it
        return (",".join(settings.target),)
    _all_there(settings.target, table, "--target")
    if settings.target:
        return settings.target
    able = [
        c for c in table.columns if types[c].kind == "number" and c not in (*taken, *settings.known, *settings.exclude)
    ]
    if len(able) == 1:
        return (able[0],)
    raise InputError(
        "Which column is to be foretold?",
        got=f"{table.name} with the columns {', '.join(table.columns[:20])}",
        wanted="one column of numbers, or several",
        fix=f"For example --target {able[-1] if able else table.columns[-1]}.",
    )


def _numbers(names: tuple[str, ...], types: Mapping[str, CellType], option: str) -> None:
    for name in names:
        if types[name].kind not in NUMBERS:
            raise InputError(
                f"The column {name!r} holds no numbers, so it can't be part of a forecast.",
                got=f"{option} {name}, a column of {types[name].kind}s",
                wanted="numbers, or yes and no",
                fix=f"Bring it to numbers, leave it out of {option}, or read it as such: --kind {name}=number.",
            )


def _rest(
    table: Table, types: Mapping[str, CellType], settings: Settings, taken: set[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The columns of numbers that are known up to now, and those left out, with the reason."""
    past, left = [], [(name, "left out by --exclude") for name in settings.exclude]
    for name in table.columns:
        if name in taken:
            continue
        if types[name].kind not in NUMBERS:
            left.append((name, {"string": "text", "datetime": "dates"}[types[name].kind]))
            continue
        past.append(name)
    return tuple(past), tuple(left)


def without_use(columns: dict[str, np.ndarray]) -> dict[str, str]:
    """By name the columns (M,), as they are in training, that say nothing of what follows, and why."""
    useless = {}
    for name, values in columns.items():
        if why := without_change(values):
            useless[name] = why
        elif np.isfinite(values).all() and len(values) > 2 and (np.diff(values) == 1).all():
            useless[name] = "counts the rows"
    return useless


def without_change(values: np.ndarray) -> str:
    """Why nothing can be learned from these training values (M,) of a column; "" where they vary."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "no values in the training steps"
    return "always the same in the training steps" if (known == known[0]).all() else ""
