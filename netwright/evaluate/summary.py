"""The answer in words: how good it is, against what, and what to do next."""

import math

from netwright.evaluate.evaluation import LOWER_IS_BETTER, Evaluation
from netwright.evaluate.findings import Findings
from netwright.evaluate.format import clean, count, figure, shorten

MOST_BASELINES = 4
MOST_STEPS = 3


def answer(findings: Findings) -> str:
    """The answer as plain text of at most twelve lines: figure, range, rows, baselines, verdict, next steps."""
    judged = findings.evaluation
    shown = list(judged.baselines.items())[:MOST_BASELINES]
    names = [shorten(name, 40) for name, _ in shown]
    wide = max(map(len, names), default=0)
    lines = [headline(judged) + (f"; {beside(judged)}" if beside(judged) else "")]
    lines += [
        f"  {name:<{wide}}  {figure(judged.main, figures.get(judged.main, math.nan))}"
        for name, (_, figures) in zip(names, shown, strict=True)
    ]
    lines += [verdict(judged, findings.task.constant_title)]
    if findings.next_steps:
        lines += ["", "Next:", *(f"  {one_line(step)}" for step in findings.next_steps[:MOST_STEPS])]
    return "\n".join(lines)


def headline(judged: Evaluation) -> str:
    """The main figure with its range and the rows behind it, in one sentence without a full stop."""
    rows = count(judged.rows, "held-out row")
    value = judged.figures.get(judged.main, math.nan)
    if not math.isfinite(value):
        return f"{capital(judged.main)} can't be told from {rows}"
    text = f"{capital(judged.main)} {figure(judged.main, value)} on {rows}"
    if math.isfinite(judged.low) and math.isfinite(judged.high):
        text += f" (95 % range {figure(judged.main, judged.low)} to {figure(judged.main, judged.high)})"
    return text


def beside(judged: Evaluation) -> str:
    """The error in the target's own unit, where the main figure has none: "RMSE 543"."""
    value = judged.figures.get("RMSE", math.nan)
    return f"RMSE {figure('RMSE', value)}" if judged.main == "R²" and math.isfinite(value) else ""


def verdict(judged: Evaluation, constant: str) -> str:
    """What the figure is worth beside the baselines, honestly. `constant` is the name of the constant among them."""
    own = judged.figures.get(judged.main, math.nan)
    if not math.isfinite(own):
        return "Whether it is any good is open: hold out more rows."
    known = [name for name, figures in judged.baselines.items() if math.isfinite(figures.get(judged.main, math.nan))]
    if not known:
        return "Nothing simpler was measured beside it."
    ahead = judged.beaten_by
    if constant in ahead:
        return f"It is no better than a constant ({shorten(constant, 40)}): don't rely on it.{_still(judged, constant)}"
    if ahead:
        best = max(ahead, key=lambda name: _sign(judged) * judged.baselines[name][judged.main])
        theirs = judged.baselines[best][judged.main]
        near = theirs != own and judged.low <= theirs <= judged.high
        word = "just as good" if theirs == own else f"better ({figure(judged.main, theirs)})"
        word = f"better by no more than chance ({figure(judged.main, theirs)})" if near else word
        return f"{capital(_the(best))} is {word} and simpler: prefer it."
    return _ahead_of_all(judged, known)


def one_line(command: str) -> str:
    """A command whole, with nothing in it that a terminal would obey."""
    return clean(command.replace("\n", " ").replace("\t", " ").replace("\r", " "))


def capital(text: str) -> str:
    """The text with its first letter large and all others as they are."""
    return text[:1].upper() + text[1:]


def _ahead_of_all(judged: Evaluation, names: list[str]) -> str:
    """`names` are the baselines that have a figure to be compared with."""
    many = {1: f"It beats {_the(names[0])}", 2: "It beats both"}.get(len(names), f"It beats all {len(names)}")
    if not (math.isfinite(judged.low) and math.isfinite(judged.high)):
        return f"{many}."
    close = [name for name in names if judged.low <= judged.baselines[name][judged.main] <= judged.high]
    if not close:
        return f"{many}, by more than the range of chance."
    return f"{many}, but the lead over {_the(close[-1])} is within the range of chance."


def _still(judged: Evaluation, constant: str) -> str:
    """Where the main figure sees nothing, the ranking may: say so."""
    area = judged.figures.get("ROC AUC", math.nan)
    if judged.main == "ROC AUC" or constant not in judged.baselines or not area > 0.6:
        return ""
    return f" By ROC AUC ({figure('ROC AUC', area)}, chance 0.5) it does tell rows apart."


def _the(name: str) -> str:
    return "the constant answer" if name.startswith("always ") else f"the {shorten(name, 40)}"


def _sign(judged: Evaluation) -> int:
    return -1 if judged.main in LOWER_IS_BETTER else 1
