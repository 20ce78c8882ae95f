"""Text on its way to a person."""

import io
import sys
from pathlib import Path

import pytest

from netwright.artifact.predictor import Predictor
from netwright.cli.main import run
from netwright.cli.writing import BETWEEN, to_output
from netwright.core.schema import Schema
from netwright.tasks.language import Language
from netwright.tasks.reduction import Reduction
from tests.artifact.writer import FORM, Writer

PREDICTOR = Predictor(
    Writer(len(FORM.vocabulary)),
    Language(level="characters", tokens=len(FORM.vocabulary)),  # type: ignore[arg-type]
    Schema(columns=(), form=FORM),
)


@pytest.fixture(autouse=True)
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("netwright.artifact.predictor.load", lambda path: PREDICTOR)


def test_a_text_goes_to_standard_output(capsys: pytest.CaptureFixture[str]):
    words = ["generate", "RUN", "--prompt", "to be", "--length", "30", "--temperature", "0.9", "--top-k", "9"]
    assert run([*words, "--top-p", "0.9", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("to be") and len(out) == 36 and out.endswith("\n") and not err
    assert run([*words, "--top-p", "0.9", "--seed", "3", "-o", "a.txt"]) == 0
    assert Path("a.txt").read_text() == out[:-1] and "35 characters: a.txt" in capsys.readouterr().err
    assert run([*words, "-o", "a.txt"]) == 2 and "--force" in capsys.readouterr().err


def test_several_texts(capsys: pytest.CaptureFixture[str]):
    assert run(["generate", "RUN", "--count", "2", "--length", "20", "--prompt", "-é"]) == 0
    out, err = capsys.readouterr()
    one, two = out[:-1].split(BETWEEN)
    assert one != two and len(one) == len(two) == 22 and "note: 2 character(s) of the prompt" in err


def test_it_comes_as_it_is_written(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        flushed = 0

        def isatty(self) -> bool:
            return True

        def flush(self) -> None:
            self.flushed += 1

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    to_output(iter(["a", "\x1b[2J"]), None)
    assert terminal.getvalue() == "a�[2J\n" and terminal.flushed == 3


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (["--label", "x"], "Leave --label out"),
        (["--count", "0"], "Give --count 1"),
        (["--temperature", "-1"], "--temperature"),
        (["--length", "0"], "--length 500"),
    ],
)
def test_what_is_refused(words: list[str], mend: str, capsys: pytest.CaptureFixture[str]):
    assert run(["generate", "RUN", *words]) == 2
    assert mend in capsys.readouterr().err


def test_others_write_no_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    other = Predictor(Writer(3), Reduction(size=2), Schema(columns=()))
    monkeypatch.setattr("netwright.artifact.predictor.load", lambda path: other)
    assert run(["generate", "RUN", "--prompt", "a"]) == 2 and "writes no text" in capsys.readouterr().err


def test_a_prompt_that_is_no_text_is_written_as_it_was_read(capsys: pytest.CaptureFixture[str]):
    assert run(["generate", "RUN", "--prompt", "to\udcff be", "--length", "5"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("to? be") and "no UTF-8" in err
