"""Each token held out is foretold once, from as much as there is before it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.api.corpus import corpus_rows, gather_corpus
from netwright.api.judging.language import judge_language, prompt_in, stretches, token_losses, within
from netwright.api.rows import Rows, Sources
from netwright.artifact.predictor import Predictor
from netwright.core.settings import Settings
from netwright.families.language.family import GPT
from netwright.tasks.language import Language
from tests.api.texts import verse
from tests.artifact.writer import Writer

SETTINGS = Settings(source="x", window=32)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    (tmp_path / "a.txt").write_text(verse(400))
    return gather_corpus(Sources(training=tmp_path / "a.txt"), SETTINGS, GPT)


class Last(nn.Module):
    """Foretells the token before the last as surely as it saw many: its losses tell where a window began."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, V)."""
        seen = torch.arange(1, tokens.shape[1] + 1.0).view(1, -1, 1)
        return nn.functional.one_hot(tokens.long() * 0, 3) * seen.expand(*tokens.shape, 1)


@pytest.mark.parametrize("count", [17, 18, 24, 25, 33, 100, 131])
def test_windows_slide_by_half(count: int):
    losses = token_losses(Last(), Language(level="characters", tokens=3), np.ones(count, dtype=np.int32), 16)
    seen = np.rint(np.log(np.exp(losses) - 2)).astype(int)
    assert seen[:16].tolist() == list(range(1, 17)) and (seen[16:] > 8).all() and len(seen) == count - 1


def test_all_of_the_part_is_judged_beside_simpler_models(rows: Rows):
    judged = judge_language(rows, Writer(rows.task.output_size), SETTINGS)
    found = judged.evaluation
    gram, alone = found.baselines
    assert found.rows == len(verse(400)) - int(len(verse(400)) * 0.9) - 1 and found.unit == "character"
    assert gram.endswith("-gram model") and alone == rows.task.constant_title
    assert found.baselines[gram][found.main] < 1.2 < found.baselines[alone][found.main] < found.figures[found.main]
    assert [panel.section for panel in judged.panels] == ["What it writes", "Where it is surprised"]
    assert f"foretold by the {gram}" in judged.panels[1].html and "<strong>" in judged.panels[0].html


def test_another_text_has_no_counts(rows: Rows, tmp_path: Path):
    module = Writer(rows.task.output_size)
    (tmp_path / "b.txt").write_text(verse(20, 5))
    judged = judge_language(
        corpus_rows(Predictor(module, rows.task, rows.schema), tmp_path / "b.txt"), module, SETTINGS
    )
    assert not judged.evaluation.baselines and judged.evaluation.rows == len(verse(20, 5)) - 1


def test_long_parts_are_judged_in_stretches():
    found = stretches(np.arange(1000), 300, 100)
    assert [part[0] for part in found] == [0, 450, 900] and all(len(part) == 100 for part in found)
    assert len(stretches(np.arange(300), 300, 100)) == 1


def test_prompts_are_lines():
    assert prompt_in("end of one.\n\nA line of a paragraph.\nNext" + "x" * 99) == "A line of a paragraph.\n"
    assert prompt_in("word " * 40) == ("word " * 16).rstrip() and prompt_in("x" * 200) == "x" * 80
    assert prompt_in("short") == "short"


def test_a_time_limit_bounds_what_is_judged():
    assert [within(Settings(source="x", time_limit=t), 200, 800, 10) for t in (None, 1, 30, 600)] == [
        800,
        200,
        300,
        800,
    ]
