import re
from dataclasses import replace

import pytest

from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.summary import answer, beside, constant_of, headline, verdict
from netwright.tasks import Anomaly, Denoising, Reduction

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


NAN = float("nan")


def of_pictures(main: str, figures: dict, baselines: dict, low: float = NAN, high: float = NAN) -> Evaluation:
    return Evaluation(
        main=main,
        rows=1000,
        figures=figures,
        low=low,
        high=high,
        baselines={name: {main: value} for name, value in baselines.items()},
        unit="picture",
    )


@pytest.mark.parametrize(
    ("found", "line", "more"),
    [
        (
            of_pictures("explained variance", {"explained variance": 0.912, "RMSE": 0.0812}, {}, 0.9, 0.92),
            "Explained variance 0.912 on 1,000 held-out pictures (95 % range 0.900 to 0.920)",
            "RMSE 0.0812",
        ),
        (
            of_pictures("Fréchet distance", {"Fréchet distance": 12.3, "Fréchet distance of real rows": 1.4}, {}),
            "Fréchet distance 12.3 from 1,000 held-out pictures",
            "real pictures are 1.40 from each other",
        ),
        (of_pictures("−ELBO", {"−ELBO": 98.21}, {}), "−ELBO 98.2 on 1,000 held-out pictures", ""),
        (
            of_pictures("ROC AUC", {"ROC AUC": 0.98, "found": 0.93, "false alarms": 0.012}, {}),
            "ROC AUC 0.980 on 1,000 held-out pictures",
            "its alarms find 93.0 % of the anomalies and are raised by 1.2 % of the others",
        ),
        (
            of_pictures("alarms", {"alarms": 0.0123}, {}, 0.007, 0.02),
            "1.2 % of 1,000 held-out pictures raise an alarm (95 % range 0.7 % to 2.0 %)",
            "",
        ),
    ],
)
def test_figures_of_tasks_without_a_target_read_well(found: Evaluation, line: str, more: str):
    assert headline(found) == line
    assert beside(found) == more


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (of_pictures("RMSE", {"RMSE": 0.2}, {"noise left in": 0.2}), "It is no better than noise left in: don't rely"),
        (
            of_pictures("explained variance", {"explained variance": -0.1}, {"mean picture": 0.0}),
            "It is no better than the mean picture: don't rely on it.",
        ),
        (
            of_pictures("explained variance", {"explained variance": 0.7}, {"mean picture": 0.0, "PCA to 8": 0.8}),
            "PCA to 8 is better (0.800) and simpler: prefer it.",
        ),
        (
            of_pictures("ROC AUC", {"ROC AUC": 0.7}, {"nearest neighbours alone": 0.8, "residual of PCA": 0.6}),
            "Nearest neighbours alone are better (0.800) and simpler: prefer them.",
        ),
        (of_pictures("alarms", {"alarms": 0.01}, {}), "Without labels nobody can count how many are right"),
        (
            of_pictures("Fréchet distance", {"Fréchet distance": 1.0}, {"normal distribution": 9.0}),
            "It beats the normal distribution.",
        ),
    ],
)
def test_the_verdict_on_tasks_without_a_target(found: Evaluation, words: str):
    assert words in verdict(found, constant_of(Reduction(size=8), found))


def test_the_baseline_that_does_nothing(made):
    found = of_pictures("RMSE", {"RMSE": 0.2}, {"PCA": 0.1, "noise left in": 0.2})
    assert constant_of(Denoising(), found) == "noise left in"
    assert constant_of(Anomaly(), judged(0.9, 0.5, 0.6)) == ""
    classes = made.classification(("a", "b"))
    assert constant_of(classes.task, classes.evaluation) == classes.task.constant_title
