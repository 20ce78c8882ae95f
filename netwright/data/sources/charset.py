"""Bytes of a text file to UTF-8: what they are written in is found from the bytes alone."""

import codecs

from netwright.core.errors import InputError
from netwright.core.notice import Notice

CHUNK = 1 << 24
"""Bytes checked at a time, so that no second copy of a large file is made."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_utf8(data: bytes, name: str) -> tuple[bytes, list[Notice]]:
    """The text as UTF-8 without a byte order mark, and what was decided.

    UTF-8 and UTF-16/32 are told from their marks or their pattern; anything else is taken for Windows-1252 with a
    notice. Raises InputError, with byte and line, where the bytes fit no encoding.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _marked(data, encoding, name), []
    silent = _utf16_without_mark(data[:4096])
    if silent:
        text = _decode(data, silent, name)
        return text.encode(), [Notice(what=f"{name} was read as {silent.upper()}: it has no byte order mark")]
    bad = _bad_byte(data)
    return (data, []) if bad is None else _windows(data, bad, name)


def _bad_byte(data: bytes) -> int | None:
    """The offset of the first byte that is not UTF-8, or None."""
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + CHUNK], final=start + CHUNK >= len(data))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def _utf16_without_mark(head: bytes) -> str | None:
    """Latin text in UTF-16 has a zero in every other byte."""
    if len(head) < 8:
        return None
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.7 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.05 else None


def _marked(data: bytes, encoding: str, name: str) -> bytes:
    if encoding == "utf-8" and _bad_byte(data) is None:
        return data[3:]
    return _decode(data, encoding, name).removeprefix("\ufeff").encode()


def _decode(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unfit(data, error.start, name, f"{encoding.upper()}, as its first bytes say") from error


def _windows(data: bytes, bad: int, name: str) -> tuple[bytes, list[Notice]]:
    if _mostly_utf8(data):
        raise _unfit(data, bad, name, "UTF-8, as the rest of the file is")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise _unfit(data, error.start, name, "UTF-8, UTF-16 or Windows-1252") from error
    line = data.count(b"\n", 0, bad) + 1
    sample = data[max(0, bad - 12) : bad + 12].decode("cp1252").split("\n")
    shown = max(sample, key=lambda part: sum(not c.isascii() for c in part)).strip()
    what = f"{name} is not UTF-8 and was read as Windows-1252 (line {line}: {shown!r})"
    return text.encode(), [Notice(what=what, fix="if letters look wrong, save the file as UTF-8")]


def _mostly_utf8(data: bytes) -> bool:
    """Whether the letters beyond ASCII are UTF-8 but for a few damaged places."""
    text = data[:CHUNK].decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", "ignore")) - damaged > 2 * damaged


def _unfit(data: bytes, at: int, name: str, wanted: str) -> InputError:
    line = data.count(b"\n", 0, at) + 1
    return InputError(
        f"{name}, line {line}: the bytes are no text in any encoding tried.",
        got=f"byte {data[at : at + 1].hex()} at offset {at:,} (line {line})",
        wanted=wanted,
        fix="Save the file as UTF-8: `iconv -f ENCODING -t UTF-8 old.csv > new.csv`, with its own encoding.",
    )
