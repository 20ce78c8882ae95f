"""The words that stand for no value."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from netwright.core.notice import Notice
from netwright.data.table import Series, blank, holding, storage

MARKERS = ("", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "?", "-", "#N/A", "<NA>", "NaT")
"""Texts that count as missing, once white space around them is gone, in every kind of source: the same rows must give
the same answers whatever file carries them."""


def blank_markers(columns: Sequence[Series]) -> tuple[list[Series], list[Notice]]:
    """The columns with missing values where their text says so, and one notice of the words that were taken so."""
    cleaned: list[Series] = []
    words: dict[str, Counter[str]] = defaultdict(Counter)
    texts = [series for series in columns if storage(series) == "text"]
    found = {s.name for s, has in zip(texts, holding(texts, MARKERS), strict=True) if has}
    for series in columns:
        series, seen = _blank(series) if series.name in found else (series, Counter())
        cleaned.append(series)
        for word, count in seen.items():
            words[word][series.name] = count
    return cleaned, [_notice(words)] if words else []


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
