"""Files of text, or a folder of them, read into a `Corpus`."""

import os
import re
from pathlib import Path

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.corpus.corpus import Corpus
from netwright.data.sources.charset import MARKS, to_utf8
from netwright.data.sources.compressed import decompress, plain_name

ENDINGS = (".txt", ".text", ".md")
CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Characters that no text has many of; tab, the ends of lines and pages, and escape are not among them."""
LOOKED_AT = 1_000_000
"""Characters in which control characters are counted."""


def holds_corpus(source: object) -> bool:
    """Whether the source is a text to be continued: a text file, also inside gzip or zstd, or a folder of such.

    A folder holds a corpus where most files that lie in it, beside its folders, are text.
    """
    if isinstance(source, Corpus):
        return True
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        return False
    path = Path(source).expanduser()
    if path.is_file():
        return _is_text(path)
    if not path.is_dir():
        return False
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    return 2 * sum(map(_is_text, files)) > len(files)


def read_corpus(source: object) -> Corpus:
    """The text of a file, or of all text files of a folder and the folders in it, in the order of their names.

    Lines end with a line feed whatever they ended with. Raises InputError, with file, line and byte, for bytes that are
    no text, and where there is nothing but white space.
    """
    if isinstance(source, Corpus):
        return source
    path = Path(source).expanduser()  # type: ignore[arg-type]
    files, notices = _files(path)
    texts: dict[str, str] = {}
    empty: list[str] = []
    for file in files:
        name = str(file) if file == path else file.relative_to(path).as_posix()
        text, odd = _read(file, str(file))
        notices += odd
        if text.strip():
            texts[name] = text
        else:
            empty.append(name)
    if not texts:
        raise InputError(
            f"There is no text in {path}.",
            got=f"{len(empty):,} file(s) that are empty or hold white space alone",
            wanted="a text that a network can learn to continue",
            fix="Give a file with text in it.",
        )
    if empty:
        what = f"{len(empty):,} file(s) are empty or hold white space alone and are left out (first {empty[0]})"
        notices.append(Notice(what=what))
    return Corpus(texts=tuple(texts.values()), names=tuple(texts), name=str(path), notices=tuple(notices))


def one_line_end(text: str) -> tuple[str, int]:
    """The text with "\\n" at the end of each line, and how many lines ended with "\\r\\n" or "\\r"."""
    if "\r" not in text:
        return text, 0
    others = text.count("\r")
    return text.replace("\r\n", "\n").replace("\r", "\n"), others


def _is_text(file: Path) -> bool:
    return plain_name(file.name).lower().endswith(ENDINGS)


def _files(path: Path) -> tuple[list[Path], list[Notice]]:
    if not path.is_dir():
        return [path], []
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    others = [file for file in found if not _is_text(file)]
    if not others:
        return found, []
    what = f"{len(others):,} file(s) of {path} are no text and are left out (first {others[0].relative_to(path)})"
    return [file for file in found if _is_text(file)], [Notice(what=what, fix="name text files .txt to have them read")]


def _read(file: Path, name: str) -> tuple[str, list[Notice]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{name} can't be read.",
            got=error.strerror or error,
            wanted="a file of text",
            fix="Look at its permissions.",
        ) from error
    data = decompress(data, name)
    encoded, notices = to_utf8(data, name)
    if any(data.startswith(mark) for mark, _ in MARKS):
        notices.append(Notice(what=f"{name} begins with a byte order mark, which is no part of the text"))
    text, others = one_line_end(encoded.decode())
    _refuse_binary(text, name)
    if others:
        what = f"{others:,} line(s) of {name} end as in Windows or old Mac files and are taken to end with a line feed"
        notices.append(Notice(what=what))
    return text, notices


def _refuse_binary(text: str, name: str) -> None:
    head = text[:LOOKED_AT]
    strange = CONTROL.findall(head)
    if len(strange) > 0.01 * len(head):
        raise InputError(
            f"{name} is no text.",
            got=f"{len(strange):,} control characters among the first {len(head):,}, such as {strange[0]!r}",
            wanted="text that a person can read",
            fix="Give the text itself, saved as UTF-8.",
        )
