"""Pictures and plots of a report that only some runs have: each run brings its own."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST = 1_250_000
"""Letters of all panels' markup together, so that a page stays below about 1.5 MB."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One figure of the report, below the heading of its section."""

    section: str
    """The heading; panels with the same one stand together."""
    title: str
    """Above the figure; "" for none."""
    html: str
    """The figure as markup made by `evaluate.plots`, which escapes all that came with data; "" where there is none."""
    caption: str
    """What is to be seen in it, in words; "" for none."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The panels below one heading."""

    title: str
    panels: list[Panel]
    """In the order they came."""
    more: int
    """How many more were too large for the page."""


def sections(panels: Sequence[Panel]) -> list[Section]:
    """The panels by section, in the order the sections first came. Once the page is full, what is too large is left."""
    kept: dict[str, list[Panel]] = {}
    more: dict[str, int] = {}
    room = MOST
    for panel in panels:
        if not panel.html:
            continue
        fits = len(panel.html) <= room
        room -= len(panel.html) if fits else 0
        kept.setdefault(panel.section, []).extend([panel] if fits else [])
        more[panel.section] = more.get(panel.section, 0) + (not fits)
    return [Section(title=title, panels=those, more=more[title]) for title, those in kept.items()]
