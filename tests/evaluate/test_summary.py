import re
from dataclasses import replace

import pytest

from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.summary import answer, verdict

CONSTANT = "always 'no'"


def judged(own: float, constant: float, linear: float, *, main: str = "accuracy", **more: float) -> Evaluation:
    baselines = {CONSTANT: {main: constant}, "linear model": {main: linear}}
    figures = {main: own, **more}
    return Evaluation(main=main, rows=100, figures=figures, low=own - 0.05, high=own + 0.05, baselines=baselines)


def test_the_answer_has_its_parts_in_order(made):
    lines = answer(made.classification(("Adelie", "Chinstrap", "Gentoo"))).splitlines()
    assert lines[0].startswith("Accuracy 0.985 on 200 held-out rows (95 % range 0.957 to 0.995)")
    assert "always 'Gentoo'" in lines[1]
    assert "linear model" in lines[2]
    assert "beats" in lines[3]
    assert lines[5] == "Next:"
    assert len(lines) <= 12


def test_regression_shows_its_error_in_the_targets_unit(made):
    line = answer(made.regression(("price",))).splitlines()[0]
    assert line.startswith("R² 0.9")
    assert re.search(r"; RMSE \d{3}$", line)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (judged(0.9, 0.5, 0.6), "by more than the range of chance"),
        (judged(0.9, 0.5, 0.88), "but the lead over the linear model is within the range of chance."),
        (judged(0.9, 0.5, 0.9), "The linear model is just as good and simpler"),
        (judged(0.9, 0.5, 0.92), "The linear model is better by no more than chance (0.920) and simpler"),
        (judged(0.9, 0.5, 0.97), "The linear model is better (0.970) and simpler"),
        (judged(0.9, 0.9, 0.8), "no better than a constant (always 'no'): don't rely on it."),
        (judged(0.9, 0.95, 0.8, **{"ROC AUC": 0.83}), "By ROC AUC (0.830, chance 0.5) it does tell rows apart."),
        (judged(3.0, 5.0, 2.0, main="RMSE"), "The linear model is better (2.00)"),
        (judged(3.0, 5.0, 4.0, main="RMSE"), "beats both, by more"),
        (judged(float("nan"), 0.5, 0.5), "is open"),
        (judged(0.9, float("nan"), float("nan")), "Nothing simpler was measured"),
    ],
)
def test_the_verdict_is_honest(found: Evaluation, words: str):
    assert words in verdict(found, CONSTANT)


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_one_row_of_a_regression_has_no_answer_yet(made):
    text = answer(made.regression(("price",), rows=1))
    assert "R² can't be told from 1 held-out row" in text


def test_nothing_in_it_moves_the_terminal(made):
    found = made.classification(("a\x1b[2J", "b\nc"))
    text = answer(replace(found, next_steps=("netwright predict 'x\x1b]0;y\x07\nz'",)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) <= 12


def test_many_baselines_and_steps_stay_short(made):
    found = made.classification(("a", "b"))
    baselines = {f"model {i}": {"accuracy": 0.5} for i in range(50)}
    many = replace(found, evaluation=replace(found.evaluation, baselines=baselines), next_steps=("x",) * 50)
    assert len(answer(many).splitlines()) <= 12
