"""Pictures from a source to a network that answers, through the same stations as tables."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import netwright as nw
from netwright.api.opening import opened
from netwright.api.pictures import gather_pictures
from netwright.api.rows import Sources
from netwright.api.scoring import score
from netwright.core.settings import Settings
from netwright.data.table import Table
from tests.api.pictures import CLASSES, arrays_of, folder_of

QUICK = {"epochs": 3}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("photos") / "shapes")


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> nw.Run:
    return nw.train(photos, config={"epochs": 30}, output=tmp_path_factory.mktemp("run") / "shapes")


def gathered(source: object, **given: object):
    sources, _, family = opened(Sources(training=source), Settings(source="table", **given))
    return gather_pictures(sources, Settings(source="table", **given), family)


def test_a_folder_becomes_a_network_that_tells_its_classes_apart(run: nw.Run, photos: Path):
    assert run.predictor.task.classes == CLASSES and run.figures["accuracy"] > 0.5
    report = (run.path / "report.html").read_text()
    assert ("data:image/png;base64" in report and "taken for" in report) or "got no held-out picture wrong" in report
    loaded = nw.load(run.path)
    alone = loaded.predict(photos / "disc" / "0.png")
    every = loaded.predict(photos)
    assert alone.shape == (1,) and every.shape == (36,) and set(every) <= set(CLASSES)
    assert np.array_equal(loaded.predict_proba(photos), run.predictor.predict_proba(photos))


def test_pictures_are_given_in_many_forms(run: nw.Run, photos: Path, tmp_path: Path):
    path = photos / "square" / "3.png"
    picture = np.asarray(Image.open(path))
    (tmp_path / "list.csv").write_text(f"file\n{path}\n")
    np.savez(tmp_path / "some.npz", x=picture[None])
    forms = [path, picture[None], [Image.open(path)], [str(path)], tmp_path / "list.csv", tmp_path / "some.npz"]
    probabilities = [run.predictor.predict_proba(form) for form in forms]
    assert all(np.allclose(p, probabilities[0], atol=1e-6) for p in probabilities)


def test_what_can_not_be_read_has_no_answer_and_is_named(run: nw.Run, photos: Path, tmp_path: Path):
    (tmp_path / "good.png").write_bytes((photos / "line" / "1.png").read_bytes())
    (tmp_path / "bad.png").write_text("no picture")
    predictor = run.predictor
    table, notices = predictor.answers(predictor.read(tmp_path))
    assert table["prediction"].to_list()[0] is None and table["prediction"][1] in CLASSES
    assert any("bad.png" in notice.what for notice in notices)
    with pytest.raises(nw.InputError, match="can't be read"):
        predictor.predict(tmp_path)


def test_a_network_for_pictures_wants_pictures(run: nw.Run):
    with pytest.raises(nw.InputError, match="sees pictures"):
        run.predictor.predict({"x": [1.0, 2.0]})


def test_evaluating_on_other_pictures(run: nw.Run, photos: Path, tmp_path: Path):
    found, _ = score(run.predictor, folder_of(tmp_path / "more", each=4, seed=1))
    assert found.rows == 12 and found.unit == "picture" and found.figures["accuracy"] > 0.5


def test_evaluating_needs_classes(run: nw.Run, photos: Path):
    with pytest.raises(nw.InputError, match="It is not said which 'class'"):
        score(run.predictor, photos / "disc" / "0.png")


def test_statistics_come_from_training_pictures_alone():
    pictures, labels = arrays_of()
    clean = gathered((pictures, labels))
    poisoned = pictures.copy()
    poisoned[clean.split.test] = 255
    poisoned[clean.split.folds[0]] = 255
    again = gathered((poisoned, labels), shuffle=True)
    kept = np.intersect1d(clean.split.training, again.split.training)
    assert len(kept) < len(clean.split.training) or clean.schema == again.schema
    column = clean.schema.image
    training = clean.encoded.images[clean.split.training] / 255
    assert np.allclose(column.mean, training.mean((0, 2, 3)), atol=1e-6)


def test_equal_pictures_stay_on_one_side_and_are_named_in_different_classes():
    pictures, labels = arrays_of(each=40)
    pictures[40] = pictures[0]
    pictures[1] = pictures[2] = pictures[3]
    rows = gathered((pictures, labels))
    sides = [set(rows.split.training.tolist()), set(rows.split.folds[0].tolist()), set(rows.split.test.tolist())]
    assert sum({1, 2, 3} <= side for side in sides) == 1
    assert any("more than one class" in notice.what and notice.serious for notice in rows.notices)


def test_a_source_that_divides_itself_is_divided_so(tmp_path: Path):
    pictures, labels = arrays_of()
    half, other = slice(None, None, 2), slice(1, None, 2)
    np.savez(
        tmp_path / "both.npz",
        x_train=pictures[half],
        y_train=labels[half],
        x_test=pictures[other],
        y_test=labels[other],
    )
    rows = gathered(tmp_path / "both.npz")
    assert rows.split.test.tolist() == list(range(18, 36))
    both = Sources(training=tmp_path / "both.npz", test=tmp_path / "both.npz")
    sources, _, family = opened(both, Settings(source="table"))
    with pytest.raises(nw.InputError, match="test pictures of its own"):
        gather_pictures(sources, Settings(source="table"), family)


def test_validation_and_test_folders(photos: Path, tmp_path: Path):
    other = folder_of(tmp_path / "other", each=3, seed=2)
    sources, _, family = opened(Sources(training=photos, test=other), Settings(source="table"))
    rows = gather_pictures(sources, Settings(source="table"), family)
    assert rows.split.test.tolist() == list(range(36, 45)) and rows.numbers[36] == 1
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a.png").write_bytes((photos / "line" / "1.png").read_bytes())
    sources, _, family = opened(Sources(training=photos, test=flat), Settings(source="table"))
    with pytest.raises(nw.InputError, match="lacks what stands beside"):
        gather_pictures(sources, Settings(source="table"), family)
    with pytest.raises(nw.InputError, match="another kind"):
        opened(Sources(training=photos, test={"x": [1, 2]}), Settings(source="table"))


def test_folders_are_classes_whatever_they_are_called(tmp_path: Path):
    random = np.random.default_rng(0)
    for name in ("NA", "7", "08", "none"):
        (tmp_path / "odd" / name).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(random.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(
                tmp_path / "odd" / name / f"{i}.png"
            )
    rows = gathered(tmp_path / "odd")
    assert rows.task.kind == "classification" and set(rows.task.classes) == {"NA", "7", "08", "none"}
    assert rows.table.rows == 24
    many = gathered((random.integers(0, 255, (180, 8, 8), dtype=np.uint8), np.arange(180) // 6))
    assert many.task.kind == "classification" and len(many.task.classes) == 30
    drawn = gathered((random.integers(0, 255, (180, 8, 8), dtype=np.uint8), np.arange(180) // 6), family="gan")
    assert len(drawn.task.classes) == 30


def test_pictures_without_a_label_are_used_where_none_is_predicted(tmp_path: Path):
    folder = folder_of(tmp_path / "some", each=5)
    for i, path in enumerate(sorted((folder / "disc").glob("*.png"))[:3]):
        path.rename(folder / f"loose{i}.png")
    rows = gathered(folder, family="autoencoder")
    assert rows.table.rows == 15 and rows.task.classes == ()
    assert any("labels of the others are not used" in notice.what for notice in rows.notices)
    assert gathered(folder).table.rows == 12


def test_copies_among_pictures_that_are_held_out_are_told(photos: Path, tmp_path: Path):
    sources, _, family = opened(Sources(training=photos, test=photos), Settings(source="table"))
    rows = gather_pictures(sources, Settings(source="table"), family)
    assert any("36 of the 36 held-out pictures" in notice.what and notice.serious for notice in rows.notices)
    arrays = Sources(training=photos, test=arrays_of(each=3))
    sources, _, family = opened(arrays, Settings(source="table", target=("class",)))
    with pytest.raises(nw.InputError, match="different forms"):
        gather_pictures(sources, Settings(source="table", target=("class",)), family)


def test_pictures_without_classes_need_another_family(photos: Path, tmp_path: Path):
    with pytest.raises(nw.InputError, match="told apart by"):
        gathered(photos / "disc")
    rows = gathered(photos / "disc", family="autoencoder")
    assert rows.task.kind == "reduction" and rows.task.classes == () and not rows.target.any()


def test_too_few_pictures_are_refused(tmp_path: Path):
    folder = folder_of(tmp_path / "few")
    for i, path in enumerate(sorted(folder.rglob("*.png"))[:-4]):
        path.write_text(f"no picture {i}")
    with pytest.raises(nw.InputError, match="Too few pictures"):
        gathered(folder)


def test_data_and_family_and_task_must_fit(photos: Path):
    for given, words in (
        ({"family": "tabular"}, "does not take pictures"),
        ({"family": "gan", "task": "classification"}, "not for this task"),
        ({"family": "cnn", "task": "reduction"}, "not for this task"),
    ):
        with pytest.raises(nw.InputError, match=words):
            gathered(photos, **given)
    with pytest.raises(nw.InputError, match="does not take a table"):
        opened(Sources(training={"x": [1.0], "y": [2.0]}), Settings(source="table", family="cnn"))


def test_pixels_of_a_table_are_pictures_where_the_family_sees_pictures():
    digits = gathered("digits", family="cnn", target=("digit",))
    assert digits.schema.image is not None and digits.schema.image.height == 8
    _, _, family = opened(Sources(training="digits"), Settings(source="digits", target=("digit",)))
    assert family.name == "tabular"
    numbers = {f"x{i}": np.arange(20.0) for i in range(12)}
    tables, _, _ = opened(Sources(training=numbers), Settings(source="table", family="autoencoder"))
    assert isinstance(tables.training, Table), "numbers that are not called pixels are none"


def test_codes_of_an_autoencoder(tmp_path: Path):
    run = nw.train("digits", family="autoencoder", dimensions=4, config=QUICK, output=tmp_path / "codes")
    assert run.predictor.predict("digits").shape == (1797, 4)
    figures = run.findings.evaluation
    assert figures.main == "explained variance" and figures.figures[figures.main] > 0.4
    table, _ = run.predictor.answers(run.predictor.read("digits"))
    assert [c for c in table.columns if c.startswith("code_")] == [f"code_{i}" for i in range(1, 5)]
    found, _ = score(nw.load(run.path), "digits")
    assert found.rows == 1797 and found.figures["explained variance"] > 0.4


def test_strange_rows_of_a_table(tmp_path: Path):
    random = np.random.default_rng(0)
    ordinary = random.normal(size=(300, 2)) @ np.array([[1.0, 0.9], [0.0, 0.1]])
    table = {"a": ordinary[:, 0], "b": ordinary[:, 1]}
    run = nw.train(table, family="autoencoder", task="anomalies", output=tmp_path / "strange")
    assert run.findings.evaluation.main == "alarms" and run.figures["alarms"] < 0.1
    scores = run.predictor.predict({"a": [0.0, 2.0], "b": [0.0, -2.0]})
    assert scores[1] > scores[0]
    table, _ = run.predictor.answers(run.predictor.read({"a": [2.0], "b": [-2.0]}))
    assert table["anomaly"][0] is True


def test_strange_rows_are_measured_by_their_labels(tmp_path: Path):
    random = np.random.default_rng(0)
    rows = {"a": random.normal(size=400), "b": random.normal(size=400), "kind": ["usual"] * 380 + ["odd"] * 20}
    rows["a"][380:] += 6
    run = nw.train(rows, target="kind", family="autoencoder", task="anomalies", output=tmp_path / "labelled")
    evaluation = run.findings.evaluation
    assert evaluation.main == "ROC AUC" and evaluation.figures["ROC AUC"] > 0.9
    assert run.predictor.task.normal == "usual" and set(evaluation.baselines) >= {"nearest neighbours alone"}


def test_noise_is_taken_out(tmp_path: Path):
    run = nw.train("digits", family="autoencoder", task="denoise", config=QUICK, output=tmp_path / "clean")
    cleaned = run.predictor.predict("digits")
    assert cleaned.shape == (1797, 8, 8) and cleaned.dtype == np.uint8
    assert run.figures["RMSE"] < run.findings.evaluation.baselines["noise left in"]["RMSE"]
    rows = {"a": np.linspace(0, 1, 100), "b": np.linspace(5, 9, 100)}
    table = nw.train(rows, family="autoencoder", task="denoise", config=QUICK, output=tmp_path / "rows").predictor
    answers, _ = table.answers(table.read(rows))
    assert {"a_clean", "b_clean"} <= set(answers.columns)


def test_new_pictures_by_class(tmp_path: Path):
    run = nw.train("digits", family="gan", config={"epochs": 1}, time_limit=60, output=tmp_path / "gan")
    made = run.predictor.generate(6, label=3, seed=1)
    assert made.shape == (6, 8, 8) and np.array_equal(made, nw.load(run.path).generate(6, label=3, seed=1))
    assert run.findings.evaluation.main == "Fréchet distance" and "divergence of labels" in run.figures
    for words, ask in (("no label", {"label": "dog"}), ("How many", {"count": 0})):
        with pytest.raises(nw.InputError, match=words):
            run.predictor.generate(**({"count": 1} | ask))
    with pytest.raises(nw.InputError, match="no answers"):
        run.predictor.predict("digits")


def test_new_rows_of_a_table(tmp_path: Path):
    random = np.random.default_rng(0)
    rows = {"size": random.normal(50, 5, 200), "rooms": random.integers(1, 5, 200), "city": ["Rome", "Oslo"] * 100}
    run = nw.train(rows, family="gan", config={"epochs": 2}, output=tmp_path / "rows")
    made = run.predictor.generate(10)
    assert made.columns == ["size", "rooms", "city"] and made.rows == 10
    assert set(made["city"].to_list()) <= {"Rome", "Oslo"} and set(made["rooms"].to_list()) <= {1, 2, 3, 4}
    with pytest.raises(nw.InputError, match="makes no new rows"):
        nw.train("digits", family="linear", output=tmp_path / "linear").predictor.generate(3)


def test_rows_without_a_label_are_used_where_none_is_predicted(tmp_path: Path):
    random = np.random.default_rng(0)
    rows = {"a": random.normal(size=60), "b": random.normal(size=60), "kind": ["x", "y", None] * 20}
    run = nw.train(rows, target="kind", family="autoencoder", config=QUICK, output=tmp_path / "run")
    assert any("20 of 60 rows have no 'kind'" in notice.what for notice in run.notices)
    assert [c.name for c in run.predictor.schema.columns] == ["a", "b"] and run.findings.rows == 60


def test_a_column_that_is_no_label_is_told(tmp_path: Path):
    random = np.random.default_rng(0)
    rows = {"a": random.normal(size=60), "b": random.normal(size=60), "price": random.normal(size=60)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = nw.train(rows, target="price", family="autoencoder", config=QUICK, output=tmp_path / "run")
    assert any("not used as a label" in notice.what for notice in run.notices)
    assert [c.name for c in run.predictor.schema.columns] == ["a", "b"]


def test_labels_from_memory_must_fit_the_pictures(photos: Path, tmp_path: Path):
    pictures, labels = arrays_of(each=4)
    with pytest.raises(nw.InputError, match="another number of values"):
        nw.train(pictures, target=labels[:5], output=tmp_path / "run")
    with pytest.raises(nw.InputError, match="go with pictures from memory"):
        nw.train(photos, target=np.arange(36), output=tmp_path / "run")
    table = {"file": [str(photos / "disc" / f"{i}.png") for i in range(8)], "form": ["a", "b"] * 4}
    with pytest.raises(nw.InputError, match="Which column"):
        nw.train(table, output=tmp_path / "run")


def test_pictures_that_are_none_are_not_left_out_in_silence(tmp_path: Path):
    folder = folder_of(tmp_path / "none", each=4)
    for path in folder.rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(nw.InputError, match="None of the pictures"):
        gathered(folder)
