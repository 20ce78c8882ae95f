"""What people really bring: refused with file, row, column and mend, or used with a notice. See also data/sources."""

from pathlib import Path

import numpy as np
import pytest

import netwright as nw

TINY = {"epochs": 2, "members": 2, "hidden_sizes": [8]}


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def train(source: object, tmp_path: Path, **more: object) -> tuple[nw.Run, str]:
    """The run, and everything that was said."""
    said: list[str] = []
    run = nw.train(
        source, output=tmp_path / "run", watch=lambda e: said.append(str(e)), **({"target": "y", "config": TINY} | more)
    )
    return run, "\n".join(said)


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_too_few_rows(rows: int, tmp_path: Path):
    with pytest.raises(nw.InputError, match="Too few rows"):
        train({"x": list(range(rows)), "y": [0.5 * i for i in range(rows)]}, tmp_path)


def test_a_target_with_one_class(random, tmp_path: Path):
    with pytest.raises(nw.InputError, match="one class"):
        train({"x": random.normal(size=50), "y": ["same"] * 50}, tmp_path)
    with pytest.raises(nw.InputError, match="can't be learned as a number"):
        train({"x": random.normal(size=50), "y": [1.5] * 50}, tmp_path, task="regression")


def test_a_target_with_gaps_and_infinities(random, tmp_path: Path):
    y = random.normal(size=60)
    y[[3, 7]] = np.nan, np.inf
    run, said = train({"x": random.normal(size=60), "y": y}, tmp_path)
    assert "2 row(s) have an empty or infinite target and are left out (row 4, 8)" in said
    assert run.predictor.manifest.rows + run.findings.evaluation.rows == 58


def test_a_class_with_a_single_row(random, tmp_path: Path):
    y = ["a", "b"] * 40
    y[5] = "once"
    run, said = train({"x": random.normal(size=80), "y": y}, tmp_path)
    assert "'once'" in said or "once" in said
    assert "once" in run.predictor.task.classes


def test_names_and_free_text_as_target(tmp_path: Path):
    with pytest.raises(nw.InputError, match="looks like text or names"):
        train({"x": list(range(100)), "y": [f"person {i}" for i in range(100)]}, tmp_path)


def test_huge_values(random, tmp_path: Path):
    x = random.normal(size=80)
    x[:4] = 1e308, -1e308, np.inf, -np.inf
    run, _ = train({"x": x, "w": random.normal(size=80), "y": random.normal(size=80)}, tmp_path)
    assert np.isfinite(run.predict({"x": [1e308, np.inf, 0.0], "w": [0.0, 0.0, 1e-320]})).all()
    with pytest.raises(nw.InputError, match="can't be learned as a number"):
        train({"x": x, "y": random.choice([-1e308, 1e308], 80) * random.random(80)}, tmp_path / "other")


def test_unsorted_dates_with_gaps_and_mixed_zones(random, tmp_path: Path):
    stamps = [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}T10:00:00{'Z' if i % 2 else '+02:00'}" for i in range(80)]
    stamps[10] = ""
    path = tmp_path / "rows.csv"
    path.write_text("day,y\n" + "".join(f"{s},{v}\n" for s, v in zip(stamps, random.normal(size=80), strict=True)))
    run, _ = train(path, tmp_path)
    (column,) = run.predictor.schema.used
    assert column.kind == "datetime" and column.cell.time_zone and "month" not in column.parts


def test_rows_ordered_by_a_date_are_split_by_it(random, tmp_path: Path):
    day = [str(np.datetime64("2024-01-01") + i) for i in range(200)]
    table = {"day": day, "x": random.normal(size=200), "y": random.normal(size=200)}
    run, _ = train(table, tmp_path)
    assert "by time of 'day'" in run.findings.split
    assert np.allclose(run.findings.truth[:, 0], table["y"][160:])
    run, _ = train(table, tmp_path / "b", shuffle=True)
    assert "by time" not in run.findings.split
    shuffled = random.permutation(200)
    mixed = {k: np.asarray(v)[shuffled] for k, v in table.items()}
    run, _ = train(mixed, tmp_path / "c", time="day")
    assert np.allclose(np.sort(run.findings.truth[:, 0]), np.sort(table["y"][160:]))


def test_groups_stay_on_one_side(random, tmp_path: Path):
    user = random.integers(0, 30, 300)
    table = {"user": user, "x": random.normal(size=300), "y": random.normal(size=300)}
    run, _ = train(table, tmp_path, group="user")
    held = {row for row, y in zip(user, table["y"], strict=True) if y in set(run.findings.truth[:, 0])}
    rest = {row for row, y in zip(user, table["y"], strict=True) if y not in set(run.findings.truth[:, 0])}
    assert held and not held & rest
    assert [c.name for c in run.predictor.schema.used] == ["x"]


