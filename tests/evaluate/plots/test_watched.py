from dataclasses import replace
from xml.etree import ElementTree

from netwright.evaluate.plots.curves import curves
from netwright.evaluate.plots.watched import watched


def two_phases(made):
    return [
        replace(
            record,
            losses={"critic": -1.0, "generator": 2.0, "critic.penalty": 70.0},
            validation=None,
            metrics={"diversity": 0.5 + record.epoch / 100, "coverage": float("nan") if record.epoch < 3 else 0.9},
        )
        for record in made.history(20)
    ]


def test_a_line_for_each_figure(made):
    picture = watched(two_phases(made), 19)
    assert picture.count("<polyline") == 2
    assert {"diversity", "coverage"} <= set(ElementTree.fromstring(picture).itertext())
    assert "nan" not in picture


def test_losses_of_two_phases_have_a_colour_each(made):
    picture = curves(two_phases(made), 19)
    words = set(ElementTree.fromstring(picture).itertext())
    assert {"training (critic)", "training (generator)", "kept: epoch 20"} <= words
    assert 'class="accent"' in picture
    assert 'class="c2"' in picture
    assert "penalty" not in picture
    assert "validation" not in picture


def test_nothing_to_draw(made):
    assert watched(made.history(20), 3) == ""
    assert watched([], -1) == ""
    assert watched([replace(record, metrics={}) for record in two_phases(made)], 3) == ""
