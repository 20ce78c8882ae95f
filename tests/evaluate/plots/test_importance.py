from xml.etree import ElementTree

from netwright.evaluate.findings import Importance
from netwright.evaluate.plots.importance import importance


def test_twenty_bars_at_most():
    many = [Importance(column=f"<column> {i}", drop=1 / (i + 1), spread=0.01) for i in range(50)]
    root = ElementTree.fromstring(importance(many, "R²"))
    assert len(list(root.iter("rect"))) == 20
    assert "<column> 19" in list(root.itertext())


def test_columns_that_hurt_and_columns_without_effect():
    for drops in ([0.2, -0.1], [0.0, 0.0], [-0.1]):
        found = [Importance(column="x", drop=drop, spread=0.0) for drop in drops]
        root = ElementTree.fromstring(importance(found, "accuracy"))
        assert all(float(bar.attrib["width"]) >= 0 for bar in root.iter("rect"))


def test_nothing_to_draw():
    assert importance([], "R²") == ""
    assert importance([Importance(column="x", drop=float("nan"), spread=0.0)], "R²") == ""
