"""Which split a table gets: given files, a date-time column, groups, or at random with duplicates on one side."""

from collections.abc import Mapping, Sequence

import numpy as np

from netwright.core.errors import InputError
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.data.schema import unknown_column
from netwright.data.split import Split, ordered_by, split_by_time, split_rows, strata_of
from netwright.data.table import Table
from netwright.families.family import VALIDATION_SHARE, Family

FEWEST_DIFFERENT = 50
"""With fewer different rows than this, equal rows may lie on both sides: else nothing could be held out."""


def divide(
    table: Table,
    values: Mapping[str, np.ndarray],
    kind: str,
    settings: Settings,
    family: Family,
    given: dict[str, np.ndarray],
    same: Sequence[str] = (),
) -> Split:
    """The split of the rows. `given` are the positions of rows that came as validation or test rows.

    Rows that are equal stay on one side; those that are equal in the columns `same`, where given.
    Raises InputError for a column that is not there, and where too few rows are left.
    """
    share = 0.0 if "test" in given else settings.held_out()
    rest = np.setdiff1d(np.arange(table.rows), np.concatenate([*given.values(), np.zeros(0, dtype=np.int64)]))
    folds = (1, 1e-9) if "validation" in given else family.folds(len(rest), settings.config)
    split = _split_rest(table.take(rest), {k: v[rest] for k, v in values.items()}, kind, settings, folds, share, same)
    training, parts = rest[split.training], tuple(rest[fold] for fold in split.folds)
    if "validation" in given:
        training, parts = np.sort(np.concatenate([training, *parts])), (given["validation"],)
    words = "".join(f"; the {role} rows are those given with --{role}" for role in given)
    test = given.get("test", rest[split.test])
    whole = Split(training=training, folds=parts, test=test, reason=split.reason + words)
    _check_sizes(table, whole)
    return whole


def _split_rest(
    table: Table,
    values: Mapping[str, np.ndarray],
    kind: str,
    settings: Settings,
    folds: tuple[int, float],
    share: float,
    same: Sequence[str],
) -> Split:
    column = settings.time or (None if settings.shuffle or settings.group else _ordering(table))
    if column is not None:
        if column not in table.columns:
            raise unknown_column(column, table.columns, "--time")
        if settings.group or not table[column].dtype.is_temporal():
            dates = [name for name in table.columns if table[name].dtype.is_temporal()]
            raise InputError(
                f"The rows can't be split by the time of {column!r}"
                + (" and by group at once." if settings.group else ": it holds no dates."),
                got=f"--time {column}" + (f" with --group {settings.group}" if settings.group else ""),
                wanted=f"one of the date columns: {', '.join(dates) or 'there is none'}",
                fix="Leave out one of the two." if settings.group else f"Perhaps --kind {column}=datetime.",
            )
        fold_share = max(VALIDATION_SHARE, folds[1]) if folds[0] > 1 else folds[1]
        return split_by_time(
            _seconds(table, column),
            column=column,
            asked=bool(settings.time),
            fold_share=fold_share,
            test_share=share,
        )
    keys, words = _keys(table, settings.group, same)
    strata = np.zeros(table.rows, dtype=np.int64)
    if kind != "multilabel" and not settings.group and values:
        first = next(iter(values.values()))
        strata = strata_of(first, classes=kind == "classification" or first.dtype.kind not in "fiu")
    seed = derive(settings.seed, "split")
    return split_rows(
        strata=strata, keys=keys, keys_are=words, folds=folds[0], fold_share=folds[1], seed=seed, test_share=share
    )


def _keys(table: Table, group: str | None, same: Sequence[str]) -> tuple[np.ndarray, str]:
    """(N,) equal where rows must stay together, and the reason in words."""
    if group:
        if group not in table.columns:
            raise unknown_column(group, table.columns, "--group")
        return table[group].rank("dense").fill_null(0).to_numpy(), f"rows of one {group!r} on one side, as --group asks"
    rows = (table.without([name for name in table.columns if name not in same]) if same else table).row_hashes()
    if len(np.unique(rows)) < FEWEST_DIFFERENT <= len(rows):
        return np.arange(len(rows)), "equal rows told apart, for there are hardly any different ones"
    return rows, "equal texts on one side" if same else "exact duplicates on one side"


def _ordering(table: Table) -> str | None:
    """The date-time column that orders the rows, if there is one."""
    times = [name for name in table.columns if table[name].dtype.is_temporal()]
    return next((name for name in times if ordered_by(_seconds(table, name))), None)


def _seconds(table: Table, column: str) -> np.ndarray:
    return table[column].dt.epoch("us").cast(float).to_numpy() / 1e6


def _check_sizes(table: Table, split: Split) -> None:
    if len(split.training) < 2 or not sum(map(len, split.folds)):
        raise InputError(
            "The split leaves too few rows to train or validate on.",
            got=f"{len(split.training)} training and {sum(map(len, split.folds))} validation rows of {table.rows}",
            wanted="several of each",
            fix="Give more rows, a smaller --test-share, or another --group or --time column.",
        )
