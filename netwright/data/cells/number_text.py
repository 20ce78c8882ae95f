"""Numbers written as text: which marks they use, and their values."""

import re

from netwright.data.table import Series, blank

Reading = tuple[str, str]
"""(decimal mark, mark between thousands)"""
PLAIN: Reading = (".", "")
READINGS: tuple[Reading, ...] = (
    PLAIN,
    (".", ","),
    (",", ""),
    (",", "."),
    (",", " "),
    (".", " "),
    (".", "'"),
    (",", "'"),
    (".", "_"),
)
"""Every way of writing numbers that is known, the most usual first."""
SPACES = "[ \u00a0\u2009\u202f]"
"""A space between thousands is often one that does not break the line."""
LONGEST = 15
"""Digits a float64 always holds exactly."""


def to_numbers(text: Series, reading: Reading) -> Series:
    """The numbers (float64) in stripped text; what is not written as `reading` says is a gap."""
    decimal, thousands = reading
    plain = text
    if reading != PLAIN:
        if thousands == " ":
            plain = plain.str.replace_all(SPACES, "")
        elif thousands:
            plain = plain.str.replace_all(thousands, "", literal=True)
        plain = plain.str.replace(decimal, ".", literal=True)
    numbers = plain.cast(float, strict=False).fill_nan(None)
    return numbers if reading == PLAIN else blank(numbers, ~text.str.contains(pattern(reading)))


def pattern(reading: Reading) -> str:
    """The regular expression of one number: groups of three digits after the first, or no marks at all."""
    decimal, thousands = re.escape(reading[0]), SPACES if reading[1] == " " else re.escape(reading[1])
    whole = rf"(?:[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+|\d+)" if reading[1] else r"\d+"
    return rf"^[+-]?(?:(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))$"


def share(text: Series, reading: Reading) -> float:
    """The share of these cells, none of them missing, that are numbers."""
    return 1 - to_numbers(text, reading).null_count() / len(text) if len(text) else 0.0


def matching(text: Series, look: str) -> float:
    """The share of these cells in which a regular expression is found."""
    return int(text.str.contains(look).sum()) / max(1, len(text))


def find_reading(text: Series, sample: Series) -> tuple[float, list[Reading]]:
    """The share of all cells that are numbers, and the readings that give it, the likelier first.

    Two readings are equally good where "1.234" or "1,234" is all there is. `sample`, some of the cells, only says which
    readings are tried on all of them; the share is that of all.
    """
    if share(sample, PLAIN) == 1:
        tried = _beside_plain(text, sample)
    else:
        shares = {reading: share(sample, reading) for reading in READINGS}
        best = max(shares.values())
        tried = [reading for reading in READINGS if shares[reading] >= max(0.5, best - 0.05)]
    found = {reading: to_numbers(text, reading) for reading in tried}
    fewest = min((numbers.null_count() for numbers in found.values()), default=len(text))
    best = [reading for reading in tried if found[reading].null_count() == fewest]
    return 1 - fewest / len(text), [r for r in best if r == best[0] or not found[r].equals(found[best[0]])]


def _beside_plain(text: Series, sample: Series) -> list[Reading]:
    """The plain reading, and those that read cells it does not, or points as thousands."""
    rest = text.filter(to_numbers(text, PLAIN).is_null()).head(1000)
    more = [reading for reading in READINGS[1:] if share(rest, reading) > 0] if len(rest) else []
    thousands = (",", ".")
    if thousands not in more and matching(sample, r"\.") and share(sample, thousands) == 1:
        more.append(thousands)
    return [PLAIN, *more]


def has_marks(sample: Series) -> bool:
    """Whether a decimal or thousands mark occurs at all."""
    return matching(sample, r"[.,]") > 0


def codes(text: Series) -> str:
    """Why whole numbers written as text are codes rather than numbers, or nothing.

    More than one cell in a hundred begins with a zero, as in 007, or has more digits than a number holds exactly.
    """
    zeros = text.filter(text.str.starts_with("0"))
    if zeros.str.contains(r"^0\d+$").sum() > 0.01 * len(text):
        return "leading zeros, as codes have"
    long = text.filter(text.str.len_bytes() > LONGEST)
    if long.str.contains(rf"^[+-]?\d{{{LONGEST + 1},}}$").sum() > 0.01 * len(text):
        return f"more than {LONGEST} digits, which a number would not hold exactly"
    return ""
