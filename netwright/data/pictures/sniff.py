"""What a file is, from its first bytes and its name."""

EXTENSIONS = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".ico", ".tga", ".pcx", ".jp2", ".j2k", ".jpx", ".sgi"}
)
"""Endings of the names of pictures we read, in small letters."""
FOREIGN = frozenset(
    {".heic", ".heif", ".svg", ".psd", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".jxl", ".eps", ".xcf", ".dcm"}
)
"""Endings of pictures we can't read."""
MARKS = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
"""What pictures begin with."""
HEAD = 16
"""Bytes that are enough to tell."""


def is_picture(head: bytes) -> bool:
    """Whether these first bytes are those of a picture."""
    if head.startswith(MARKS):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        return head[8:12] in (b"avif", b"avis", b"mif1")
    return head[:2] == b"BM" and head[6:10] == b"\0\0\0\0"


def extension(name: str) -> str:
    """The ending of a name, in small letters: `.jpg`; empty where it has none."""
    base = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    return f".{ending.strip().lower()}" if dot and stem else ""


def named_as_picture(name: str) -> bool:
    """Whether the name is one of a picture we read, in any case."""
    return extension(name) in EXTENSIONS
