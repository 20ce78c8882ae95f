"""Against scikit-learn, on any rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from netwright.metrics import classification as ours

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, C), ties among them, and true classes, at least two of them present."""
    rows, classes = draw(st.integers(2, 30)), draw(st.integers(2, 5))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    shares = random.integers(1, draw(st.sampled_from([3, 1000])) + 1, (rows, classes)).astype(float)
    target = random.integers(0, classes, rows)
    target[:2] = 0, classes - 1
    return shares / shares.sum(1, keepdims=True), target


@QUICK
@given(answers())
def test_figures_are_sklearns(given_: tuple):
    shares, target = given_
    chosen, labels = shares.argmax(1), np.arange(shares.shape[1])
    assert ours.accuracy(shares, target) == pytest.approx(theirs.accuracy_score(target, chosen))
    recall = theirs.recall_score(target, chosen, labels=np.unique(target), average="macro", zero_division=0)
    assert ours.balanced_accuracy(shares, target) == pytest.approx(recall)
    assert ours.log_loss(shares, target) == pytest.approx(theirs.log_loss(target, shares, labels=labels))
    assert (ours.confusion(shares, target) == theirs.confusion_matrix(target, chosen, labels=labels)).all()
    brier = theirs.brier_score_loss(target, shares, labels=labels, scale_by_half=False)
    assert ours.brier(shares, target) == pytest.approx(brier)


@QUICK
@given(answers())
def test_areas_are_sklearns(given_: tuple):
    shares, target = given_
    for c in range(shares.shape[1]):
        area = ours.roc_auc(shares[:, c], target == c)
        if (target == c).any():
            assert area == pytest.approx(theirs.roc_auc_score(target == c, shares[:, c]))
        else:
            assert np.isnan(area)
    if shares.shape[1] == 2:
        assert ours.macro_auc(shares, target) == pytest.approx(theirs.roc_auc_score(target, shares[:, 1]))
    elif len(np.unique(target)) == shares.shape[1]:
        area = theirs.roc_auc_score(target, shares, multi_class="ovr", average="macro")
        assert ours.macro_auc(shares, target) == pytest.approx(area)


@QUICK
@given(answers(), st.integers(0, 100))
def test_figures_of_labels_are_sklearns(given_: tuple, seed: int):
    shares, _ = given_
    target = np.random.default_rng(seed).integers(0, 2, shares.shape)
    said = shares > 0.5
    assert ours.label_accuracy(shares, target) == pytest.approx(1 - theirs.hamming_loss(target, said))
    assert ours.exact_match(shares, target) == pytest.approx(theirs.accuracy_score(target, said))
    mixed = [i for i in range(target.shape[1]) if 0 < target[:, i].sum() < len(target)]
    area = ours.label_auc(shares, target)
    if mixed:
        assert area == pytest.approx(theirs.roc_auc_score(target[:, mixed], shares[:, mixed], average="macro"))
    else:
        assert np.isnan(area)


def test_a_sure_and_wrong_answer_costs_much_but_not_everything():
    assert ours.log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-np.log(1e-15))
    assert ours.brier(np.array([[1.0, 0.0]]), np.array([1])) == 2
