"""The words that stand for no value."""

from collections import Counter, defaultdict
from dataclasses import replace

from netwright.core.notice import Notice
from netwright.data.table import Series, Table, blank, holding, storage

MARKERS = ("", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "?", "-", "#N/A", "<NA>", "NaT")
"""Texts that count as missing, once white space around them is gone, in every kind of source: the same rows must give
the same answers whatever file carries them."""


def blank_markers(table: Table) -> Table:
    """The table with missing values where its text says so, and one notice more of the words that were taken so."""
    texts = [table[name] for name in table.columns if storage(table[name]) == "text"]
    found = [series for series, has in zip(texts, holding(texts, MARKERS), strict=True) if has]
    if not found:
        return table
    cleaned = {}
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for series in found:
        cleaned[series.name], seen = _blank(series)
        for word, count in seen.items():
            words[word][series.name] = count
    notices = (*table.notices, _notice(words)) if words else table.notices
    return replace(table.with_columns(cleaned), notices=notices)


def _blank(series: Series) -> tuple[Series, Counter[str]]:
    stripped = series.str.strip_chars()
    missing = stripped.is_in(MARKERS).fill_null(False)
    counts = stripped.filter(missing).value_counts()
    seen = Counter({word: count for word, count in counts.rows() if word})
    return blank(series, missing), seen


def _notice(words: dict[str, Counter[str]]) -> Notice:
    said = []
    for word, columns in sorted(words.items()):
        names = [f"{name!r}" for name, _ in columns.most_common(3)]
        more = f" and {len(columns) - 3} more columns" if len(columns) > 3 else ""
        said.append(f"{word!r} ({columns.total():,} cells in {', '.join(names)}{more})")
    return Notice(what=f"Counted as missing: {'; '.join(said)}", fix="write another word where it is a value")
