"""Strange rows told from ordinary ones."""

import numpy as np

from netwright.evaluate.anomalies import evaluate_anomalies


def scores(strange: np.ndarray) -> np.ndarray:
    combined = strange.astype(float) + np.linspace(0, 0.5, len(strange))
    return np.stack([combined, combined, combined, combined > 0.9], axis=1)


def test_with_labels_the_area_counts():
    strange = np.arange(40) >= 36
    found = evaluate_anomalies(scores(strange), strange, {"PCA": -scores(strange)[:, 0]}, seed=0, unit="row")
    assert found.main == "ROC AUC" and found.figures == {"ROC AUC": 1.0, "found": 1.0, "false alarms": 0.0}
    assert found.baselines["PCA"]["ROC AUC"] == 0.0 and found.beaten_by == []


def test_without_labels_alarms_are_counted():
    strange = np.arange(40) >= 36
    for unknown in (None, np.zeros(40, dtype=bool)):
        found = evaluate_anomalies(scores(strange), unknown, {}, seed=0, unit="picture")
        assert found.figures == {"alarms": 0.1} and found.low < 0.1 < found.high