def test_exact_duplicates_stay_on_one_side(random, tmp_path: Path):
    y = np.repeat(random.normal(size=100), 3)
    run, _ = train({"x": np.repeat(random.normal(size=100), 3), "y": y}, tmp_path)
    held, counts = np.unique(run.findings.truth[:, 0], return_counts=True)
    assert len(held) and set(counts) == {3}


def test_leaking_columns_are_named(random, tmp_path: Path):
    y = random.normal(size=200)
    table = {
        "honest": y + random.normal(0, 0.5, 200),
        "copy": y,
        "scaled": y * -3 + 7,
        "band": np.where(y < -0.5, "low", np.where(y < 0.5, "middle", "high")),
        "y": y,
    }
    _, said = train(table, tmp_path)
    assert all(f"'{name}' gives the target away" in said for name in ("copy", "scaled", "band"))
    assert "'honest' gives" not in said and "--exclude copy" in said


def test_ids_text_and_constants_are_left_out_and_can_be_forced(random, tmp_path: Path):
    words = ["lorem", "ipsum", "dolor", "sit", "amet"]
    table = {
        "id": list(range(1, 101)),
        "key": [f"K{i:05d}" for i in random.permutation(100)],
        "note": [" ".join(random.choice(words, 7)) for _ in range(100)],
        "same": ["x"] * 100,
        "nothing": [None] * 100,
        "shop": random.choice([f"shop {i}" for i in range(8)], 100),
        "y": random.normal(size=100),
    }
    run, said = train(table, tmp_path, family="tabular")
    assert [c.name for c in run.predictor.schema.used] == ["shop"]
    assert {c.name: c.kind for c in run.predictor.schema.left_out} == {
        "id": "id",
        "key": "id",
        "note": "text",
        "same": "constant",
        "nothing": "constant",
    }
    assert all(f"'{name}' is left out" in said and f"--kind {name}=category" in said for name in ("id", "note", "same"))
    forced, _ = train(table, tmp_path / "b", kinds={"key": "category", "id": "number"}, family="tabular")
    assert [c.name for c in forced.predictor.schema.used] == ["id", "key", "shop"]
    with pytest.raises(nw.InputError, match="No column is left"):
        train({"id": table["id"], "y": table["y"]}, tmp_path / "c")


def test_mixed_types_in_a_column(random, tmp_path: Path):
    x = [f"{v:.2f}" for v in random.normal(size=100)]
    x[16] = "unknown"
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, random.normal(size=100), strict=True)))
    run, said = train(path, tmp_path)
    assert "1 cell(s) of 'x' are no numbers and count as missing: 'unknown' (row 17)" in said
    assert run.predictor.schema.used[0].kind == "number"


def test_five_thousand_columns(random, tmp_path: Path):
    table = {f"c{i}": random.normal(size=60) for i in range(5000)} | {"y": random.normal(size=60)}
    run, _ = train(table, tmp_path, config={"epochs": 1, "members": 2})
    assert len(run.predictor.schema.used) == 5000 and (run.path / "report.html").stat().st_size < 2_000_000


def test_targets_of_two_kinds_do_not_go_together(random, tmp_path: Path):
    table = {"x": random.normal(size=60), "a": random.normal(size=60), "b": ["u", "v", "w"] * 20}
    with pytest.raises(nw.InputError, match="does not hold numbers"):
        train(table, tmp_path, target=["a", "b"])
    with pytest.raises(nw.InputError, match="no yes-or-no column"):
        train(table | {"c": [0, 1] * 30}, tmp_path, target=["b", "c"], task="multilabel")


def test_a_class_that_only_a_test_file_has(random, tmp_path: Path):
    train_rows = {"x": random.normal(size=60), "y": ["a", "b"] * 30}
    test_rows = {"x": random.normal(size=10), "y": ["a", "c"] * 5}
    run, said = train(train_rows, tmp_path, test=test_rows)
    assert run.predictor.task.classes == ("a", "b", "c") and run.figures["accuracy"] <= 0.5
    assert "single training row or none" in said


def test_a_split_that_leaves_nothing(random, tmp_path: Path):
    table = {"day": ["2024-01-01"] * 40, "x": random.normal(size=40), "y": random.normal(size=40)}
    with pytest.raises(nw.InputError, match="too few rows to train or validate"):
        train(table, tmp_path, time="day", kinds={"day": "datetime"})


def test_a_class_that_training_did_not_have_when_evaluating(random, tmp_path: Path):
    from netwright.api.scoring import score
    from netwright.data.sources.read import read

    run, _ = train({"x": random.normal(size=60), "y": ["a", "b"] * 30}, tmp_path)
    with pytest.raises(nw.InputError, match="a class that training did not have"):
        score(nw.load(run.path), read({"x": [1.0], "y": ["c"]}))
