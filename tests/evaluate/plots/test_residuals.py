from xml.etree import ElementTree

import numpy as np

from netwright.evaluate.plots.residuals import residuals, thin


def test_a_dot_for_each_row_and_a_histogram():
    random = np.random.default_rng(0)
    truth = random.standard_normal(150)
    scatter, histogram = residuals(truth + 0.1 * random.standard_normal(150), truth, "price <€>")
    ElementTree.fromstring(scatter)
    assert scatter.count("<circle") == 150
    assert "true price &lt;€&gt;" in scatter
    assert sum(int(r[0].text.split(": ")[1].split()[0]) for r in ElementTree.fromstring(histogram).iter("rect")) == 149


def test_many_rows_are_thinned_keeping_both_ends():
    truth = np.random.default_rng(0).standard_normal(50_000)
    kept = thin(truth)
    assert len(kept) == len(set(kept.tolist())) == 2000
    assert {truth.argmin(), truth.argmax()} <= set(kept.tolist())


def test_rows_without_a_number_are_passed_over():
    scatter, _ = residuals(np.array([1.0, np.nan, np.inf, 1e300]), np.ones(4), "x")
    assert scatter.count("<circle") == 1
    assert residuals(np.full(3, np.nan), np.ones(3), "x") == ("", "")


def test_perfect_and_far_predictions():
    for off in (0.0, 1e100):
        for picture in residuals(np.arange(5.0) + off, np.arange(5.0), "x"):
            ElementTree.fromstring(picture)
