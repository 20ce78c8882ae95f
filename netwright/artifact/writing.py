"""Text written by a language model, token by token, as soon as each is there.

V different tokens, t tokens fed at once.
"""

import codecs
import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.artifact.drawing import chances, draw
from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.core.notice import Notice
from netwright.core.seeds import derive
from netwright.data.corpus.read import one_line_end
from netwright.data.corpus.windows import token_bytes, tokens_of
from netwright.tasks import Task

TEMPERATURE = 0.8
"""Below one the likelier tokens become likelier still: fewer slips, less variety."""
SILENT = 1000
"""Tokens without a character after which no more are waited for."""
LINE = {"characters": "\n", "pieces": "Ċ"}
"""A line's end as a token: in pieces it stands as another letter."""


def write(
    module: nn.Module,
    form: CorpusForm,
    prompt: str = "",
    *,
    length: int = 500,
    temperature: float = TEMPERATURE,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
) -> Iterator[str]:
    """What follows the prompt: `length` characters, handed out as they come. The prompt itself is not among them.

    `temperature` divides the logits, 0 takes the likeliest token each time; `top_k` keeps the k likeliest tokens alone,
    `top_p` the fewest that have this probability together. The same seed writes the same text. Raises InputError,
    before anything is written, for a number out of its bounds.
    """
    check_writing(length, temperature, top_k, top_p)
    tokens, _ = prompt_tokens(form, prompt)
    random = np.random.default_rng(derive(seed, "write"))

    def chosen(logits: np.ndarray) -> int:
        return draw(chances(logits, temperature, top_k, top_p), random)

    return _characters(form, _tokens(module, form, tokens, chosen), length)


def prompt_tokens(form: CorpusForm, prompt: str) -> tuple[list[int], list[Notice]]:
    """The tokens that a text is begun with, and what of the prompt the network can't take.

    Characters that training never saw are passed over, and of a prompt longer than a window the end is taken. Without
    any token a line begins, or where training knew no lines the token that is most frequent.
    """
    prompt, halves = whole_letters(one_line_end(prompt)[0])
    tokens = tokens_of(prompt, form)
    notices = []
    if halves:
        notices.append(Notice(what=f"{halves:,} byte(s) of the prompt are no UTF-8 and are read as '?'"))
    unseen = tokens == 0
    if unseen.any():
        odd = ", ".join(repr(c) for c in dict.fromkeys(c for c in prompt if c not in set(form.vocabulary[1:])))
        what = f"{int(unseen.sum()):,} character(s) of the prompt are passed over: training never saw {odd[:200]}"
        notices.append(Notice(what=what, fix="write the prompt in the letters of the training text"))
        tokens = tokens[~unseen]
    if len(tokens) > form.window:
        what = f"the prompt has {len(tokens):,} {form.level}: the network sees the last {form.window:,} of them"
        notices.append(Notice(what=what))
        tokens = tokens[-form.window :]
    if not len(tokens):
        line = LINE[form.level]
        tokens = np.asarray([form.vocabulary.index(line, 1) if line in form.vocabulary[1:] else 1])
    return tokens.tolist(), notices


def whole_letters(text: str) -> tuple[str, int]:
    """The text with "?" for each half letter (a lone surrogate: a byte that was no UTF-8), and how many there were."""
    whole = text.encode(errors="replace").decode()
    return whole, sum(a != b for a, b in zip(text, whole, strict=True)) if whole != text else 0


def check_writing(length: int, temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise InputError for a number that nothing can be written with."""
    for right, given, wanted, fix in (
        (length >= 1, f"--length {length}", "1 or more characters", "Give --length 500."),
        (
            math.isfinite(temperature) and temperature >= 0,
            f"--temperature {temperature}",
            "a number from 0 on: 0 for the likeliest, 1 for the network's own probabilities",
            "Give --temperature 0.8.",
        ),
        (top_k is None or top_k >= 1, f"--top-k {top_k}", "1 or more tokens", "Give --top-k 40, or leave it out."),
        (
            top_p is None or 0 < top_p <= 1,
            f"--top-p {top_p}",
            "a probability above 0, 1 at most",
            "Give --top-p 0.95, or leave it out.",
        ),
    ):
        if not right:
            raise InputError("Nothing can be written with this number.", got=given, wanted=wanted, fix=fix)


def writer_form(task: Task, form: object) -> CorpusForm:
    """The form of a network that writes. Raises InputError for one that does not."""
    if isinstance(form, CorpusForm):
        return form
    raise InputError(
        "This network writes no text.",
        got=f"a network for {task.title}",
        wanted="one trained on a text",
        fix="Train one: netwright train TEXT.txt.",
    )


def _tokens(module: nn.Module, form: CorpusForm, tokens: list[int], chosen: Any) -> Iterator[int]:
    """One token after another, without end."""
    module.eval()
    feed = _remembering(module) if hasattr(module, "step") else _forgetting(module, form.window)
    while True:
        token = chosen(feed(tokens))
        yield token
        tokens = [token]


def _remembering(module: nn.Module) -> Any:
    """A function of the tokens that are new, (t,) → (V,) logits of the next; the module keeps what it saw before."""
    state, device = module.start(1), _device(module)  # type: ignore[operator]

    def feed(tokens: list[int]) -> np.ndarray:
        nonlocal state
        with torch.inference_mode(), _one_thread():
            logits, state = module.step(_row(tokens, device), state)  # type: ignore[operator]
        return _last(logits)

    return feed


def _forgetting(module: nn.Module, window: int) -> Any:
    """The same of a module that must be shown all it is to remember, a window of it at most."""
    seen: list[int] = []
    device = _device(module)

    def feed(tokens: list[int]) -> np.ndarray:
        seen.extend(tokens)
        with torch.inference_mode(), _one_thread():
            return _last(module(_row(seen[-window:], device)))

    return feed


def _device(module: nn.Module) -> torch.device:
    return next((t.device for t in chain(module.parameters(), module.buffers())), torch.device("cpu"))


def _row(tokens: list[int], device: torch.device) -> Tensor:
    return torch.tensor([tokens], dtype=torch.int32, device=device)


@contextmanager
def _one_thread() -> Iterator[None]:
    """A step for one token is so small that a second thread only waits: three times as slow on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _last(logits: Tensor) -> np.ndarray:
    """(1, t, V) or (1, V) → (V,)."""
    return logits.reshape(-1, logits.shape[-1])[-1].float().cpu().numpy()


def _characters(form: CorpusForm, tokens: Iterator[int], length: int) -> Iterator[str]:
    """The text of the tokens up to `length` characters; a character whose bytes come in several pieces comes whole."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    left, silent = length, 0
    while left:
        text = decoder.decode(token_bytes(form, [next(tokens)])[0])[:left]
        left -= len(text)
        silent = 0 if text else silent + 1
        if text:
            yield text
        elif silent == SILENT:
            raise InputError(
                "The network writes no characters.",
                got=f"{SILENT} tokens one after another that stand for none",
                wanted="a network whose tokens are letters, or parts of them",
                fix="Train it again: netwright train TEXT.txt.",
            )
