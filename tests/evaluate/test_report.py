"""The page: whole, safe, small, and holding what matters."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.core.notice import Notice
from netwright.core.schema import LeftOutColumn, Schema
from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.findings import Findings, Importance
from netwright.evaluate.report import render

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert(1)</script>\"'>&\x00\x1b\ud800\u202e{{ 7 * 7 }}"
KNOWN = """
lang charset name content http-equiv rel href class title tabindex role aria-label scope open style
viewbox x y x1 x2 y1 y2 cx cy r width height points text-anchor fill-opacity transform
"""
CASES = {
    "binary": lambda made: made.classification(("no", "yes")),
    "ten classes": lambda made: made.classification(tuple("0123456789")),
    "forty classes": lambda made: made.classification(tuple(f"class {i}" for i in range(40)), rows=900),
    "one target": lambda made: made.regression(("price",)),
    "three targets": lambda made: made.regression(("x", "y", "z")),
    "labels": lambda made: made.multilabel(("red", "round", "sweet")),
    "members": lambda made: replace(made.classification(("a", "b")), history=made.history(30, members=8)),
    "bare": lambda made: made.bare(made.classification(("a", "b"))),
    "one row": lambda made: made.classification(("a", "b"), rows=1),
    "no row left of a class": lambda made: made.classification(tuple("abcdefgh"), rows=4),
}


class Reader(HTMLParser):
    """Checks that tags close in order; keeps tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_well_formed_and_loads_nothing(name: str, made):
    page = render(CASES[name](made))
    reader = Reader(page)
    for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        whole = ElementTree.fromstring(picture)
        assert whole.attrib["role"] == "img"
        assert whole[0].tag == "title"
        assert "nan" not in picture.lower().replace("nance", "")
    assert not set(reader.tags) & {"script", "iframe", "img", "object", "embed", "base", "form", "image", "use"}
    assert [v for _, k, v in reader.attributes if k in {"src", "href", "srcset", "action"}] == ["data:,"]
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert len(page.encode("utf-8")) < 400_000


def test_the_answer_comes_first(made):
    page = render(made.classification(("Adelie", "Chinstrap", "Gentoo")))
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == [
        "What to do next",
        "Worth knowing",
        "All figures",
        "Where it is right and where it errs",
        "Columns that matter",
        "Rows it gets most wrong",
        "How training went",
        "The network",
        "What was decided about the data",
        "Settings and timings",
    ]
    body = " ".join(Reader(page).words)
    assert "Accuracy 0.985 on 200 held-out rows (95 % range 0.957 to 0.995)" in body
    assert "against 0.395 for always 'Gentoo' and 0.870 for the linear model." in body
    assert body.index("Accuracy 0.985") < body.index("What to do next")
    assert "Expected calibration error" in body
    assert "hidden_sizes" in body
    assert page.count("<caption>") == page.count("<table") == 6


def test_what_is_not_there_is_left_out(made):
    heads = re.findall(r"<h2>(.*?)</h2>", render(made.bare(made.regression(("price",)))))
    assert heads == [
        "All figures",
        "Where it is right and where it errs",
        "The network",
        "What was decided about the data",
        "Settings and timings",
    ]


def test_every_task_shows_its_own(made):
    regression = render(made.regression(tuple("abcdef")))
    assert regression.count("<svg") == 2 * 4 + 2
    assert "2 more targets not drawn" in regression
    labels = render(made.multilabel(("red", "round")))
    assert "Each label" in labels
    assert "ROC AUC</th>" in labels
    many = render(made.classification(tuple(f"class {i}" for i in range(80)), rows=900))
    assert "The classes it confuses most often" in many
    assert "The 60 classes it knows least; 20 more do better." in many


def test_what_came_with_the_data_is_escaped(made):
    page = render(hostile(made))
    reader = Reader(page)
    assert "script" not in reader.tags
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert not re.search("[\x00-\x08\x1b\u202e]", page)
    page.encode("utf-8")
    for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(picture)
    assert all(key in KNOWN.split() for _, key, _ in reader.attributes)


def hostile(made) -> Findings:
    found = made.classification((HOSTILE, HOSTILE + "2", "c"))
    column = LeftOutColumn(name=HOSTILE, cell=made.columns()[0].cell, why=HOSTILE, kind="text")
    return replace(
        found,
        title=HOSTILE,
        command=HOSTILE,
        source=HOSTILE,
        task_why=HOSTILE,
        split=HOSTILE,
        family=HOSTILE,
        network=HOSTILE,
        notices=(Notice(what=HOSTILE, fix=HOSTILE, column=HOSTILE),),
        schema=Schema(columns=(column,)),
        settings={HOSTILE: HOSTILE, "list": [HOSTILE]},
        seconds={HOSTILE: 1.0},
        importance=(Importance(column=HOSTILE, drop=0.1, spread=0.01),),
        worst=({"row": 1, "truth": HOSTILE, HOSTILE: HOSTILE},),
        next_steps=(HOSTILE,),
    )


def test_figures_that_are_no_number(made):
    found = made.regression(("price",))
    nothing = dict.fromkeys(found.evaluation.figures, float("nan"))
    judged = Evaluation(
        main="R²",
        rows=300,
        figures=nothing,
        low=float("nan"),
        high=float("nan"),
        baselines={"always the mean": nothing},
    )
    broken = np.full_like(found.predictions, np.nan)
    importance = (Importance(column="a", drop=float("nan"), spread=float("nan")),)
    page = render(replace(found, evaluation=judged, predictions=broken, importance=importance))
    Reader(page)
    assert "can&#39;t be told" in page
    assert ">nan<" not in page
    assert "Columns that matter" not in page


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_one_held_out_row_of_a_regression(made):
    Reader(render(made.regression(("price",), rows=1)))


def test_huge_data_make_no_huge_page(made):
    long = "x" * 3000
    many = 5000
    columns = tuple(
        c.model_copy(update={"name": f"{long}{i}", "why": long}) for i, c in enumerate(made.columns() * 850)
    )
    found = made.regression(tuple(long + str(i) for i in range(9)), rows=2_500)
    huge = replace(
        found,
        schema=Schema(columns=columns[:many]),
        history=made.history(3_000),
        network=long * 100,
        notices=tuple(Notice(what=long, fix=long, column=long) for _ in range(many)),
        settings={long + str(i): long for i in range(many)},
        worst=tuple({"row": i, **{c.name: long for c in columns[:many]}} for i in range(30)),
        importance=tuple(Importance(column=c.name, drop=0.1, spread=0.0) for c in columns[:many]),
    )
    page = render(huge)
    assert len(page.encode("utf-8")) < 1_500_000
    assert "4,800 more columns not shown" in page
    assert "<details>" in page
    classes = made.classification(tuple(f"{long}{i}" for i in range(30)), rows=2_500, sure=0.1)
    assert len(render(classes).encode("utf-8")) < 1_500_000
