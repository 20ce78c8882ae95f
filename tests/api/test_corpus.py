"""Texts become windows, divided before a token is counted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from netwright.api import corpus
from netwright.api.corpus import corpus_rows, gather_corpus
from netwright.api.rows import Rows, Sources
from netwright.artifact.predictor import Predictor
from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.core.settings import Settings
from netwright.data.corpus.windows import text_of, unrolled
from netwright.families.language.family import GPT
from netwright.tasks.language import Language
from tests.api.texts import verse


def gathered(
    folder: Path, text: str, *, validation: str | None = None, test: str | None = None, **asked: object
) -> Rows:
    files = {"training": text, "validation": validation, "test": test}
    paths: dict[str, Path | None] = dict.fromkeys(files)
    for role, content in files.items():
        if content is not None:
            paths[role] = folder / f"{role}.txt"
            (folder / f"{role}.txt").write_text(content, encoding="utf-8")
    return gather_corpus(Sources(**paths), Settings(source="x", **asked), GPT)  # type: ignore[arg-type]


def form_of(rows: Rows) -> CorpusForm:
    assert isinstance(rows.schema.form, CorpusForm)
    return rows.schema.form


def test_windows_and_what_follows_them(tmp_path: Path):
    text = verse(400)
    rows = gathered(tmp_path, text, window=32)
    form, (windows,) = form_of(rows), rows.encoded.inputs
    assert rows.schema.data == "corpus" and isinstance(rows.task, Language) and rows.task.tokens == len(form.vocabulary)
    assert np.array_equal(windows[5, 1:], rows.target[5, :-1]) and windows.dtype == np.int32
    whole = text_of(unrolled(windows, rows.target), form)  # what trains, then what validates, then what is held out
    assert sorted(whole) == sorted(text) and whole.endswith(text[-100:])
    assert len(np.unique(np.concatenate([rows.split.training, rows.split.folds[0], rows.split.test]))) < len(text)
    assert "characters train" in rows.split_words and rows.table.rows == 1


def test_no_window_leaves_its_part(tmp_path: Path):
    """Each character stands once, so that it tells where a window lies."""
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 900)))
    rows = gathered(tmp_path, text, window=16, test_share=0.2)
    parts = []
    for starts in (rows.split.training, rows.split.folds[0], rows.split.test):
        where = starts[:, None] + np.arange(17)
        parts.append((where.min(), where.max()))
    assert parts[0][0] == 0 and parts[0][1] + 1 == parts[1][0] and parts[1][1] + 1 == parts[2][0]
    assert parts[2] == (720, 899)


def test_tokens_are_those_of_the_training_part(tmp_path: Path):
    rows = gathered(tmp_path, verse(300) + "ÄÖÜ" * 20, window=16)
    assert not set("ÄÖÜ") & set(form_of(rows).vocabulary) and (rows.target == 0).any()
    assert "have no token of their own" in " ".join(notice.what for notice in rows.notices)


def test_a_tenth_is_held_out_unless_asked(tmp_path: Path):
    assert "the last 1,196 are held out" in gathered(tmp_path, verse(400)).split_words
    assert "the last 2,392 are held out" in gathered(tmp_path, verse(400), test_share=0.2).split_words
    assert not len(gathered(tmp_path, verse(300), test_share=0).split.test)


def test_files_of_their_own(tmp_path: Path):
    rows = gathered(tmp_path, verse(300), validation=verse(30, 1), test=verse(50, 2), window=16)
    tokens, form = unrolled(rows.encoded.inputs[0], rows.target), form_of(rows)
    assert text_of(tokens, form) == verse(300) + verse(30, 1) + verse(50, 2) and rows.table.rows == 3
    assert rows.split.test[0] == len(verse(300) + verse(30, 1)) and "test.txt is held out" in rows.split_words
    assert len(rows.split.training) == len(verse(300)) - 16


def test_pieces_where_asked(tmp_path: Path):
    pytest.importorskip("tokenizers")
    rows = gathered(tmp_path, verse(600), level="pieces", window=16)
    form = form_of(rows)
    assert form.level == "pieces" and form.per_token > 2 and form.tokenizer
    assert sorted(text_of(unrolled(rows.encoded.inputs[0], rows.target), form)) == sorted(verse(600))


def test_short_texts_are_read_in_small_windows(tmp_path: Path):
    assert form_of(gathered(tmp_path, verse(30))).window == len(verse(30)) // 50


@pytest.mark.parametrize(
    ("text", "asked", "mend"),
    [
        ("a short text", {}, "Give a longer text"),
        (verse(30), {"window": 500}, "a smaller --window"),
        ("a" * 5000, {}, "the same character"),
        (verse(30), {"task": "classification"}, "Leave --task out"),
        (verse(300), {"test": "too short", "window": 64}, "is held out is shorter"),
        (verse(300), {"validation": "too short", "window": 64}, "validates is shorter"),
    ],
)
def test_what_can_not_be_learned(tmp_path: Path, text: str, asked: dict[str, object], mend: str):
    with pytest.raises(InputError, match=mend):
        gathered(tmp_path, text, **asked)  # type: ignore[arg-type]


def test_another_text_is_all_held_out(tmp_path: Path):
    rows = gathered(tmp_path, verse(300), task="language")
    predictor = Predictor(torch.nn.Identity(), rows.task, rows.schema)
    (tmp_path / "other.txt").write_text(verse(40, 3) + "é")
    other = corpus_rows(predictor, tmp_path / "other.txt")
    assert not len(other.split.training) and not other.split.folds and len(other.notices) == 1
    assert text_of(unrolled(other.encoded.inputs[0], other.target), form_of(other)) == verse(40, 3) + "�"
    with pytest.raises(InputError, match="shorter than a window"):
        corpus_rows(predictor, tmp_path / "other.txt") if (tmp_path / "other.txt").write_text("short") else None


def test_a_short_run_is_validated_on_fewer_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(corpus, "FEWEST_JUDGED", 96)
    long, short = gathered(tmp_path, verse(600), window=16), gathered(tmp_path, verse(600), window=16, time_limit=0.1)
    (every,), (some,) = long.split.folds, short.split.folds
    assert len(some) == 150 // 16 < len(every) and set(some) <= set(every)
    assert (some[0], some[-1]) == (every[0], every[-1]) and "spread evenly" in short.told
    assert len(unrolled(*short.encoded.parts, short.target)) == len(verse(600))
