"""Made rows beside real ones."""

import math

import numpy as np

from netwright.evaluate.generation import Seen, evaluate_generation


def seen(random: np.random.Generator, shift: float = 0.0, classes: bool = True) -> Seen:
    features = random.normal(shift, 1, (300, 3))
    probabilities = np.eye(4)[random.integers(0, 4, 300)] if classes else None
    return Seen(features, probabilities)


def test_what_is_like_the_real_rows_is_near_them():
    random = np.random.default_rng(0)
    found = evaluate_generation(
        real=seen(random), made=seen(random), training=seen(random), simple=seen(random, 2.0), seed=0, unit="row"
    )
    assert found.figures["Fréchet distance"] < 0.5 < found.baselines["normal distribution"]["Fréchet distance"]
    assert found.figures["divergence of labels"] < 0.05 and found.figures["confident share"] == 1.0
    assert found.beaten_by == [] and math.isnan(found.low)


def test_without_classes_there_are_no_figures_of_labels():
    random = np.random.default_rng(0)
    one = seen(random, classes=False)
    found = evaluate_generation(real=one, made=one, training=one, simple=one, seed=0, unit="row")
    assert set(found.figures) == {"Fréchet distance", "precision", "recall", "Fréchet distance of real rows"}


def test_one_row_has_no_figure_and_raises_nothing():
    one = Seen(np.zeros((1, 3)), np.eye(4)[:1])
    found = evaluate_generation(real=one, made=one, training=one, simple=one, seed=0, unit="row")
    assert math.isnan(found.figures["Fréchet distance"]) and math.isnan(found.figures["precision"])
    assert found.figures["divergence of labels"] == 0 and found.beaten_by == []
    none = Seen(np.zeros((0, 3)), None)
    alone = evaluate_generation(real=one, made=one, training=none, simple=None, seed=0, unit="row")
    assert alone.baselines == {} and math.isnan(alone.figures["Fréchet distance of real rows"])
