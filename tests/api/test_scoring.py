"""How good a saved network is on other rows, whatever its task and however odd they are."""

import math
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import netwright as nw
from netwright.api.judging import generated
from netwright.api.judging.generated import Within, _gaussian, flat, unflat
from netwright.api.judging.judge import judged
from netwright.api.scoring import SEED, _divided, score
from netwright.api.stopping import Stop
from netwright.artifact.predictor import Predictor
from tests.api.pictures import folder_of

QUICK = {"epochs": 1}


def table(rows: int = 120, seed: int = 0) -> dict[str, list]:
    random = np.random.default_rng(seed)
    kind = random.choice(["a", "b"], rows)
    return {
        "x": (random.normal(size=rows) + 4 * (kind == "a")).round(3).tolist(),
        "word": random.choice(["red", "green", "blue"], rows).tolist(),
        "kind": kind.tolist(),
    }


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("drawing") / "run"
    config = {"epochs": 1, "hidden_sizes": [16]}
    return nw.train(table(), target="kind", family="gan", config=config, output=folder).predictor


@pytest.fixture(scope="module")
def seeking(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("seeking") / "run"
    given = {"family": "autoencoder", "task": "anomaly", "normal": "a", "config": QUICK}
    return nw.train(table(), target="kind", output=folder, **given).predictor


def test_rows_that_judge_new_ones_are_divided():
    split = _divided(np.arange(5, 105), SEED)
    parts = [split.training, split.folds[0], split.test]
    assert [len(part) for part in parts] == [60, 15, 25]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(5, 105))
    assert len(_divided(np.arange(1), SEED).test) == 1


def test_a_generator_by_class_is_judged_by_a_classifier_that_did_not_see_the_rows(
    drawing: Predictor, monkeypatch: pytest.MonkeyPatch
):
    taught = []
    fit = generated.fit

    def looked(rows, *others, **options):
        taught.append(rows.split)
        return fit(rows, *others, **options)

    monkeypatch.setattr(generated, "fit", looked)
    found, notices = score(drawing, table(200, seed=1))
    (split,) = taught
    assert not set(split.training) & set(split.test) and len(split.folds[0]) == 30
    assert found.rows == 50 and not notices
    assert math.isfinite(found.figures["Fréchet distance"]) and found.figures["confident share of real rows"] > 0


def test_rows_without_labels_are_held_against_new_ones_of_every_class(
    drawing: Predictor, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    make = generated.made
    monkeypatch.setattr(
        generated, "made", lambda m, n, classes, seed: (asked.append(classes), make(m, n, classes, 0))[1]
    )
    rows = table(100, seed=1)
    del rows["kind"]
    found, _ = score(drawing, rows)
    assert asked == [None] and "confident share" not in found.figures
    strange, notices = score(drawing, table(100) | {"kind": ["z"] * 100})
    assert "confident share" not in strange.figures and "'z'" in notices[-1].what


def test_one_row_is_too_few_for_a_distance_and_no_error(drawing: Predictor):
    found, _ = score(drawing, {name: values[:1] for name, values in table().items()})
    assert found.rows == 1 and math.isnan(found.figures["Fréchet distance"]) and found.beaten_by == []


def test_a_kind_that_training_never_had_is_strange(seeking: Predictor):
    rows = table(60, seed=2)
    rows["kind"] = ["new" if i < 10 else "a" for i in range(60)]
    rows["x"] = [50.0 if i < 10 else 4.0 for i in range(60)]
    found, notices = score(seeking, rows)
    assert found.main == "ROC AUC" and found.figures["ROC AUC"] > 0.9 and not notices


def test_labels_with_a_gap_are_not_used_and_that_is_told(seeking: Predictor):
    rows = table(60, seed=2)
    rows["kind"] = [None, *rows["kind"][1:]]
    found, notices = score(seeking, rows)
    assert found.main == "alarms" and found.rows == 60
    assert any("labels are not used" in notice.what for notice in notices)
    del rows["kind"]
    assert score(seeking, rows)[0].main == "alarms"


def test_a_picture_that_can_not_be_read_is_left_out(tmp_path: Path):
    run = nw.train(folder_of(tmp_path / "shapes"), config=QUICK, output=tmp_path / "run")
    folder = folder_of(tmp_path / "more", each=3, seed=1)
    (folder / "disc" / "0.png").write_text("no picture")
    found, notices = score(run.predictor, folder)
    assert found.rows == 8 and any("0.png" in notice.what for notice in notices)
    for path in folder.rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(nw.InputError, match="None of the pictures"):
        score(run.predictor, folder)


def test_a_reduction_is_judged_alike_chunk_by_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    for task in ("reduction", "denoising", "anomaly"):
        given = {"family": "autoencoder", "task": task, "config": {"epochs": 1, "hidden_sizes": [8]}}
        predictor = nw.train(pictures, output=tmp_path / task, **given).predictor
        whole, _ = score(predictor, pictures)
        monkeypatch.setattr("netwright.core.arrays.MOST_ROWS", 7)
        parts, _ = score(predictor, pictures)
        monkeypatch.undo()
        assert whole.rows == parts.rows == 60
        assert parts.figures == pytest.approx(whole.figures, rel=1e-4 if task != "denoising" else 0.05)


def test_pictures_none_of_which_can_be_read_are_refused_whatever_the_task(tmp_path: Path):
    pictures = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    predictor = nw.train(pictures, family="autoencoder", config=QUICK, output=tmp_path / "run").predictor
    Image.fromarray(pictures[0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(nw.InputError, match="None of the pictures"):
        score(predictor, tmp_path / "bad.png")


def test_rows_are_flat_with_one_hot_categories_and_back_again(drawing: Predictor):
    schema = drawing.schema
    numbers = np.array([[0.5], [-1.0]], dtype=np.float32)
    categories = np.array([[1], [3]], dtype=np.int64)
    values = flat((numbers, categories), schema)
    assert values.shape == (2, 1 + schema.cardinalities[0]) and values[:, 1:].sum(1).tolist() == [1, 1]
    again = unflat(values + 0.1, schema)
    assert np.allclose(again[0], numbers + 0.1) and np.array_equal(again[1], categories)


def test_the_simplest_distribution_has_the_mean_and_covariance_of_the_rows():
    random = np.random.default_rng(0)
    values = (random.normal(size=(300, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + 3).astype(np.float32)
    drawn = np.concatenate(list(_gaussian(values, 20_000, 4096, random)))
    assert drawn.shape == (20_000, 2) and np.allclose(drawn.mean(0), values.mean(0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(values.T), rtol=0.1, atol=0.05)


def test_a_signal_ends_what_is_trained_to_judge(drawing: Predictor, monkeypatch: pytest.MonkeyPatch):
    stop = Stop()
    own = Within(run=stop)
    assert own.reason == ""
    stop.signal = signal.SIGINT
    assert "SIGINT" in own.reason
    monkeypatch.setattr(generated, "fit", lambda *_, **__: pytest.fail("trained after a signal"))
    monkeypatch.setattr("netwright.api.scoring.judged", partial(judged, stop=stop))
    assert "confident share" not in score(drawing, table())[0].figures
