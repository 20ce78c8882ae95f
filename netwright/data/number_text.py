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
    shares = {reading: share(sample, reading) for reading in READINGS}
    best = max(shares.values())
    if best < 0.5:
        return 0.0, []
    tried = [reading for reading in READINGS if shares[reading] >= best - 0.05]
    if tried[0] == PLAIN:
        tried = _worth_trying(text, sample, tried)
    found = {reading: share(text, reading) for reading in tried}
    top = max(found.values())
    best = [reading for reading in tried if found[reading] == top]
    first = to_numbers(text, best[0])
    return top, [best[0], *(r for r in best[1:] if not to_numbers(text, r).equals(first))]


def _worth_trying(text: Series, sample: Series, tried: list[Reading]) -> list[Reading]:
    """Another reading than the plain one is worth a look at every cell only if it reads cells that one does not."""
    rest = text.filter(to_numbers(text, PLAIN).is_null()).head(1000)
    dotted = sample.str.contains(".", literal=True).any()
    return [r for r in tried if r == PLAIN or share(rest, r) > 0 or (r == (",", ".") and dotted)]


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
