"""The commands as a person types them: what they print, write, refuse, and how they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars
import pytest

from netwright.api.progress import Progress
from netwright.cli.main import main, run
from netwright.core.steps import EpochRecord, StepRecord

QUICK = ["--epochs", "3", "--set", "members=2", "--quiet"]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "penguins"
    assert run(["train", "penguins", "-o", str(folder), *QUICK]) == 0
    return folder


def write_rows(path: Path, rows: int = 60) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    polars.DataFrame({"x": x, "word": random.choice(["a", "b"], rows), "y": x * 2 + 1}).write_csv(path)
    return path


def test_train_answers_first_and_names_what_to_do_next(capsys: pytest.CaptureFixture[str]):
    assert run(["train", "penguins", *QUICK]) == 0
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if line]
    assert lines[0].startswith("Accuracy ") and "held-out rows" in lines[0] and "95 % range" in lines[0]
    assert "always 'Adelie'" in lines[1] and "linear model" in lines[2]
    assert sum(line.startswith("  netwright") or "webbrowser" in line for line in lines) == 3
    assert err == ""


def test_a_table_comes_by_standard_input(in_folder: Path):
    data = write_rows(in_folder / "rows.csv").read_bytes()
    code = "from netwright.cli.main import main; main()"
    for arguments in (["train", "-", "--target", "y", *QUICK], ["predict", "runs/stdin", "-"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 61


def test_train_prints_json(capsys: pytest.CaptureFixture[str]):
    assert run(["train", "wine", "--json", *QUICK]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["run"] == "runs/wine" and 0 < values["figures"]["accuracy"] <= 1
    assert values["low"] <= values["figures"]["accuracy"] <= values["high"]


def test_dry_run_shows_every_decision_and_writes_nothing(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["train", "penguins", "--dry-run", "--exclude", "sex", "--kind", "body_mass_g=category"]) == 0
    out = capsys.readouterr().out
    for words in ("classification into 3 classes", "held out", "stratified", "bill_length_mm", "left out by --exclude"):
        assert words in out
    assert "forced by --kind" in out and "members = 8" in out
    assert list(in_folder.iterdir()) == []


def test_predict_keeps_columns_and_order_and_adds_answers(
    trained: Path, in_folder: Path, capsys: pytest.CaptureFixture[str]
):
    from netwright.data.sources.bundled import bundled_bytes

    rows = polars.read_csv(bundled_bytes("penguins"), infer_schema=False).drop("species").reverse()
    rows.write_csv("new.csv")
    assert run(["predict", str(trained), "new.csv", "-o", "out.csv"]) == 0
    assert "344 rows answered: out.csv" in capsys.readouterr().err
    answers = polars.read_csv("out.csv", infer_schema=False)
    added = ["prediction", *(f"probability_{name}" for name in ("Adelie", "Chinstrap", "Gentoo"))]
    assert answers.columns == [*rows.columns, *added]
    assert answers.select(rows.columns).equals(polars.read_csv("new.csv", infer_schema=False))
    assert np.allclose(answers.select(added[1:]).cast(polars.Float64).sum_horizontal().to_numpy(), 1)
    assert run(["predict", str(trained), "new.csv", "-o", "out.parquet"]) == 0
    assert polars.read_parquet("out.parquet")["prediction"].to_list() == answers["prediction"].to_list()


def test_predict_leaves_the_cells_as_they_were_written(trained: Path):
    header = "island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,note"
    rows = ["Dream, 40.0 ,NA,190,3500,?,007", "Dream,n/a,17,190,3.5e3,MALE,-"]
    Path("new.csv").write_text("\n".join([header, *rows]) + "\n")
    assert run(["predict", str(trained), "new.csv", "-o", "out.csv"]) == 0
    written = Path("out.csv").read_text().splitlines()
    assert [line[: len(row)] for line, row in zip(written[1:], rows, strict=True)] == rows


def test_predict_to_standard_output(trained: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    Path("new.csv").write_text(
        "island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex\nDream,40,17,190,3500,MALE\n"
    )
    assert run(["predict", str(trained), "new.csv"]) == 0
    header, row = capfdbinary.readouterr().out.decode().splitlines()
    assert header.endswith("prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo")
    assert row.startswith("Dream,40,17,190,3500,MALE,")


def test_an_output_that_exists_is_not_overwritten_unless_forced(trained: Path, capsys: pytest.CaptureFixture[str]):
    Path("out.csv").write_text("precious")
    command = ["predict", str(trained), "penguins", "-o", "out.csv"]
    assert run(command) == 2
    assert "--force" in capsys.readouterr().err and Path("out.csv").read_text() == "precious"
    assert run([*command, "--force"]) == 0
    assert "prediction" in Path("out.csv").read_text()
    assert run(["predict", str(trained), "penguins", "-o", "out.docx"]) == 2
    assert ".csv, .tsv" in capsys.readouterr().err


def test_evaluate_on_held_out_rows_and_on_new_ones(trained: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["evaluate", str(trained)]) == 0
    assert "held-out rows" in capsys.readouterr().out
    assert run(["evaluate", str(trained), "penguins", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["accuracy"] > 0.5
    Path("new.csv").write_text("island\nDream\n")
    assert run(["evaluate", str(trained), "new.csv"]) == 2
    assert "species" in capsys.readouterr().err


def test_evaluate_needs_the_truth_in_every_row(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    data = write_rows(in_folder / "rows.csv")
    assert run(["train", str(data), "--target", "y", *QUICK]) == 0
    data.write_text(data.read_text() + "1,a,\n")
    assert run(["evaluate", "runs/rows", str(data)]) == 2
    assert "rows without a target" in capsys.readouterr().err


def test_datasets_lists_rows_licence_and_origin(capsys: pytest.CaptureFixture[str]):
    assert run(["datasets"]) == 0
    out = capsys.readouterr().out
    for words in ("penguins", "digits", "wine", "breast_cancer", "diabetes", "344 rows", "CC0", "Gorman"):
        assert words in out
    assert run(["datasets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["penguins"]["target"] == "species"


def test_resume_of_a_finished_run_says_so(trained: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["resume", str(trained)]) == 2
    assert "finished" in capsys.readouterr().err


def test_flags_win_over_environment_over_file_over_defaults(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Path("mine.toml").write_text('family = "linear"\nseed = 1\nexclude = ["hue"]\n')
    monkeypatch.setenv("NETWRIGHT_SEED", "2")
    assert run(["train", "wine", "--config", "mine.toml", "--exclude", "ash", "--quiet"]) == 0
    import tomllib

    settings = tomllib.loads(Path("runs/wine/settings.toml").read_text())
    assert (settings["family"], settings["seed"], settings["exclude"]) == ("linear", 2, ["ash"])
    assert run(["train", "--config", "runs/wine/settings.toml", "wine", "--quiet", "--json"]) == 0
    first, again = (json.loads(Path(f"runs/{n}/metrics.json").read_text())["figures"] for n in ("wine", "wine-2"))
    assert first == again


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "pengiuns"], "Did you mean penguins?"),
        (["train", "penguins", "--target", "spicies"], "Did you mean 'species'?"),
        (["train", "penguins", "--family", "forest"], "tabular, cnn, gan, autoencoder, mlp, linear"),
        (["train", "penguins", "--task", "guessing"], "regression, classification, multilabel"),
        (["train", "penguins", "--task", "regression"], "does not hold numbers"),
        (["train", "penguins", "--kind", "sex"], "--kind NAME=VALUE"),
        (["train", "penguins", "--set", "x="], "--set NAME=VALUE"),
        (["train", "penguins", "--kind", "sex=magic"], "number, category, boolean, datetime"),
        (["train", "penguins", "--kind", "sax=category"], "Did you mean 'sex'?"),
        (["train", "penguins", "--exclude", "sax"], "Did you mean 'sex'?"),
        (["train", "penguins", "--group", "sax"], "Did you mean 'sex'?"),
        (["train", "penguins", "--time", "sex"], "--time"),
        (["train", "penguins", "--set", "depth=9"], "does not take this setting"),
        (["train", "penguins", "--epochs", "many"], "--epochs"),
        (["train", "penguins", "--hidden-sizes", "8,x"], "hidden_sizes"),
        (["train", "penguins", "--time-limit", "-3"], "time_limit"),
        (["train", "penguins", "--device", "abacus"], "--device"),
        (["train", "penguins", "--config", "none.toml"], "settings file can't be read"),
        (["train", "penguins", "--validation", "wine"], "lacks columns"),
        (["train", "rows.csv"], "Which column is to be predicted?"),
        (["train", "penguins", "--test", "nothing.csv"], "nothing.csv"),
        (["train"], "SOURCE"),
        (["train", "penguins", "--nonsense"], "nonsense"),
        (["fly"], "fly"),
        (["predict", "nowhere", "penguins"], "no trained network"),
        (["resume", "nowhere"], "no run to resume"),
    ],
)
def test_wrong_usage_ends_with_2_and_the_mend(arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]):
    write_rows(Path("rows.csv"))
    assert run([*arguments, "--quiet"] if arguments[:2] == ["train", "penguins"] else arguments) == 2
    out, err = capfd.readouterr()
    assert words in err + out and "Traceback" not in err + out


def test_help_and_version_are_there_and_load_nothing_heavy(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out.strip() == "0.1.0"
    code = (
        "import sys\nfrom netwright.cli.main import run\nrun(sys.argv[1:])\n"
        "heavy = {'torch', 'numpy', 'polars', 'pydantic', 'jinja2', 'narwhals'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    for arguments in (["--help"], ["train", "--help"], ["datasets"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "netwright" in done.stdout or "penguins" in done.stdout


def test_the_overview_says_of_each_command_what_it_says_of_itself():
    import importlib

    from netwright.cli.main import COMMANDS, overview

    files = {p.stem for p in Path(importlib.import_module("netwright.cli").__path__[0]).glob("*.py")}
    assert set(COMMANDS) <= files
    for name, phrase in COMMANDS.items():
        command = getattr(importlib.import_module(f"netwright.cli.{name}"), name)
        assert (command.__doc__ or "").splitlines()[0] == phrase and phrase in overview()


def test_ctrl_c_before_training_and_a_closed_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netwright.api.train.gather", interrupted)
    assert run(["train", "penguins", "--quiet"]) == 130
    assert "nothing was trained" in capsys.readouterr().err
    code = "from netwright.cli.main import main; main(['datasets'])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_a_notice_comes_on_stderr_and_results_on_stdout(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    path = write_rows(in_folder / "rows.csv")
    path.write_text(path.read_text() + "0.5,a,\n")
    assert run(["train", str(path), "--target", "y", "--epochs", "2"]) == 0
    out, err = capsys.readouterr()
    assert "1 row(s) have an empty or infinite target" in err and "row 61" in err
    assert "note:" not in out


def test_progress_shows_loss_figure_pace_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import torch

    monkeypatch.setattr("netwright.api.progress.PLAIN_SECONDS", 0.0)
    progress = Progress(limit=100)
    losses = {"network": torch.tensor([0.5])}
    progress(StepRecord(epoch=0, epochs=4, step=1, steps=2, losses=losses, rows=320, seconds=0.1))
    progress(
        EpochRecord(
            epoch=0,
            losses={"network": 0.5},
            validation=torch.tensor(0.25),
            metrics={"accuracy": 0.9},
            learning_rate=0.1,
            rows=640,
            seconds=0.2,
        )
    )
    err = capsys.readouterr().err
    for words in (
        "epoch 1/4",
        "loss 0.5",
        "validation 0.25",
        "best validation 0.25",
        "accuracy 0.9",
        "3,200 rows/s",
        "left",
    ):
        assert words in err


def test_progress_on_a_terminal_is_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch):
    import io

    import torch

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = Progress()
    progress.shown -= 1
    progress(StepRecord(epoch=0, epochs=4, step=1, steps=2, losses={"a": torch.ones(1)}, rows=32, seconds=0.1))
    progress.clear()
    text = screen.getvalue()
    assert text.startswith("\repoch 1/4") and text.endswith("\r") and "\n" not in text


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_in_a_real_process_keeps_the_best_and_ends_with_130(in_folder: Path):
    import signal
    import time

    code = "from netwright.cli.main import main; main()"
    options = ["--epochs", "100000", "--set", "patience=100000", "--output", "run"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, "train", "penguins", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None and process.stdout is not None
    process.stderr.readline()  # the first line of progress
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and out.startswith("Accuracy")
    assert (in_folder / "run" / "model" / "manifest.json").exists()
