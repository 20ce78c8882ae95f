import numpy as np
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from netwright.evaluate.breakdown import confused, per_class, per_label
from netwright.metrics.classification import confusion


def test_classes_against_scikit_learn():
    random = np.random.default_rng(0)
    truth, shares = random.integers(0, 4, 300), random.random((300, 4))
    parts = per_class(confusion(shares, truth), "abcd")
    precision, recall, f1, support = precision_recall_fscore_support(truth, shares.argmax(1))
    np.testing.assert_allclose([p.precision for p in parts], precision)
    np.testing.assert_allclose([p.recall for p in parts], recall)
    np.testing.assert_allclose([p.f1 for p in parts], f1)
    assert [p.support for p in parts] == support.tolist()


def test_labels_against_scikit_learn():
    random = np.random.default_rng(0)
    truth, shares = random.integers(0, 2, (200, 3)), random.random((200, 3))
    parts = per_label(shares, truth, ("x", "y", "z"))
    precision, recall, _, _ = precision_recall_fscore_support(truth, shares > 0.5)
    np.testing.assert_allclose([p.precision for p in parts], precision)
    np.testing.assert_allclose([p.recall for p in parts], recall)
    np.testing.assert_allclose([p.auc for p in parts], roc_auc_score(truth, shares, average=None))


def test_a_class_without_rows_has_no_recall():
    parts = per_class(np.array([[2, 1], [0, 0]]), ("a", "b"))
    assert np.isnan(parts[1].recall)
    assert parts[1].precision == 0


def test_the_most_frequent_mistakes_come_first():
    assert confused(np.array([[9, 1, 0], [4, 9, 0], [0, 0, 9]]), "abc", 5) == [("b", "a", 4), ("a", "b", 1)]
