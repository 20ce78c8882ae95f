from dataclasses import replace
from xml.etree import ElementTree

import torch

from netwright.evaluate.plots.curves import curves, thin


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


def test_long_histories_are_thinned_but_keep_the_best():
    kept = thin(100_000, 77_777)
    assert len(kept) <= 402
    assert {0, 77_777, 99_999} <= set(kept)
