from datetime import datetime

import numpy as np
import pytest

from netwright.evaluate.format import cell, clean, count, duration, figure, number, percent, shorten, squeeze


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (543.21, "543"),
        (12.345, "12.3"),
        (0.012345, "0.0123"),
        (12340.4, "12,340"),
        (999.7, "1,000"),
        (-3.14159, "−3.14"),
        (1.2345e12, "1.23e+12"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str):
    assert number(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.98512, "0.985"),
        ("accuracy", 1.0, "1.000"),
        ("accuracy", 0.99996, "0.99996"),
        ("R²", -0.0001, "−0.0001"),
        ("R²", -0.00001, "0.000"),
        ("R²", -1234.5, "−1,234"),
        ("RMSE", 543.2, "543"),
        ("ROC AUC", float("nan"), "–"),
        ("alarms", 0.0123, "1.2 %"),
        ("found", 0.5, "50 %"),
        ("found", 0.987, "98.7 %"),
        ("found", 1.0, "100 %"),
        ("false alarms", 0.0001, "<1 %"),
        ("false alarms", float("nan"), "–"),
    ],
)
def test_figures(name: str, value: float, text: str):
    assert figure(name, value) == text


def test_a_figure_short_of_one_never_reads_as_one():
    for power in range(1, 9):
        assert float(figure("accuracy", 1 - 10.0**-power)) < 1


def test_small_words():
    assert count(1, "row") == "1 row"
    assert count(12345, "row") == "12,345 rows"
    assert [percent(s) for s in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    assert [duration(s) for s in (0.045, 1.23, 34, 200, 7500)] == ["45 ms", "1.2 s", "34 s", "3 min 20 s", "2 h 05 min"]


def test_cells():
    assert cell(None) == cell(float("nan")) == "–"
    assert cell(np.float32(3750)) == "3750"
    assert cell(np.True_) == "true"
    assert cell(datetime(2024, 5, 1)) == "2024-05-01"


def test_what_a_terminal_would_obey_is_gone():
    assert clean("a\x1b[2Jb\ud800\u202ec") == "a�[2Jb��c"


def test_long_texts_are_cut():
    assert len(shorten("x " * 500, 40)) <= 40
    assert squeeze("a long class name 12", 12) == "a long…me 12"
    assert squeeze("short", 12) == "short"
