import numpy as np

from netwright.evaluate.plots.wrong import wrong

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)


def test_what_it_is_and_what_it_was_taken_for():
    html = wrong(PICTURES, ["shirt", "<b>", "bag"], ["coat", "c", "bag"], [0.98, 0.5, 0.6], RANDOM.random((3, 8, 8)))
    assert html.count("<img ") == 6
    assert html.count("</figure>") == 3
    assert "<figcaption>is shirt, taken for coat (98 %)</figcaption>" in html
    assert "is &lt;b&gt;, taken for c (50 %)" in html
    assert "is bag, and said so (60 %)" in html
    assert 'alt="where it looked: is shirt' in html


def test_without_heat_and_with_many():
    many = PICTURES.repeat(20, axis=0)
    html = wrong(many, ["a"] * 60, ["b"] * 60, np.full(60, 0.9), None)
    assert html.count("<img ") == 24
    assert wrong(many[:0], [], [], [], None) == ""
