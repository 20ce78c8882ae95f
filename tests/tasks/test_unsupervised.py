"""Tasks without a target to be learned."""

import numpy as np
import pytest
import torch

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.tasks import Anomaly, Denoising, Generation, Reduction
from netwright.tasks.infer import asked_kind, fit_label, unsupervised

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
ROWS = np.arange(40)


def test_words_for_them():
    words = {"reduce": "reduction", "anomalies": "anomaly", "denoise": "denoising", "generate": "generation"}
    assert {word: asked_kind(word) for word in words} == words
    with pytest.raises(InputError, match="no task called"):
        asked_kind("dream")


def test_labels_are_classes_or_none():
    label, why = fit_label({"y": np.array(["a", "b"] * 20)}, {"y": TEXT}, ROWS)
    assert label is not None and label.classes == ("a", "b") and why == ""
    alone, _ = fit_label({"y": np.array(["a"] * 40)}, {"y": TEXT}, ROWS)
    assert alone is not None and alone.classes == ("a",)
    none, why = fit_label({"y": np.linspace(0, 1, 40)}, {"y": NUMBER}, ROWS)
    assert none is None and "regression" in why
    none, why = fit_label({"y": np.array([f"name {i}" for i in ROWS])}, {"y": TEXT}, ROWS)
    assert none is None and "text or names" in why
    assert fit_label({}, {}, ROWS) == (None, "")


def test_each_kind_is_what_was_asked_for():
    label, _ = fit_label({"y": np.array(["usual"] * 36 + ["odd"] * 4)}, {"y": TEXT}, ROWS)
    made = {
        kind: unsupervised(kind, label, size=3, false_alarms=0.05) for kind in ("reduction", "anomaly", "denoising")
    }
    assert made["reduction"] == Reduction(label=label, size=3) and made["denoising"] == Denoising(label=label)
    assert made["anomaly"] == Anomaly(label=label, false_alarms=0.05, normal="usual")
    generation = unsupervised("generation", label, size=3, false_alarms=0.05)
    assert isinstance(generation, Generation) and generation.targets == ("y",) and generation.cells == (TEXT,)
    assert generation.encode({"y": np.array(["odd", "usual"])}).tolist() == [0, 1]
    asked = unsupervised("anomaly", label, size=3, false_alarms=0.05, normal="odd")
    assert isinstance(asked, Anomaly) and asked.normal == "odd"
    with pytest.raises(InputError, match="No training row has the label"):
        unsupervised("anomaly", label, size=3, false_alarms=0.05, normal="strange")
    blank = unsupervised("anomaly", None, size=1, false_alarms=0.01)
    assert blank.targets == () and blank.classes == () and blank.normal is None
    titles = [task.title for task in (*made.values(), generation, blank)]
    assert all(titles) and "by 2 classes" in generation.title


def test_answers_have_columns():
    outputs = torch.tensor([[1.0, 2.0, 3.0, 1.0], [0.0, 0.1, 0.2, 0.0]])
    anomaly = Anomaly()
    columns = anomaly.columns(anomaly.predictions(outputs))
    assert columns["anomaly"].tolist() == [True, False] and columns["anomaly_score"].tolist() == pytest.approx(
        [3.0, 0.2]
    )
    codes = Reduction(size=4).columns(Reduction(size=4).predictions(outputs))
    assert list(codes) == ["code_1", "code_2", "code_3", "code_4"]
    assert [t.output_size for t in (anomaly, Reduction(size=4), Denoising(), Generation())] == [4, 4, 0, 0]
    assert Denoising().predictions(outputs).shape == (2, 4)
