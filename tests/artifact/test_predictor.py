"""Raw rows in, answers out: the same whatever the order, the company, the process, the kind of source."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars
import pytest

import netwright as nw
from netwright.data.sources.read import read

FAMILIES = {"tabular": {"epochs": 6}, "mlp": {"epochs": 6}, "linear": {}}


@pytest.fixture(scope="module")
def table() -> dict[str, list]:
    random = np.random.default_rng(0)
    size = random.normal(50, 20, 300)
    word = random.choice(["red", "green", "blue"], 300)
    day = np.datetime64("2024-01-01") + random.integers(0, 400, 300)
    price = size * 2 + 30 * (word == "red") + random.normal(0, 5, 300)
    return {
        "size": [None if i % 17 == 0 else round(v, 3) for i, v in enumerate(size.tolist())],
        "word": word.tolist(),
        "day": [str(d) for d in day],
        "price": price.round(3).tolist(),
    }


@pytest.fixture(scope="module", params=list(FAMILIES))
def run(request: pytest.FixtureRequest, table: dict[str, list], tmp_path_factory: pytest.TempPathFactory) -> nw.Run:
    folder = tmp_path_factory.mktemp("runs") / request.param
    return nw.train(table, target="price", family=request.param, config=FAMILIES[request.param], output=folder)


@pytest.fixture(scope="module")
def classifier(table: dict[str, list], tmp_path_factory: pytest.TempPathFactory) -> nw.Run:
    folder = tmp_path_factory.mktemp("runs") / "word"
    return nw.train(table, target="word", config={"epochs": 6}, output=folder)


def test_the_same_bits_after_save_and_load_and_from_another_process(
    run: nw.Run, table: dict[str, list], tmp_path: Path
):
    rows = {k: v for k, v in table.items() if k != "price"}
    here = run.predict(rows)
    assert np.array_equal(nw.load(run.path).predict(rows), here)
    polars.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    code = "import sys, numpy as np, netwright as nw\nnp.save(sys.argv[3], nw.load(sys.argv[1]).predict(sys.argv[2]))"
    arguments = [str(run.path), str(tmp_path / "rows.parquet"), str(tmp_path / "there.npy")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    assert np.array_equal(np.load(tmp_path / "there.npy"), here)


def test_order_and_company_do_not_matter(run: nw.Run, table: dict[str, list]):
    frame = polars.DataFrame({k: v for k, v in table.items() if k != "price"})
    spread = float(np.std(table["price"]))
    whole = run.predict(frame)
    order = np.random.default_rng(1).permutation(frame.height)
    assert np.abs(run.predict(frame[order]) - whole[order]).max() <= 1e-5 * spread
    alone = np.concatenate([run.predict(frame[i : i + 1]) for i in range(40)])
    assert np.abs(alone - whole[:40]).max() <= 1e-5 * spread


def test_probabilities_alone_and_together(classifier: nw.Run, table: dict[str, list]):
    frame = polars.DataFrame({k: v for k, v in table.items() if k != "word"})
    whole = classifier.predict_proba(frame)
    assert whole.shape == (300, 3) and np.allclose(whole.sum(1), 1)
    alone = np.concatenate([classifier.predict_proba(frame[i : i + 1]) for i in range(40)])
    assert np.abs(alone - whole[:40]).max() <= 1e-5
    assert set(classifier.predict(frame)) <= {"red", "green", "blue"}


def test_every_kind_of_source_gives_the_same_answers(run: nw.Run, table: dict[str, list], tmp_path: Path):
    rows = {k: v for k, v in table.items() if k != "price"}
    frame = polars.DataFrame(rows)
    frame.write_csv(tmp_path / "rows.csv")
    frame.write_ndjson(tmp_path / "rows.jsonl")
    expected = run.predict(rows)
    for source in (frame, pd.DataFrame(rows), tmp_path / "rows.csv", str(tmp_path / "rows.jsonl")):
        assert np.array_equal(run.predict(source), expected)


def test_unseen_categories_and_new_gaps_are_answered_and_counted(run: nw.Run, table: dict[str, list]):
    rows = {"size": [50.0] * 3, "word": ["violet", None, "red"], "day": ["2024-03-01", None, "1990-01-01"]}
    with pytest.warns(nw.NetwrightWarning) as caught:
        answers = run.predict(rows)
    assert np.isfinite(answers).all()
    said = " ".join(str(w.message) for w in caught)
    assert "'word' has 1 value(s) that training never saw" in said
    assert "'word' has 1 empty cell(s)" in said and "'day' has 1 empty cell(s)" in said


def test_cells_of_another_type_are_named(run: nw.Run):
    rows = {"size": ["50", "61", "lots"], "word": ["red"] * 3, "day": ["2024-03-01"] * 3}
    with pytest.warns(nw.NetwrightWarning, match="'size' are no numbers and count as missing: 'lots' \\(row 3\\)"):
        run.predict(rows)
    with pytest.raises(nw.InputError, match="Most cells of column 'size'"):
        run.predict(rows | {"size": ["few", "some", "lots"]})


def test_a_missing_column_is_an_error_and_an_extra_one_is_not(run: nw.Run, table: dict[str, list]):
    rows = {k: v[:5] for k, v in table.items()}
    with pytest.raises(nw.InputError, match="lacks 1 of the columns") as caught:
        run.predict({k: v for k, v in rows.items() if k != "word"})
    assert "'word'" in caught.value.wanted
    plain = run.predict({k: v for k, v in rows.items() if k != "price"})
    assert np.array_equal(run.predict(rows | {"extra": [1] * 5}), plain)


def test_a_regression_has_no_probabilities(run: nw.Run, table: dict[str, list]):
    with pytest.raises(nw.InputError, match="no probabilities"):
        run.predict_proba({k: v[:2] for k, v in table.items()})


def test_answers_keep_columns_order_and_names_that_are_taken(classifier: nw.Run, table: dict[str, list]):
    rows = polars.DataFrame({k: v for k, v in table.items() if k != "word"}).with_columns(prediction=polars.lit("mine"))
    answers, _ = nw.load(classifier.path).answers(read(rows))
    added = ["prediction_", "probability_blue", "probability_green", "probability_red"]
    assert answers.columns == [*rows.columns, *added]
    assert answers.frame.select(rows.columns).equals(rows)


def test_no_rows_give_no_answers(run: nw.Run, table: dict[str, list]):
    empty = polars.DataFrame({k: v for k, v in table.items() if k != "price"})[:0]
    try:
        assert len(run.predict(empty)) == 0
    except nw.InputError as error:
        assert "row" in str(error)
