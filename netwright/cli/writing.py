"""Text from a language model, on its way to a person."""

import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from torch import nn

from netwright.artifact.writing import prompt_tokens, whole_letters, write
from netwright.core.errors import InputError
from netwright.core.files import write_file
from netwright.core.forms import CorpusForm
from netwright.core.seeds import derive
from netwright.evaluate.format import clean

BETWEEN = "\n\n----------\n\n"
"""Between two texts."""


def written(
    module: nn.Module,
    form: CorpusForm,
    prompt: str,
    asked: Mapping[str, Any],
    *,
    count: int = 1,
    label: str | None = None,
    seed: int = 0,
) -> Iterator[str]:
    """`count` texts piece by piece, each behind the prompt; `asked` is what `write` is told besides.

    What is odd about the prompt goes to standard error. Raises InputError, before anything is written, for no text, for
    a label, which texts don't have, and for what `write` refuses.
    """
    if label is not None:
        raise InputError(
            "A text has no label.", got=f"--label {label}", wanted="a --prompt to go on from", fix="Leave --label out."
        )
    if count < 1:
        raise InputError(
            "How many texts are to be written?", got=f"--count {count}", wanted="one or more", fix="Give --count 1."
        )
    for notice in prompt_tokens(form, prompt)[1]:
        print(f"note: {notice}", file=sys.stderr)
    prompt = whole_letters(prompt)[0]
    seeds = [seed, *(derive(seed, f"text {i}") for i in range(1, count))]
    texts = [write(module, form, prompt, seed=own, **asked) for own in seeds]
    return (piece for i, text in enumerate(texts) for piece in chain([BETWEEN] if i else [], [prompt], text))


def to_output(pieces: Iterator[str], output: Path | None) -> None:
    """Into a file, whole; or to standard output as they come, on a terminal without what it would obey."""
    if output is not None:
        text = "".join(pieces)
        write_file(output, text.encode(errors="replace"))
        print(f"{len(text):,} characters: {output}", file=sys.stderr)
        return
    terminal = sys.stdout.isatty()
    for piece in chain(pieces, ["\n"]):
        sys.stdout.write(clean(piece) if terminal else piece)
        sys.stdout.flush()
