"""The report: one HTML page that needs nothing else, the answer first."""

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import islice

import jinja2
import numpy as np

from netwright.evaluate.breakdown import Part, confused, per_class, per_label
from netwright.evaluate.decisions import formed, treatment
from netwright.evaluate.evaluation import LOWER_IS_BETTER, ONLY_TOLD, Evaluation
from netwright.evaluate.findings import Findings
from netwright.evaluate.format import NONE, cell, clean, count, duration, figure, number, percent, shorten, squeeze
from netwright.evaluate.panels import sections
from netwright.evaluate.plots.calibration import calibration, reliability
from netwright.evaluate.plots.confusion import MOST_NUMBERS, confusion
from netwright.evaluate.plots.curves import bests, curves
from netwright.evaluate.plots.importance import importance
from netwright.evaluate.plots.residuals import residuals
from netwright.evaluate.plots.watched import watched
from netwright.evaluate.summary import beside, capital, constant_of, headline, verdict, with_article
from netwright.metrics.classification import confusion as confusion_matrix
from netwright.tasks import Anomaly, Classification, MultiLabel, Regression
from netwright.tasks.labelled import Labelled

# What keeps the page below about 1.5 MB whatever the data are.
MOST_COLUMNS = 200
MOST_NOTICES = 40
MOST_PARTS = 60
MOST_PAIRS = 20
MOST_TARGETS = 4
MOST_WORST = 20
MOST_CELLS = 10
MOST_SETTINGS = 100
MOST_NETWORK = 30_000
OPEN_BELOW = 25
"""A table of at most that many columns stands open."""


def render(findings: Findings) -> str:
    """The whole page as UTF-8 text. It loads nothing, runs nothing, and escapes all that came with the data."""
    return _template().render(
        **_answer(findings),
        **_quality(findings),
        sections=sections(findings.panels),
        **_training(findings),
        **_data(findings),
        **_settings(findings),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters |= {"count": count, "percent": percent, "short": shorten, "squeeze": squeeze}
    return environment.from_string((files("netwright.evaluate") / "report.html.j2").read_text("utf-8"))


def _answer(findings: Findings) -> dict[str, object]:
    judged = findings.evaluation
    told = findings.notices
    return {
        "title": findings.title,
        "source": findings.source,
        "rows": findings.rows,
        "unit": judged.unit,
        "counted": "row" if judged.unit in ("window", "character", "token") else judged.unit,
        "task": capital(findings.task.title),
        "labelled": isinstance(findings.task, Labelled),
        "targets": [squeeze(name, 40) for name in findings.task.targets[:5]],
        "more_targets_named": max(0, len(findings.task.targets) - 5),
        "family": findings.family,
        "lede": headline(judged) + _against(judged),
        "verdict": verdict(judged, constant_of(findings.task, judged)),
        "next_steps": [clean(step) for step in findings.next_steps],
        "notices": told[:MOST_NOTICES],
        "more_notices": max(0, len(told) - MOST_NOTICES),
    }


def _against(judged: Evaluation) -> str:
    """ ", against 0.435 for always 'Adelie' and 0.985 for the linear model." """
    told = [
        f"{figure(judged.main, figures.get(judged.main, math.nan))} for " + with_article(name)
        for name, figures in islice(judged.baselines.items(), 4)
    ]
    more = f" {capital(beside(judged))}." if beside(judged) else ""
    against = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)
    return (f", against {against}." if told else ".") + more


def _quality(findings: Findings) -> dict[str, object]:
    task, predictions, truth = findings.task, findings.predictions, findings.truth
    found: dict[str, object] = {
        "figures": _figures(findings.evaluation),
        "matrix": "",
        "numbered": True,
        "confused": [],
        "parts": [],
        "more_parts": 0,
        "has_auc": False,
        "residuals": [],
        "calibration": "",
        "calibration_note": "",
        "importance": importance(findings.importance, findings.evaluation.main),
        "worst": _worst(findings),
        "strangest": isinstance(task, Anomaly),
        "more_targets": 0,
        "part": "",
    }
    if predictions is None or truth is None:
        return found
    match task:
        case Classification():
            matrix = confusion_matrix(predictions, truth.astype(np.int64))
            pairs = confused(matrix, task.classes, MOST_PAIRS)
            parts = per_class(matrix, task.classes)
            picture = confusion(matrix, task.classes)
            told = picture and len(task.classes) <= MOST_NUMBERS
            found |= {"matrix": picture, "confused": [] if told else pairs, **_parts(parts, "class")}
            found["numbered"] = bool(told)
            found |= _class_calibration(task, predictions, truth)
        case MultiLabel():
            found |= {"has_auc": True, **_parts(per_label(predictions, truth, task.labels), "label")}
            found |= _calibration(predictions.ravel(), truth.ravel() > 0.5, "probability of a label")
        case Regression():
            columns = zip(_columns(predictions), _columns(truth), task.targets, strict=True)
            found["residuals"] = [residuals(p, t, shorten(name, 40)) for p, t, name in islice(columns, MOST_TARGETS)]
            found["more_targets"] = max(0, len(task.targets) - MOST_TARGETS)
    return found


