"""Panels on the page, and pages of tasks without a target."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.core.cells import CellType
from netwright.core.schema import ImageColumn, Schema
from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.findings import Findings
from netwright.evaluate.panels import MOST, Panel, sections
from netwright.evaluate.plots.codes import codes
from netwright.evaluate.plots.gallery import gallery, rows_of
from netwright.evaluate.plots.scores import scores
from netwright.evaluate.plots.timeline import timeline
from netwright.evaluate.plots.wrong import wrong
from netwright.evaluate.report import render
from netwright.evaluate.summary import answer
from netwright.tasks import Anomaly, Classification, Denoising, Generation, Reduction

RANDOM = np.random.default_rng(0)
TEXT = CellType(kind="string")
LABEL = Classification(targets=("digit",), cells=(TEXT,), classes=("0", "1"), counts=(5, 5))
PICTURES = RANDOM.integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
IMAGE = ImageColumn(name="picture", cell=TEXT, why="files", channels=1, height=8, width=8, mean=(0.3,), std=(0.2,))
HOSTILE = "<script>alert(1)</script>\x1b"


def panel(section: str, title: str, html: str, caption: str = "") -> Panel:
    return Panel(section=section, title=title, html=html, caption=caption)


def found(made, task, main: str, figures: dict, panels: tuple[Panel, ...], baselines: dict | None = None) -> Findings:
    """A run of a task without a target, on pictures."""
    value = figures[main]
    judged = Evaluation(
        main=main,
        rows=100,
        figures=figures,
        low=value * 0.9,
        high=value * 1.1,
        baselines={name: {main: other} for name, other in (baselines or {}).items()},
        unit="picture",
    )
    return replace(
        made.classification(("a", "b")),
        task=task,
        schema=Schema(columns=(IMAGE,)),
        evaluation=judged,
        predictions=None,
        truth=None,
        importance=(),
        worst=(),
        panels=panels,
    )


def reduction(made) -> Findings:
    rows = panel("Pictures", "Made again", rows_of([PICTURES, PICTURES], ["original", "made again"]))
    plane = panel("The space of the codes", "", codes(RANDOM.random((99, 2)), np.arange(99) % 2, ["0", "1"]))
    figures = {"explained variance": 0.8, "RMSE": 0.1}
    return found(made, Reduction(size=8, label=LABEL), "explained variance", figures, (rows, plane), {"PCA": 0.7})


def anomaly(made) -> Findings:
    plot = panel("Scores", "How strange", scores(RANDOM.random(50), None, 0.9), "Right of the line is an alarm.")
    pictures = panel("Pictures", "", gallery(PICTURES, ["x"] * 6))
    run = found(made, Anomaly(), "alarms", {"alarms": 0.01}, (plot, pictures))
    return replace(run, worst=({"row": 3, "anomaly": True, "anomaly_score": 2.5, "picture": "a.png"},))


def denoising(made) -> Findings:
    return found(made, Denoising(), "RMSE", {"RMSE": 0.1}, (), {"noise left in": 0.2})


def generation(made) -> Findings:
    run = found(
        made,
        Generation(label=LABEL),
        "Fréchet distance",
        {"Fréchet distance": 4.0, "Fréchet distance of real rows": 1.0},
        (panel("Pictures", "Samples over time", timeline([("epoch 1", PICTURES), ("epoch 2", PICTURES)])),),
    )
    losses = {"critic": -1.0, "generator": 1.0}
    history = [replace(r, losses=losses, validation=None, metrics={"diversity": 0.9}) for r in run.history]
    return replace(run, history=tuple(history), best_epoch=len(history) - 1)


def classified(made) -> Findings:
    html = wrong(PICTURES, ["a"] * 6, ["b"] * 6, [0.9] * 6, RANDOM.random((6, 8, 8)))
    run = made.classification(tuple(f"class {i}" for i in range(100)), rows=900)
    judged = replace(run.evaluation, unit="picture")
    return replace(run, evaluation=judged, importance=(), panels=(panel("Pictures", "Wrong", html),))


CASES = {f.__name__: f for f in (reduction, anomaly, denoising, generation, classified)}


class Reader(HTMLParser):
    """Checks that tags close in order; keeps the headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.heads = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag != "script"
        assert all(value.startswith("data:") for key, value in attrs if key in ("src", "href"))
        if tag not in {"meta", "link", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.heads.append(data)


@pytest.mark.parametrize("name", CASES)
def test_pages_of_pictures_are_whole(name: str, made):
    run = CASES[name](made)
    page = render(run)
    heads = Reader(page).heads
    assert "held-out pictures" in page
    for section in {one.section for one in run.panels}:
        assert heads.count(section) == 1
    for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(picture)
    assert len(page.encode()) < 500_000
    assert len(answer(run).splitlines()) <= 12


def test_what_a_task_without_a_target_shows(made):
    heads = Reader(render(reduction(made))).heads
    assert heads[2:6] == ["All figures", "Pictures", "The space of the codes", "How training went"]
    assert "Reduction to 8 dimensions, labels in digit, from" in render(reduction(made))
    assert "1 of 1 column used" in render(reduction(made))
    strange = render(anomaly(made))
    assert "The strangest pictures" in Reader(strange).heads
    assert "<td>–</td>" in strange
    made_up = render(generation(made))
    assert "training (critic)" in made_up
    assert "diversity" in made_up
    assert "Validation pictures" not in made_up
    assert "Validation pictures are never trained on" in render(denoising(made))


def test_many_classes_are_drawn_and_the_worst_pairs_told(made):
    page = render(classified(made))
    assert "Confusion matrix of 100 classes" in page
    assert "The classes it confuses most often" in page
    assert Reader(page).heads.index("Pictures") == Reader(page).heads.index("Where it is right and where it errs") + 1


def test_words_of_a_panel_are_escaped(made):
    run = replace(denoising(made), panels=(panel(HOSTILE, HOSTILE, gallery(PICTURES, [HOSTILE] * 6), HOSTILE),))
    page = render(run)
    Reader(page)
    assert page.count("&lt;script&gt;") >= 8
    assert "\x1b" not in page


def test_panels_stand_by_section_and_those_without_a_figure_are_left():
    found = sections([panel("b", "1", "x"), panel("a", "2", "x"), panel("b", "3", "x"), panel("c", "4", "")])
    assert [(s.title, [p.title for p in s.panels], s.more) for s in found] == [("b", ["1", "3"], 0), ("a", ["2"], 0)]


def test_a_full_page_takes_no_more(made):
    huge = "x" * (MOST - 10)
    found = sections([panel("a", "1", huge), panel("a", "2", "y" * 20), panel("b", "3", "z")])
    assert [(len(s.panels), s.more) for s in found] == [(1, 1), (1, 0)]
    page = render(replace(denoising(made), panels=(panel("a", "1", huge), panel("a", "2", huge))))
    assert "1 more figure left out, to keep this page small." in page
    assert len(page) < 1_500_000
