import numpy as np

from netwright.evaluate.plots.timeline import timeline


def frames(moments: int) -> list[tuple[str, np.ndarray]]:
    return [(f"epoch {i}", np.full((3, 1, 8, 8), i, dtype=np.uint8)) for i in range(moments)]


def test_a_row_a_moment():
    html = timeline(frames(4))
    assert html.count("<tr>") == 4
    assert html.count("<img ") == 12
    assert html.index("epoch 0") < html.index("epoch 3")


def test_of_many_moments_both_ends_are_kept():
    html = timeline(frames(100))
    assert html.count("<tr>") == 12
    assert ">epoch 0<" in html
    assert ">epoch 99<" in html


def test_nothing_to_show():
    assert timeline([]) == ""