def _class_calibration(task: Classification, predictions: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    if len(task.classes) == 2:
        return _calibration(predictions[:, 1], truth == 1, f"probability of {shorten(task.classes[1], 30)!r}")
    chosen = predictions.argmax(axis=1)
    return _calibration(predictions.max(axis=1), chosen == truth, "probability of the class it chose")


def _calibration(probability: np.ndarray, came_true: np.ndarray, what: str) -> dict[str, object]:
    error = figure("accuracy", reliability(probability, came_true).error)
    note = (
        "On the dashed line, what was said with a probability of 70 % comes true in 70 % of the rows; below it the "
        f"network is too sure, above it too timid. Expected calibration error {error} (0 is perfect). The bars count "
        "the rows; hollow points stand for fewer than ten."
    )
    return {"calibration": calibration(probability, came_true, what), "calibration_note": note}


def _parts(parts: Sequence[Part], word: str) -> dict[str, object]:
    """The table of classes or labels; of very many, those that come out worst."""
    ranked = sorted(parts, key=lambda p: p.f1 if math.isfinite(p.f1) else 2.0) if len(parts) > MOST_PARTS else parts
    rows = [
        {
            "name": part.name,
            "precision": figure("accuracy", part.precision),
            "recall": figure("accuracy", part.recall),
            "f1": figure("accuracy", part.f1),
            "auc": figure("ROC AUC", part.auc),
            "support": part.support,
            "share": percent(part.share),
        }
        for part in ranked[:MOST_PARTS]
    ]
    return {"parts": rows, "more_parts": max(0, len(parts) - MOST_PARTS), "part": word}


def _columns(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).T


def _figures(judged: Evaluation) -> dict[str, object]:
    """The table of figures: a row a figure; the best value of each row is marked."""
    baselines = list(islice(judged.baselines.items(), 6))
    rows = []
    for name, own in judged.figures.items():
        values = [own, *(figures.get(name, math.nan) for _, figures in baselines)]
        known = [v for v in values if math.isfinite(v)]
        best = (min if name in LOWER_IS_BETTER else max)(known) if known else math.nan
        cells = [{"text": figure(name, v), "best": v == best and name not in ONLY_TOLD} for v in values]
        better = NONE if name in ONLY_TOLD else "↓ lower" if name in LOWER_IS_BETTER else "↑ higher"
        rows.append({"name": name, "better": better, "cells": cells})
    return {"names": [shorten(name, 40) for name, _ in baselines], "rows": rows}


def _worst(findings: Findings) -> dict[str, object] | None:
    """The table of worst rows: what was said of them, then the cells of the columns that matter most."""
    if not findings.worst:
        return None
    columns = [column.name for column in findings.schema.columns]
    known = set(columns)
    rank = {one.column: place for place, one in enumerate(findings.importance)}
    own = [key for key in findings.worst[0] if key not in known][:8]
    cells = [key for key in sorted(columns, key=lambda c: rank.get(c, len(rank))) if key in findings.worst[0]]
    keys = own + cells[:MOST_CELLS]
    rows = [[_cell(row.get(key), own=key in own) for key in keys] for row in findings.worst[:MOST_WORST]]
    heads = [{"name": key, "numeric": any(row[i]["numeric"] for row in rows)} for i, key in enumerate(keys)]
    return {"heads": heads, "own": len(own), "rows": rows, "more": max(0, len(cells) - MOST_CELLS)}


def _cell(value: object, *, own: bool) -> dict[str, object]:
    """A cell of the table of worst rows; `own` are our figures, shown short, the others the data's."""
    text = number(float(value)) if own and isinstance(value, float | np.floating) else cell(value)
    numeric = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return {"text": shorten(text, 40), "numeric": numeric, "whole": shorten(text, 200)}


def _training(findings: Findings) -> dict[str, object]:
    known = 0 <= findings.best_epoch < len(findings.history)
    return {
        "curves": curves(findings.history, findings.best_epoch),
        "watched": watched(findings.history, findings.best_epoch),
        "epochs": len(findings.history),
        "validated": any(record.validation is not None for record in findings.history),
        "best_epoch": findings.best_epoch + 1 if known else 0,
        "members": len(bests(findings.history)),
        "network": findings.network[:MOST_NETWORK],
        "network_cut": len(findings.network) > MOST_NETWORK,
    }


def _data(findings: Findings) -> dict[str, object]:
    columns = findings.schema.columns
    rows = [
        {"name": c.name, "kind": c.kind, "done": treatment(c), "missing": c.missing, "why": shorten(c.why, 200)}
        for c in columns[:MOST_COLUMNS]
    ]
    return {
        "columns": rows,
        "columns_open": len(columns) <= OPEN_BELOW,
        "columns_total": len(columns),
        "columns_used": len(findings.schema.used) + len(findings.schema.texts) + (findings.schema.image is not None),
        "formed": capital(formed(findings.schema.form)) + "." if findings.schema.form is not None else "",
        "split": findings.split,
        "task_why": findings.task_why,
    }


def _settings(findings: Findings) -> dict[str, object]:
    settings = islice(findings.settings.items(), MOST_SETTINGS)
    return {
        "settings": [(name, shorten(_setting(value), 300)) for name, value in settings],
        "more_settings": max(0, len(findings.settings) - MOST_SETTINGS),
        "seconds": [(name, duration(value)) for name, value in islice(findings.seconds.items(), 40)],
        "command": shorten(findings.command, 2000),
    }


def _setting(value: object) -> str:
    """A setting's value; several are joined by commas, none is a dash."""
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, islice(value, 50))) or NONE
    return NONE if value in ("", {}) else cell(value)
