"""Right modules are passed in silence, wrong ones are refused or told of, and neither leaves a trace."""

import contextlib
import copy
import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netwright.core.errors import NetwrightError
from netwright.doctor.examine import examine
from netwright.doctor.example import Example
from tests.doctor.cases import RIGHT, example, labels, mlp, x
from tests.doctor.wrong import WRONG


def state(case: Example) -> list[Any]:
    """All that a trace could be seen in."""
    modules = list(case.module.modules())
    return [
        {k: v.detach().clone() for k, v in case.module.named_parameters() if not nn.parameter.is_lazy(v)},
        {k: v.clone() for k, v in case.module.named_buffers()},
        [p.grad for p in case.module.parameters()],
        [sorted(vars(m)) for m in modules],
        [m.training for m in modules],
        [[len(v) for k, v in sorted(vars(m).items()) if "hooks" in k] for m in modules],
        [copy.copy(v) for m in modules for v in vars(m).values() if isinstance(v, (int, list))],
        [t.clone() for t in (case.batch if isinstance(case.batch, tuple) else ()) if isinstance(t, torch.Tensor)],
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        [len(o.state) for o in case.optimizers],
        torch.is_grad_enabled(),
        {k: id(v) for k, v in case.module.named_parameters()},
    ]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(i, j) for i, j in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a is b or a == b)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RIGHT)
def test_right_modules_are_passed_in_silence(name: str, seed: int):
    torch.manual_seed(seed)
    assert examine(RIGHT[name]()) == []


@pytest.mark.parametrize("make", [*RIGHT.values(), *(w.make for w in WRONG.values())], ids=[*RIGHT, *WRONG])
@pytest.mark.parametrize("training", [True, False])
def test_no_trace_is_left(make: Callable[[], Example], training: bool):
    torch.manual_seed(0)
    case = make()
    case.module.train(training)
    before = state(case)
    with contextlib.suppress(NetwrightError):
        examine(case)
    after = state(case)
    assert [same(a, b) for a, b in zip(before, after, strict=True)] == [True] * len(before)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_modules_are_told_of(name: str):
    torch.manual_seed(0)
    wrong = WRONG[name]
    case = wrong.make()
    if wrong.error is None:
        (notice,) = examine(case)
        text = f"{notice.what} → {notice.fix}"
    else:
        with pytest.raises(wrong.error) as caught:
            examine(case)
        text = str(caught.value)
    for words in wrong.says:
        assert words in text, text


def test_a_modules_own_error_is_left_to_the_real_step():
    def complain(model: nn.Module, batch: Any) -> torch.Tensor:
        raise ValueError("not today")

    assert examine(example(mlp(4, 1), x(8, 4), None, complain, own=True)) == []


def test_it_costs_little():
    case = RIGHT["MLP, cross-entropy"]()
    examine(case)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        examine(case)
        times.append(time.perf_counter() - began)
    assert min(times) < 5e-3


def test_every_row_is_looked_at_where_all_targets_are_at_hand():
    targets = labels(3, 100)
    targets[77] = 3
    case = example(mlp(4, 3), x(8, 4), targets[:8], nn.CrossEntropyLoss(), targets=targets)
    with pytest.raises(NetwrightError, match=r"3 at \[77\]"):
        examine(case)
    assert examine(example(mlp(4, 3), x(8, 4), targets[:8], nn.CrossEntropyLoss(), targets=targets[:50])) == []


def test_a_compiled_module_is_tried_without_compiling():
    torch.manual_seed(0)
    case = WRONG["nn.Sigmoid, logits"].make()
    wrapped = nn.Module()
    wrapped._orig_mod = case.module
    (notice,) = examine(dataclasses.replace(case, module=wrapped))
    assert "self.end (Sigmoid)" in notice.fix
