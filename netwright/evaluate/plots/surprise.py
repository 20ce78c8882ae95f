"""Text as markup: each token on a colour that says how surprising it was; and text that was written."""

import math
from collections.abc import Sequence
from html import escape

from netwright.evaluate.format import clean

STEPS = ((0.9, 0), (0.5, 12), (0.2, 28), (0.05, 46), (0.01, 66), (0.0, 90))
"""The least probability of each shade, and how much of the colour it takes, in per cent."""
NEWLINE, LINE = "\n", "↵"
"""The end of a line, and what is shown where it was surprising."""


def surprise(tokens: Sequence[str], losses: Sequence[float], *, title: str) -> str:
    """Tokens (n,), each the darker the less it was foretold; `losses` (n,) in nats."""
    pieces, run, shade = [], "", -1
    for token, loss in zip(tokens, losses, strict=True):
        own = shade_of(loss)
        if own != shade:
            pieces.append(_span(run, shade))
            run, shade = "", own
        run += token
    pieces.append(_span(run, shade))
    return f'<figure><h3>{escape(title)}</h3><pre class="command" dir="auto">{"".join(pieces)}</pre></figure>'


def key() -> str:
    """What the shades mean, and how they look; it stands once above texts that are shaded."""
    names = ["foretold with 90 % or more", "50 %", "20 %", "5 %", "1 %", "less"]
    spans = [_span(f" {name} ", shade) for name, (_, shade) in zip(names, STEPS, strict=True)]
    ground = "background:color-mix(in srgb,var(--second) {}%,transparent)"
    looks = "".join(f".z{shade}{{{ground.format(shade)}}}" for _, shade in STEPS if shade)
    return f'<style>{looks}</style><p class="note">{" ".join(spans)}</p>'


def written(prompt: str, text: str) -> str:
    """What was written, behind the prompt it was begun with."""
    begun = f"<strong>{escape(clean(prompt))}</strong>" if prompt else ""
    return f'<pre class="command" dir="auto">{begun}{escape(clean(text))}</pre>'


def beside(figures: Sequence[str]) -> str:
    """Figures side by side where the page is wide enough."""
    return f'<div class="pair">{"".join(figures)}</div>'


def shade_of(loss: float) -> int:
    """The shade, in per cent, of what was as surprising."""
    probability = math.exp(-max(0.0, loss)) if not math.isnan(loss) else 0.0
    return next(shade for least, shade in STEPS if probability >= least)


def _span(text: str, shade: int) -> str:
    if not text:
        return ""
    shown = escape(clean(text))
    if shade <= 0:
        return shown
    return f'<span class="z{shade}">{shown.replace(NEWLINE, LINE + NEWLINE)}</span>'
