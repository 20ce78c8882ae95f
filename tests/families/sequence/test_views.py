"""Views and statistics of a sequence are those of its steps alone."""

import numpy as np
import pytest
import torch

from netwright.families.sequence.views import STATISTICS, changes, in_parts, normalised, statistics, statistics_size


def test_against_numpy():
    torch.manual_seed(0)
    x, lengths = torch.randn(4, 9, 2) * 3 + 1, torch.tensor([9, 5, 1, 0])
    found, own, steps = statistics(x, lengths), normalised(x, lengths), changes(x, lengths)
    assert found.shape == (4, statistics_size(2)) and torch.isfinite(found).all()
    for row, length in enumerate([9, 5]):
        y = x[row, :length].numpy()
        by_name = dict(zip(STATISTICS, found[row, :-1].view(len(STATISTICS), 2).numpy(), strict=True))
        for name, wanted in {"mean": y.mean(0), "spread": y.std(0), "least": y.min(0), "most": y.max(0),
                             "first": y[0], "last": y[-1]}.items():  # fmt: skip
            np.testing.assert_allclose(by_name[name], wanted, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(own[row, :length], (y - y.mean(0)) / (y.std(0) + 1e-3), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(steps[row, 1:length], np.diff(y, axis=0), rtol=1e-4, atol=1e-5)
        slope = np.polyfit(np.arange(length), y, 1)[0] * np.arange(length).std()
        np.testing.assert_allclose(by_name["slope"], slope, rtol=1e-2, atol=1e-3)
        assert not own[row, length:].any() and not steps[row, length:].any()
    assert not found[3].any()


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch):
    x, lengths = torch.randn(7, 9, 2), torch.tensor([9, 5, 1, 0, 9, 3, 2])
    whole = in_parts(statistics, x, lengths)
    monkeypatch.setattr("netwright.families.sequence.views.AT_ONCE", 40)
    torch.testing.assert_close(in_parts(statistics, x, lengths), whole)
