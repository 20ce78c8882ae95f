import re
from xml.etree import ElementTree

import numpy as np
import pytest

from netwright.evaluate.plots.gallery import gallery, rows_of
from netwright.evaluate.plots.inline import BUDGET

RANDOM = np.random.default_rng(0)
HOSTILE = "<script>\"'&\x1b\u202e"


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def tree(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", html))


def test_each_picture_has_its_caption_and_stays_sharp():
    html = gallery(noise(5, 1, 8, 8), ["a", "b", HOSTILE, "", "e"], columns=3)
    root = tree(html)
    pictures = list(root.iter("img"))
    assert [(p.get("width"), p.get("height"), p.get("class")) for p in pictures] == [("96", "96", "even")] * 5
    assert [p.get("alt") for p in pictures][3:] == ["picture 4", "e"]
    assert "repeat(3, 96px)" in root.get("style", "")
    assert [c.text for c in root.iter("figcaption")] == ["a", "b", "<script>\"'&��", "e"]
    assert all(p.get("src", "").startswith("data:image/png;base64,") for p in pictures)


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [(28, 28, (84, 84)), (64, 64, (128, 128)), (32, 16, (96, 48)), (480, 640, (96, 128)), (1, 300, (1, 128))],
)
def test_pictures_are_shown_at_a_size_that_can_be_looked_at(height: int, width: int, shown: tuple[int, int]):
    (picture,) = tree(gallery(noise(1, 3, height, width), ["x"])).iter("img")
    assert (int(picture.get("height", 0)), int(picture.get("width", 0))) == shown


def test_a_page_of_pictures_stays_small():
    assert len(gallery(noise(150, 3, 170, 170), [""] * 150)) < 1.2 * BUDGET
    assert len(rows_of([noise(40, 3, 96, 96)] * 20, ["x"] * 20)) < 1.2 * BUDGET


def test_versions_stand_one_above_the_other():
    root = tree(rows_of([noise(4, 1, 28, 28), noise(4, 3, 28, 28)], ["original", "<made again>"]))
    lines = list(root.iter("tr"))
    assert [line[0].text for line in lines] == ["original", "<made again>"]
    assert [len(line) for line in lines] == [5, 5]
    assert next(p.get("alt") for p in lines[1].iter("img")) == "<made again>, 1"


def test_many_pictures_are_shown_smaller():
    (picture, *_) = tree(gallery(noise(31, 1, 64, 64), ["7"] * 31)).iter("img")
    assert picture.get("width") == "64"
    assert "auto-fill, 64px" in gallery(noise(31, 1, 64, 64), ["7"] * 31)
    assert "auto-fill, 84px" in gallery(noise(31, 1, 64, 64), ["a longer caption"] * 31)


def test_nothing_to_show():
    assert gallery(noise(0, 1, 8, 8), []) == ""
    assert rows_of([], []) == rows_of([noise(0, 1, 8, 8)], ["x"]) == ""
