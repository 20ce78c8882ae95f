"""The commands on pictures: what they print, write and refuse."""

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from netwright.cli.main import run
from tests.api.pictures import CLASSES, folder_of


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    folder_of(folder / "shapes")
    assert run(["train", str(folder / "shapes"), "-o", str(folder / "run"), "--epochs", "2", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "run"
    words = ["train", "digits", "--family", "gan", "--epochs", "1", "--time-limit", "40", "-o", str(folder), "--quiet"]
    assert run(words) == 0
    return folder


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_picture_and_a_folder_are_answered(seen: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    assert run(["predict", str(seen / "run"), str(seen / "shapes" / "disc" / "0.png")]) == 0
    out, _ = capfdbinary.readouterr()
    header, line = out.decode().splitlines()
    assert header.split(",")[:2] == ["image", "prediction"] and line.split(",")[1] in CLASSES
    assert run(["predict", str(seen / "run"), str(seen / "shapes"), "-o", "answers.csv"]) == 0
    answers = polars.read_csv("answers.csv")
    assert answers.height == 36 and answers["class"].to_list() == sorted(answers["class"].to_list())


def test_the_report_says_pictures(seen: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["evaluate", str(seen / "run"), str(seen / "shapes")]) == 0
    assert "on 36 " in capsys.readouterr().out
    assert "held-out picture" in (seen / "run" / "report.html").read_text()


def test_what_would_be_done_is_shown(seen: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["train", str(seen / "shapes"), "--dry-run", "--image-size", "16"]) == 0
    out = capsys.readouterr().out
    assert "13 × 16 pixels in colour" in out and "family: cnn" in out


def test_new_pictures_are_files_and_a_sheet(drawn: Path, in_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["generate", str(drawn), "--count", "9", "--label", "7", "--seed", "1", "-o", "new"]) == 0
    files = sorted(path.name for path in (in_folder / "new").iterdir())
    assert files == [*(f"{i}-7.png" for i in range(1, 10)), "sheet.png"]
    assert pixels("new/1-7.png").shape == (8, 8) and pixels("new/sheet.png").shape[1] > 3 * 48
    assert run(["generate", str(drawn), "--count", "9", "--label", "7", "--seed", "1", "-o", "again"]) == 0
    assert np.array_equal(pixels("new/sheet.png"), pixels("again/sheet.png"))
    assert run(["generate", str(drawn), "-o", "new"]) == 2 and "--force" in capsys.readouterr().err


def test_new_pictures_lie_beside_the_network_by_default(drawn: Path):
    assert run(["generate", str(drawn), "--count", "2"]) == 0 and run(["generate", str(drawn), "--count", "2"]) == 0
    assert (drawn / "generated" / "sheet.png").is_file() and (drawn / "generated-2" / "sheet.png").is_file()


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (["--label", "cat"], "leave --label out"),
        (["--count", "0"], "--count"),
        (["-o", "new.csv"], "-o new"),
    ],
)
def test_what_can_not_be_made_is_refused(drawn: Path, words: list[str], mend: str, capsys: pytest.CaptureFixture[str]):
    assert run(["generate", str(drawn), *words]) == 2
    assert mend in capsys.readouterr().err


def test_new_rows_are_a_table(in_folder: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    random = np.random.default_rng(0)
    polars.DataFrame({"a": random.normal(size=80), "b": random.integers(0, 3, 80)}).write_csv("rows.csv")
    assert run(["train", "rows.csv", "--family", "gan", "--epochs", "1", "--quiet"]) == 0
    assert run(["generate", "runs/rows", "--count", "5", "-o", "new.csv"]) == 0
    capfdbinary.readouterr()
    assert run(["generate", "runs/rows", "--count", "5"]) == 0
    out, _ = capfdbinary.readouterr()
    assert out == Path("new.csv").read_bytes() and len(out.splitlines()) == 6


def test_cleaned_pictures_are_files(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--family", "autoencoder", "--task", "denoise", "--epochs", "1", "-o", "clean", "--quiet"]
    assert run(["train", "digits", *words]) == 0
    np.save("some.npy", np.zeros((3, 8, 8), dtype=np.uint8))
    assert run(["predict", "clean", "some.npy"]) == 2 and "-o cleaned" in capsys.readouterr().err
    assert run(["predict", "clean", "some.npy", "-o", "out"]) == 0
    assert len(list((in_folder / "out").glob("*.png"))) == 4
    capsys.readouterr()
    for folder in ("mixed", "worse"):
        (in_folder / folder).mkdir()
        (in_folder / folder / "bad.png").write_text("no picture")
    for i in range(2):
        Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(f"mixed/good{i}.png")
    assert run(["predict", "clean", "mixed", "-o", "some"]) == 0
    said = capsys.readouterr().err
    assert "2 pictures cleaned" in said and "bad.png" in said
    assert sorted(path.name for path in (in_folder / "some").iterdir()) == ["1-good0.png", "2-good1.png", "sheet.png"]
    assert run(["predict", "clean", "worse/bad.png", "-o", "no"]) == 2 and "None of the" in capsys.readouterr().err


def test_a_network_without_classes_is_asked_for_none(in_folder: Path, capsys: pytest.CaptureFixture[str]):
    folder_of(in_folder / "shapes", each=8)
    words = ["--family", "gan", "--set", "by_class=false", "--set", "network=dense", "--epochs", "1", "-o", "mixed"]
    assert run(["train", "shapes", *words, "--quiet"]) == 0
    assert run(["generate", "mixed", "--count", "3", "-o", "new"]) == 0
    assert sorted(path.name for path in (in_folder / "new").iterdir()) == ["1.png", "2.png", "3.png", "sheet.png"]
    assert run(["generate", "mixed", "--label", "disc", "-o", "discs"]) == 2
    assert "Leave --label out" in capsys.readouterr().err


def test_figures_that_are_no_numbers_are_null(drawn: Path, in_folder: Path, capsys: pytest.CaptureFixture[str]):
    np.save("one.npy", np.zeros((1, 8, 8), dtype=np.uint8))
    assert run(["evaluate", str(drawn), "one.npy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["Fréchet distance"] is None
