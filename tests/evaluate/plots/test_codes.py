import re
from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.evaluate.plots.codes import codes

RANDOM = np.random.default_rng(0)


def drawn(picture: str) -> dict[str, int]:
    """Points by colour, without the legend."""
    found: dict[str, int] = {}
    for path in ElementTree.fromstring(picture).iter("path"):
        *_, colour = path.attrib["class"].split()
        if "key" not in path.attrib["class"]:
            found[colour] = found.get(colour, 0) + path.attrib["d"].count("M")
    return found


def test_every_class_has_its_colour_and_name():
    labels = np.arange(600) % 10
    picture = codes(RANDOM.standard_normal((600, 2)), labels, ["<zero>", *map(str, range(1, 10))])
    found = drawn(picture)
    assert set(found) == {f"c{i}" for i in range(10)}
    assert sum(found.values()) >= 590
    assert "<zero>" in list(ElementTree.fromstring(picture).itertext())
    assert "&lt;zero&gt;" in picture


def test_of_many_classes_the_most_frequent_have_a_colour():
    labels = np.repeat(np.arange(40), np.arange(1, 41))
    picture = codes(RANDOM.uniform(size=(len(labels), 2)), labels, [f"class {i}" for i in range(40)])
    assert set(drawn(picture)) == {*(f"c{i}" for i in range(9)), "faint"}
    words = list(ElementTree.fromstring(picture).itertext())
    assert "31 others" in words
    assert {f"class {i}" for i in range(31, 40)} <= set(words)


def test_a_sample_is_drawn_and_said_to_be_one():
    points = RANDOM.standard_normal((20_000, 2))
    points[5] = np.nan, 1
    points[7] = 1e6, -1e6
    picture = codes(points, None, [])
    count = drawn(picture)["c0"]
    assert 2900 < count <= 3000
    assert f"{count:,} of 20,000 rows drawn" in picture
    assert len(picture) < 60_000


@pytest.mark.parametrize("stretch", [(1, 1), (1, 100), (100, 1), (0, 1), (0, 0)])
def test_any_cloud_fits_the_picture(stretch: tuple[float, float]):
    picture = codes(RANDOM.standard_normal((300, 2)) * stretch, None, [])
    _, _, width, height = map(float, ElementTree.fromstring(picture).attrib["viewBox"].split())
    places = np.array(re.findall(r"M([-\d.]+) ([-\d.]+)h0", picture), dtype=float)
    assert ((places >= 0) & (places <= [width, height - 24])).all()
    assert 0.5 <= (height - 24) / width <= 0.91


def test_nothing_to_draw():
    assert codes(np.zeros((0, 2)), None, []) == codes(np.full((9, 2), np.nan), None, []) == ""
