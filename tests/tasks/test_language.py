"""The task of foretelling tokens."""

import torch
from torch.nn.functional import log_softmax

from netwright.tasks.language import Language

TASK = Language(level="characters", tokens=5)


def test_losses_are_means_over_a_window():
    torch.manual_seed(0)
    outputs, target = torch.randn(3, 4, 5), torch.randint(0, 5, (3, 4), dtype=torch.int32)
    wanted = [-log_softmax(o, 1)[torch.arange(4), t.long()].mean() for o, t in zip(outputs, target, strict=True)]
    assert torch.allclose(TASK.losses(outputs, target), torch.stack(wanted))


def test_in_words():
    assert TASK.title == "language model of 4 characters" and TASK.output_size == 5
    assert TASK.targets == TASK.cells == () and TASK.constant_title == "frequencies of characters alone"
