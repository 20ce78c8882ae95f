"""Whole runs: what they find, what they write, and that nothing a person had is lost."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import netwright as nw

FEW = {"epochs": 15, "members": 2}


def test_a_run_is_good_and_its_folder_is_complete(columns, tmp_path: Path):
    table = {k: v for k, v in columns.items() if k != "paid"}
    seen = []
    run = nw.train(table, target="price", output=tmp_path / "run", config=FEW | {"epochs": 40}, watch=seen.append)
    assert run.figures["R²"] > 0.8
    assert run.findings.evaluation.baselines.keys() == {"always the mean", "linear model"}
    names = {p.name for p in run.path.iterdir()}
    assert names == {"settings.toml", "history.jsonl", "metrics.json", "report.html", "model"}
    assert {p.name for p in (run.path / "model").iterdir()} == {"manifest.json", "model.safetensors", "README.md"}
    history = [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]
    assert len(history) == len(run.history) <= 40 and "R²" in history[-1]["metrics"]
    assert json.loads((run.path / "metrics.json").read_text())["figures"] == run.figures
    assert tomllib.loads((run.path / "settings.toml").read_text())["target"] == ["price"]
    assert any(isinstance(event, type(run.history[0])) for event in seen)
    assert "R² " in str(run) and "netwright predict" in str(run)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(columns, tmp_path: Path):
    rows = {k: v[:50] for k, v in columns.items() if k not in ("paid", "price")}
    runs = [
        nw.train(columns, target="paid", output=tmp_path / str(i), seed=seed, config=FEW, exclude="price")
        for i, seed in enumerate((3, 3, 4))
    ]
    first, again, other = (run.predictor.predict_proba(rows | {"price": [0] * 50}) for run in runs)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_settings_given_back_repeat_the_run(columns, tmp_path: Path):
    frame = tmp_path / "rows.csv"
    write_csv(columns, frame)
    run = nw.train(frame, target="paid", output=tmp_path / "a", config=FEW, exclude="price", seed=7)
    settings = tomllib.loads((run.path / "settings.toml").read_text())
    source = settings.pop("source")
    again = nw.train(source, output=tmp_path / "b", **settings)
    assert again.figures == run.figures


def test_the_callers_random_stream_and_threads_are_left_alone(columns, tmp_path: Path):
    import torch

    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    nw.train(columns, target="paid", output=tmp_path / "run", config=FEW)
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_given_validation_and_test_rows_are_used_as_given(columns, tmp_path: Path):
    parts = {
        role: {k: v[a:b] for k, v in columns.items()}
        for role, a, b in (("t", 0, 160), ("v", 160, 200), ("e", 200, 240))
    }
    run = nw.train(
        parts["t"],
        target="price",
        validation=parts["v"],
        test=parts["e"],
        output=tmp_path / "r",
        config=FEW,
        exclude="paid",
    )
    assert run.findings.evaluation.rows == 40
    assert np.allclose(run.findings.truth[:, 0], columns["price"][200:])
    assert "those given with --validation" in run.findings.split and "160 rows train" in run.findings.split


def test_without_held_out_rows_nothing_is_claimed(columns, tmp_path: Path):
    run = nw.train(columns, target="paid", test_share=0, output=tmp_path / "run", config=FEW)
    assert run.findings is None and run.figures == {} and "not measured" in str(run)
    assert not (run.path / "report.html").exists()


@pytest.mark.parametrize("family", ["tabular", "mlp", "linear"])
@pytest.mark.parametrize(
    ("target", "title"),
    [
        ("price", "regression"),
        ("paid", "binary classification"),
        ("city", "classification into 3 classes"),
        (["price", "size"], "regression of 2 targets"),
    ],
)
def test_every_family_does_every_task(family: str, target, title: str, columns, tmp_path: Path):
    settings = {} if family == "linear" else {"epochs": 3}
    run = nw.train(columns, target=target, family=family, output=tmp_path / "run", config=settings)
    assert run.findings.task.title == title
    rows = {k: v[:7] for k, v in columns.items()}
    loaded = nw.load(run.path)
    assert np.array_equal(loaded.predict(rows), run.predict(rows))
    assert len(loaded.predict(rows)) == 7


def test_labels_of_several_columns_and_of_lists_in_one(columns, tmp_path: Path):
    size, age = np.array(columns["size"]), np.array([a or 0 for a in columns["age"]])
    table = {"size": size, "age": age, "big": (size > 50).astype(int), "old": (age > 10).astype(int)}
    run = nw.train(table, target=["big", "old"], output=tmp_path / "a", config=FEW | {"epochs": 40})
    assert run.findings.task.kind == "multilabel" and run.figures["label accuracy"] > 0.85
    words = ["|".join([*["big"] * int(s > 50), *["old"] * int(a > 10), "all"]) for s, a in zip(size, age, strict=True)]
    run = nw.train({"size": size, "age": age, "tags": words}, target="tags", output=tmp_path / "b", config=FEW)
    assert run.findings.task.labels == ("all", "big", "old")
    assert set(run.predictor.manifest.task.labels) == {"all", "big", "old"}


def test_a_target_given_as_values(tmp_path: Path):
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 3))
    run = nw.train(x, target=x[:, 0] * 2 + 1, output=tmp_path / "run", config=FEW)
    assert run.findings.task.kind == "regression" and run.predict(x).shape == (120,)
    with pytest.raises(nw.InputError, match="another number of values"):
        nw.train(x, target=[1.0, 2.0], output=tmp_path / "other")


def test_an_existing_folder_is_never_overwritten_unasked(columns, tmp_path: Path, monkeypatch):
    folder = tmp_path / "run"
    run = nw.train(columns, target="paid", output=folder, config=FEW)
    with pytest.raises(nw.InputError, match="nothing is overwritten"):
        nw.train(columns, target="paid", output=folder, config=FEW)
    nw.train(columns, target="price", output=folder, config=FEW, force=True, exclude="paid")
    assert nw.load(folder).task.kind == "regression"
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter.txt").write_text("years of work")
    with pytest.raises(nw.InputError, match="replaces earlier runs"):
        nw.train(columns, target="paid", output=precious, config=FEW, force=True)
    assert (precious / "chapter.txt").read_text() == "years of work"
    monkeypatch.chdir(tmp_path)
    first = nw.train(columns, target="paid", config=FEW)
    second = nw.train(columns, target="paid", config=FEW)
    assert (first.path, second.path) == (Path("runs/table"), Path("runs/table-2"))
    assert run.path == folder


def test_force_removes_nothing_but_what_it_replaces(columns, tmp_path: Path):
    folder = tmp_path / "run"
    nw.train(columns, target="paid", output=folder, config=FEW)
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(nw.InputError, match="can't be used here"):
        nw.train(columns, target="paid", output=folder, config=FEW, force=True, device="cuda:99")
    assert nw.load(folder).task.targets == ("paid",)
    nw.train(columns, target="price", exclude="paid", output=folder, config=FEW, force=True)
    assert nw.load(folder).task.targets == ("price",) and (folder / "thesis.txt").exists()


def test_a_loss_that_is_not_finite_keeps_the_best_so_far(columns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from netwright.tasks import Regression

    losses, calls = Regression.losses, []

    def broken(self: Regression, outputs, target):
        calls.append(outputs.requires_grad)
        return losses(self, outputs, target) * (float("nan") if sum(calls) > 40 and outputs.requires_grad else 1)

    monkeypatch.setattr(Regression, "losses", broken)
    run = nw.train(columns, target="price", exclude="paid", output=tmp_path / "run", config=FEW)
    assert run.exit_code == 1 and "is nan at epoch" in run.ended and len(run.history) >= 2
    assert np.isfinite(nw.load(run.path).predict(columns)).all() and "Mind: training ended early" in str(run)


def test_yes_and_no_come_back_as_they_were_written(tmp_path: Path):
    random = np.random.default_rng(0)
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{v},{'Yes' if v > 0 else 'No'}\n" for v in random.normal(size=80)))
    run = nw.train(path, target="y", output=tmp_path / "run", config=FEW)
    assert set(run.predict({"x": [-2.0, 2.0]})) <= {"Yes", "No"} and run.predictor.task.classes == ("No", "Yes")


def test_rows_of_a_test_file_are_named_by_their_place_in_it(columns, tmp_path: Path):
    test = {k: v[:30] for k, v in columns.items()}
    run = nw.train(columns, target="price", exclude="paid", test=test, output=tmp_path / "run", config=FEW)
    assert all(1 <= row["row"] <= 30 for row in run.findings.worst)
    assert any("given with --test stand among the training rows" in str(n) for n in run.notices)


def test_targets_that_are_neither_names_nor_values_or_too_many(columns, tmp_path: Path):
    with pytest.raises(nw.InputTypeError, match="neither names nor values"):
        nw.train(columns, target=5, output=tmp_path / "run")
    with pytest.raises(nw.InputError, match="can't be classes of one"):
        nw.train(columns, target=["paid", "city"], task="classification", output=tmp_path / "run")
    with pytest.raises(nw.InputError, match="can't be split by the time of 'size'"):
        nw.train(columns, target="paid", time="size", output=tmp_path / "run")


def test_a_failed_run_with_force_keeps_the_earlier_one(columns, tmp_path: Path):
    folder = tmp_path / "run"
    nw.train(columns, target="paid", output=folder, config=FEW)
    with pytest.raises(nw.InputError):
        nw.train(columns, target="nothing", output=folder, config=FEW, force=True)
    assert nw.load(folder).task.targets == ("paid",)


def test_balanced_classes_and_a_rare_one_is_noticed(tmp_path: Path):
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    y = np.where(x + random.normal(0, 0.5, 400) > 2.2, "rare", "usual")
    table = {"x": x, "y": y}
    notices: list = []
    plain = nw.train(table, target="y", output=tmp_path / "a", config=FEW | {"epochs": 30}, watch=notices.append)
    assert any("--balanced" in str(event) for event in notices)
    even = nw.train(table, target="y", output=tmp_path / "b", config=FEW | {"epochs": 30}, balanced=True)
    assert even.findings.task.weights and even.figures["balanced accuracy"] >= plain.figures["balanced accuracy"]


def write_csv(columns: dict[str, list], path: Path) -> None:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join("" if v is None else str(v) for v in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
