"""What every plot is drawn with: scales, round ticks, and pieces of SVG.

Lengths are in units of the view box, about a pixel each. Pieces are coloured by class (`accent`, `second`, `muted`, …)
so that the page decides for light, dark and print.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from netwright.evaluate.format import clean, shorten, signed, squeeze

LETTER = 6.6
"""Mean width of a letter at the plots' 12 px."""


@dataclass(frozen=True)
class Scale:
    """Maps values low … high to positions start … end, evenly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The position of a value."""
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[tuple[float, str]]:
        """Round values inside the scale, with their labels."""
        if self.log:
            values = log_ticks(self.low, self.high)
            if len(values) >= 2:
                return [(v, f"{v:g}" if 1e-4 <= v < 1e4 else f"{v:.0e}") for v in values]
        values = nice_ticks(self.low, self.high, about)
        step = values[1] - values[0] if len(values) > 1 else self.high - self.low
        return [(v, tick_label(v, step)) for v in values]


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten between low and high, roughly `about` of them."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between low and high; with twice and five times them where those are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    stride = max(1, len(powers) // 6)
    inside = [10.0**p for p in powers[::stride] if low <= 10.0**p <= high]
    if len(inside) >= 4:
        return inside
    return [m * 10.0**p for p in powers for m in (1, 2, 5) if low <= m * 10.0**p <= high]


def tick_label(value: float, step: float) -> str:
    """The value with as many decimals as the step between ticks needs."""
    if max(abs(value), step) >= 1e6 or step < 1e-4:
        return "0" if abs(value) < step / 2 else signed(f"{value:.3g}")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    decimals += abs(round(step, decimals) - step) > step * 1e-6
    return signed(f"{value:,.{decimals}f}")


def widen(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """The range with some air at both ends; never empty."""
    air = (high - low) * share or abs(high) * 0.1 or 1.0
    return low - air, high + air


def at(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def label(x: float, y: float, words: str, *, css: str = "", anchor: str = "start", width: int = 200) -> str:
    """Text, escaped and cut in the middle to `width` letters; what was cut shows as its title."""
    short = squeeze(words, width)
    whole = f"<title>{escape(shorten(words, 300))}</title>" if short != words else ""
    middle = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{at(x)}" y="{at(y)}" class="{css}"{middle}>{whole}{escape(short)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str = "grid") -> str:
    """A straight line."""
    return f'<line x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}" class="{css}"/>'


def rectangle(x: float, y: float, width: float, height: float, css: str, *, title: str = "", opacity: float = 1) -> str:
    """A filled rectangle, with a title that shows when pointed at."""
    shade = "" if opacity == 1 else f' fill-opacity="{opacity:.2f}"'
    inner = f"<title>{escape(clean(title))}</title>" if title else ""
    size = f'width="{at(max(0.0, width))}" height="{at(max(0.0, height))}"'
    return f'<rect x="{at(x)}" y="{at(y)}" {size} class="{css}"{shade}>{inner}</rect>'


def polyline(points: Iterable[tuple[float, float]], css: str) -> str:
    """A line through points (in view-box units)."""
    return f'<polyline points="{" ".join(f"{at(x)},{at(y)}" for x, y in points)}" class="{css}"/>'


def x_axis(scale: Scale, y: float, title: str, *, about: int = 5) -> str:
    """Ticks below y, and the axis' title below them."""
    pieces = [line(scale.start, y, scale.end, y, "axis")]
    for value, words in scale.ticks(about):
        pieces += [
            line(scale(value), y, scale(value), y + 4, "axis"),
            label(scale(value), y + 18, words, anchor="middle"),
        ]
    middle = (scale.start + scale.end) / 2
    return "".join([*pieces, label(middle, y + 38, title, css="strong", anchor="middle", width=70)])


def y_axis(scale: Scale, left: float, right: float, title: str, *, about: int = 5) -> str:
    """Grid lines from left to right with their values, and the axis' title above."""
    pieces = []
    for value, words in scale.ticks(about):
        place = scale(value)
        pieces += [line(left, place, right, place), label(left - 8, place + 4, words, anchor="end")]
    return "".join([*pieces, label(0, scale.end - 14, title, css="strong", width=80)])


def legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> str:
    """Line samples with their names, side by side. `entries` are (name, class)."""
    pieces = []
    for name, css in entries:
        pieces += [line(x, y - 4, x + 20, y - 4, css), label(x + 26, y, name, width=40)]
        x += 26 + LETTER * min(40, len(name)) + 18
    return "".join(pieces)


def svg(width: float, height: float, title: str, pieces: Iterable[str]) -> str:
    """A whole picture; `title` says in a sentence what it shows, for those who can't see it."""
    words = escape(clean(title))
    box = f'viewBox="0 0 {at(width)} {at(height)}" style="max-width:{at(width)}px"'
    return f'<svg {box} role="img" aria-label="{words}"><title>{words}</title>{"".join(pieces)}</svg>'
