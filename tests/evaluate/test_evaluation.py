"""Figures, their range, and who is better."""

import numpy as np
import pytest

from netwright.core.cells import CellType
from netwright.evaluate.evaluation import LOWER_IS_BETTER, ONLY_TOLD, SHARES, Evaluation, evaluate
from netwright.metrics.interval import wilson
from netwright.tasks import Classification, MultiLabel, Regression

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
WITHOUT_A_TARGET = {"Fréchet distance", "divergence of labels", "false alarms", "−ELBO"}
AHEAD = {"MASE", "bits per character", "nats per character", "perplexity", "pinball loss", "scaled error"}
RANDOM = np.random.default_rng(0)
CLASSES = Classification(targets=("y",), cells=(TEXT,), classes=("a", "b"), counts=(6, 4))
LABELS = MultiLabel(targets=("p", "q"), cells=(TEXT, TEXT), labels=("p", "q"), shares=(0.3, 0.6))
AMOUNT = Regression(targets=("y",), cells=(NUMBER,), center=(5.0,), scale=(2.0,), lowest=(0.0,), highest=(9.0,))


def test_every_figure_has_a_direction():
    figures = {name for task in (CLASSES, LABELS, AMOUNT) for name in task.metrics}
    assert figures >= LOWER_IS_BETTER - WITHOUT_A_TARGET - AHEAD and figures >= SHARES
    assert not ONLY_TOLD & (LOWER_IS_BETTER | SHARES | figures)
    truth = RANDOM.integers(0, 2, 40)
    good, bad = (np.clip(np.eye(2)[t], 0.1, 0.9) for t in (truth, 1 - truth))
    both = RANDOM.integers(0, 2, (40, 2))
    numbers = RANDOM.normal(size=(40, 1)) * 2 + 5
    for task, right, wrong, true in (
        (CLASSES, good, bad, truth),
        (LABELS, np.clip(both, 0.1, 0.9), np.clip(1 - both, 0.1, 0.9), both),
        (AMOUNT, numbers + 0.1, -numbers, numbers),
    ):
        for name, metric in task.metrics.items():
            assert (metric(right, true) < metric(wrong, true)) == (name in LOWER_IS_BETTER), name


def test_a_share_has_wilsons_range():
    truth = np.array([0] * 7 + [1] * 3)
    predictions = np.tile([0.8, 0.2], (10, 1))
    judged = evaluate(CLASSES, predictions, truth, {"constant": predictions})
    assert (judged.main, judged.rows) == ("accuracy", 10) and judged.figures["accuracy"] == 0.7
    assert (judged.low, judged.high) == wilson(7, 10)
    assert judged.baselines["constant"] == pytest.approx(judged.figures, nan_ok=True)


@pytest.mark.parametrize("task", [AMOUNT, LABELS])
def test_other_figures_have_a_range_around_them(task: object):
    truth = RANDOM.normal(size=(80, 1)) * 2 + 5 if task is AMOUNT else RANDOM.integers(0, 2, (80, 2))
    guess = np.clip(truth + RANDOM.normal(size=truth.shape) * 0.5, *((-99, 99) if task is AMOUNT else (0, 1)))
    judged = evaluate(task, guess, truth, {}, seed=1)
    assert judged.low < judged.figures[judged.main] < judged.high
    assert evaluate(task, guess, truth, {}, seed=1) == judged


def test_beaten_by_what_is_as_good_or_better():
    truth = RANDOM.normal(size=(50, 1))
    guess = {e: truth + e for e in (0.1, 0.2, 0.3)}
    judged = evaluate(AMOUNT, guess[0.2], truth, {"better": guess[0.1], "same": guess[0.2], "worse": guess[0.3]})
    assert judged.beaten_by == ["better", "same"]


def test_what_is_only_told_is_beaten_by_nothing():
    judged = {"rows": 9, "low": 0.0, "high": 1.0}
    told = Evaluation(main="alarms", figures={"alarms": 0.1}, baselines={"x": {"alarms": 0.5}}, **judged)
    assert told.beaten_by == []
    worse = Evaluation(main="−ELBO", figures={"−ELBO": 9.0}, baselines={"x": {"−ELBO": 7.0}}, **judged)
    assert worse.beaten_by == ["x"]
    assert worse.unit == "row"
