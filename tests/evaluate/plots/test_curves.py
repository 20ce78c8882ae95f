from dataclasses import replace
from xml.etree import ElementTree

import torch

from netwright.evaluate.plots.curves import bests, curves, thin


def test_both_lines_and_the_best_epoch(made):
    picture = curves(made.history(40), 22)
    ElementTree.fromstring(picture)
    assert picture.count("<polyline") == 2
    assert "best: epoch 23" in picture
    assert "<polygon" not in picture


def test_members_are_drawn_as_a_band(made):
    picture = curves(made.history(40, members=8), 22)
    ElementTree.fromstring(picture)
    assert 'class="band"' in picture
    assert "median and range of members" in picture
    assert "last gain: epoch 23" in picture


def test_each_members_best_epoch(made):
    losses = [[3.0, 1.0], [2.0, float("nan")], [2.5, 4.0]]
    history = [replace(r, validation=torch.tensor(v)) for r, v in zip(made.history(3), losses, strict=True)]
    assert bests(history) == [1, 0]
    assert bests(made.history(3)) == bests(()) == []


def test_nothing_to_draw(made):
    assert curves((), -1) == ""
    assert curves(made.history(1), 0) == ""
    assert (
        curves([replace(r, losses={"train": float("nan")}, validation=torch.empty(0)) for r in made.history(5)], 0)
        == ""
    )


def test_losses_that_are_no_number_break_the_line(made):
    history = list(made.history(20))
    history[10] = replace(history[10], losses={"train": float("inf")}, validation=torch.tensor(float("nan")))
    picture = curves(history, 5)
    ElementTree.fromstring(picture)
    assert picture.count("<polyline") == 4


def test_far_losses_are_drawn_by_logarithm(made):
    history = [replace(r, losses={"train": 1000 / (1 + r.epoch) ** 2}) for r in made.history(50)]
    assert "logarithmic" in curves(history, 5)


def test_losses_of_zero_stand_at_the_foot_of_the_logarithm(made):
    history = [replace(r, losses={"train": 1.0 if r.epoch < 5 else 0.0}) for r in made.history(10)]
    picture = curves(history, 5)
    ElementTree.fromstring(picture)
    assert "logarithmic" in picture
    assert "nan" not in picture


def test_long_histories_are_thinned_but_keep_the_best():
    kept = thin(100_000, 77_777)
    assert len(kept) <= 402
    assert {0, 77_777, 99_999} <= set(kept)
