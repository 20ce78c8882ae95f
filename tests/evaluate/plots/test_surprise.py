"""Text on shades of surprise."""

import math

from netwright.evaluate.plots.surprise import STEPS, beside, key, shade_of, surprise, written


def test_what_surprises_is_darker():
    html = surprise(["a", "<", "\n"], [0.0, math.log(4), 9.0], title="by <it>")
    assert "by &lt;it&gt;" in html and '>a<span class="z28">&lt;</span><span class="z90">↵\n</span>' in html


def test_shades_of_all_losses():
    assert [shade_of(loss) for loss in (-1, 0, 0.2, 99, math.inf, math.nan)] == [0, 0, 12, 90, 90, 90]


def test_neighbours_of_one_shade_are_one_piece():
    assert surprise(["a", "b"], [5.0, 6.0], title="").count("<span") == 1


def test_key_and_frames():
    assert all(f".z{shade}" in key() for _, shade in STEPS if shade)
    assert written("a&b", "\x1b[1m") == '<pre class="command" dir="auto"><strong>a&amp;b</strong>�[1m</pre>'
    assert "<strong>" not in written("", "a") and beside(["x", "y"]) == '<div class="pair">xy</div>'
