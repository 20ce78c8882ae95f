"""The answer in words: how good it is, against what, and what to do next."""

import math

from netwright.evaluate.evaluation import LOWER_IS_BETTER, Evaluation
from netwright.evaluate.findings import Findings
from netwright.evaluate.format import clean, count, figure, shorten
from netwright.tasks import Classification, MultiLabel, Regression, Task

MOST_BASELINES = 4
MOST_STEPS = 3
IDLE = ("mean row", "mean picture", "noise left in", "last value")
"""Baselines of tasks without a target that do nothing: what is no better than one of them is worth nothing."""
LEADING = {"Fréchet distance": "from"}
"""The word between a figure and the held-out rows, where it is not "on"."""


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
    lines += [verdict(judged, constant_of(findings.task, judged))]
    if findings.next_steps:
        lines += ["", "Next:", *(f"  {one_line(step)}" for step in findings.next_steps[:MOST_STEPS])]
    return "\n".join(lines)


def headline(judged: Evaluation) -> str:
    """The main figure with its range and the rows behind it, in one sentence without a full stop."""
    rows = count(judged.rows, f"held-out {judged.unit}")
    value = judged.figures.get(judged.main, math.nan)
    if not math.isfinite(value):
        return f"{capital(judged.main)} can't be told from {rows}"
    if judged.main == "alarms":
        text = f"{figure('alarms', value)} of {rows} raise an alarm"
    else:
        text = f"{capital(judged.main)} {figure(judged.main, value)} {LEADING.get(judged.main, 'on')} {rows}"
    if math.isfinite(judged.low) and math.isfinite(judged.high):
        text += f" (95 % range {figure(judged.main, judged.low)} to {figure(judged.main, judged.high)})"
    return text


def beside(judged: Evaluation) -> str:
    """What the main figure leaves open: "RMSE 543" in the target's own unit, "finds 93 % at 1.2 % false alarms"."""
    known = {name: figure(name, value) for name, value in judged.figures.items() if math.isfinite(value)}
    if judged.main in ("R²", "explained variance") and "RMSE" in known:
        return f"RMSE {known['RMSE']}"
    if judged.main == "ROC AUC" and {"found", "false alarms"} <= known.keys():
        return (
            f"its alarms find {known['found']} of the anomalies and are raised by {known['false alarms']} of the others"
        )
    if judged.main == "Fréchet distance" and "Fréchet distance of real rows" in known:
        return f"real {judged.unit}s are {known['Fréchet distance of real rows']} from each other"
    return ""


def constant_of(task: Task, judged: Evaluation) -> str:
    """The name of the baseline that ignores its inputs or does nothing with them; "" where there is none."""
    if isinstance(task, Regression | Classification | MultiLabel):
        return task.constant_title
    return next((name for name in judged.baselines if name in IDLE), "")


def verdict(judged: Evaluation, constant: str) -> str:
    """What the figure is worth beside the baselines, honestly. `constant` is the name of the constant among them."""
    own = judged.figures.get(judged.main, math.nan)
    if not math.isfinite(own):
        return f"Whether it is any good is open: hold out more {judged.unit}s."
    if judged.main == "alarms":
        return f"Without labels nobody can count how many are right: look at the strangest {judged.unit}s."
    known = [name for name, figures in judged.baselines.items() if math.isfinite(figures.get(judged.main, math.nan))]
    if not known:
        return "Nothing simpler was measured beside it."
    ahead = judged.beaten_by
    if constant in ahead:
        words = with_article(constant) if constant in IDLE else f"a constant ({shorten(constant, 40)})"
        return f"It is no better than {words}: don't rely on it.{_still(judged, constant)}"
    if ahead:
        return _behind(judged, max(ahead, key=lambda name: _sign(judged) * judged.baselines[name][judged.main]))
    return _ahead_of_all(judged, known)


def with_article(name: str) -> str:
    """A baseline's name inside a sentence: "always 'no'", "the linear model", "PCA", "reconstruction alone"."""
    bare = name.startswith("always ") or name.endswith(" alone") or name == "noise left in" or name[:3].isupper()
    return shorten(name if bare else f"the {name}", 60)


def one_line(command: str) -> str:
    """A command whole, with nothing in it that a terminal would obey."""
    return clean(command.replace("\n", " ").replace("\t", " ").replace("\r", " "))


def capital(text: str) -> str:
    """The text with its first letter large and all others as they are."""
    return text[:1].upper() + text[1:]


def _behind(judged: Evaluation, best: str) -> str:
    """`best` is the best of the baselines that are as good or better."""
    theirs, own = judged.baselines[best][judged.main], judged.figures[judged.main]
    told = figure(judged.main, theirs)
    near = theirs != own and judged.low <= theirs <= judged.high
    word = (
        "just as good" if theirs == own else f"better by no more than chance ({told})" if near else f"better ({told})"
    )
    if best == "network alone":
        return f"The network alone is {word}: the blend trusted the others too much."
    several = best.removesuffix(" alone").endswith("s") and best.endswith(" alone")
    return (
        f"{capital(_the(best))} {'are' if several else 'is'} {word} and simpler: prefer {'them' if several else 'it'}."
    )


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
    return "the constant answer" if name.startswith("always ") else with_article(name)


def _sign(judged: Evaluation) -> int:
    return -1 if judged.main in LOWER_IS_BETTER else 1
