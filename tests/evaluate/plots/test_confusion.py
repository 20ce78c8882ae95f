from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.evaluate.plots.confusion import confusion


def test_counts_shares_and_names():
    picture = confusion(np.array([[8, 2], [0, 1234]]), ("no", "<yes>"))
    words = list(ElementTree.fromstring(picture).itertext())
    assert {"8", "80 %", "2", "20 %", "1,234", "100 %", "no", "<yes>"} <= set(words)
    assert "true no, predicted <yes>: 2 rows, 20 %" in words


def test_thirty_classes_with_long_names_fit():
    names = [f"a very long name of a class {i}" for i in range(30)]
    picture = confusion(np.eye(30, dtype=int) * 20_000, names)
    root = ElementTree.fromstring(picture)
    assert names[0] in list(root.itertext())
    assert float(root.attrib["viewBox"].split()[2]) < 1100


@pytest.mark.parametrize(("classes", "names"), [(31, 31), (40, 40), (100, 50), (200, 50)])
def test_many_classes_are_shades_with_as_many_names_as_can_be_read(classes: int, names: int):
    matrix = np.random.default_rng(0).integers(0, 9, (classes, classes))
    picture = confusion(matrix, [f"class {i}" for i in range(classes)])
    root = ElementTree.fromstring(picture)
    assert sum(word.startswith("class ") for word in root.itertext()) == 2 * names
    assert sum(path.attrib["d"].count("M") for path in root.iter("path")) == np.count_nonzero(matrix)
    assert len(picture) < 600_000


def test_more_than_two_hundred_classes_are_not_drawn():
    assert confusion(np.eye(201, dtype=int), ["x"] * 201) == ""


def test_classes_without_rows():
    ElementTree.fromstring(confusion(np.zeros((3, 3), dtype=int), "abc"))
