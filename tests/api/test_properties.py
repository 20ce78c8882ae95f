"""Whatever table comes: an answer for every row, or an error of ours. Never a traceback, never a lost row."""

import csv
import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netwright as nw
from netwright.data.sources.read import read

WORDS = st.sampled_from(["red", "green", "blue", "", "NA", "ö ß", "a,b", 'say "hi"', "two\nlines", "=1+1", "<b>"])
NUMBERS = st.one_of(
    st.integers(-5, 5).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(["", "1e308", "-1e308", "1,234.5", "1.234,5", "007", "12%", "1e-320"]),
)
DATES = st.one_of(
    st.datetimes().map(lambda d: d.isoformat(sep=" ", timespec="seconds")),
    st.dates().map(str),
    st.sampled_from(["", "2024-02-30", "31/12/2023", "2024-01-01T00:00:00+05:30", "yesterday"]),
)
CELLS = st.one_of(
    st.just(NUMBERS), st.just(WORDS), st.just(DATES), st.just(st.text(max_size=6)), st.just(st.just("same"))
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Column names and rows of cells, all as text."""
    count = draw(st.integers(0, 60))
    kinds = draw(st.lists(CELLS, min_size=1, max_size=5))
    columns = [draw(st.lists(kind, min_size=count, max_size=count)) for kind in kinds]
    names = draw(st.lists(st.text("abc é", max_size=4), min_size=len(kinds), max_size=len(kinds)))
    return names, [list(row) for row in zip(*columns, strict=True)]


def as_csv(names: list[str], rows: list[list[str]], delimiter: str = ",") -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([names, *rows])
    return file.getvalue().encode("utf-8", "replace")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=tables(), delimiter=st.sampled_from([",", ";", "\t"]), family=st.sampled_from(["linear", "tabular"]))
def test_any_table_trains_and_answers_every_row_or_is_refused_with_the_mend(
    table: tuple, delimiter: str, family: str, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("any")
    names, rows = table
    (folder / "rows.csv").write_bytes(as_csv(names, rows, delimiter))
    config = {} if family == "linear" else {"epochs": 1, "members": 2, "hidden_sizes": [4]}
    try:
        source = read(folder / "rows.csv")
        run = nw.train(
            folder / "rows.csv", target=[source.columns[-1]], family=family, config=config, output=folder / "run"
        )
    except nw.NetwrightError as error:
        assert error.fix and "Traceback" not in str(error)
        return
    answers, _ = nw.load(run.path).answers(source)
    assert answers.rows == source.rows and answers.columns[: len(source.columns)] == source.columns
    if run.predictor.task.kind == "regression":
        assert np.isfinite(answers[answers.columns[-1]].to_numpy()).all()
    else:
        probability = answers.frame.select(answers.columns[len(source.columns) + 1 :]).to_numpy()
        assert np.isfinite(probability).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nw.Run:
    random = np.random.default_rng(0)
    day = np.datetime64("2024-01-01") + random.integers(0, 400, 120)
    table = {
        "number": random.normal(size=120),
        "word": random.choice(["red", "green"], 120),
        "day": [str(d) for d in day],
        "y": random.normal(size=120),
    }
    return nw.train(table, target="y", config={"epochs": 2, "members": 2}, output=tmp_path_factory.mktemp("r") / "run")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells=st.lists(st.tuples(NUMBERS, WORDS, DATES), min_size=1, max_size=12))
def test_any_new_rows_are_answered_or_refused(run: nw.Run, cells: list, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("new") / "new.csv"
    path.write_bytes(as_csv(["number", "word", "day"], [list(row) for row in cells]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nw.NetwrightWarning)
        try:
            answers = run.predict(path)
        except nw.InputError as error:
            assert error.fix
            return
    assert answers.shape == (len(cells),) and np.isfinite(answers).all()
