"""Remembers where every error of ours was made, so that `law/test_errors.py` can say which message no test has seen."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from netwright.core.errors import NetwrightError

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

PACKAGE = Path(__file__).parents[1] / "netwright"
SEEN: set[tuple[str, int]] = set()


def pytest_configure(config: pytest.Config) -> None:
    original = NetwrightError.__init__

    def remembering(self: NetwrightError, what: str, *, got: object, wanted: object, fix: str) -> None:
        frame = sys._getframe(1)
        SEEN.add((frame.f_code.co_filename, frame.f_lineno))
        original(self, what, got=got, wanted=wanted, fix=fix)
        assert what and fix and str(got) and str(wanted), "an error must say all four things"

    NetwrightError.__init__ = remembering
    os.environ["NETWRIGHT_CACHE"] = tempfile.mkdtemp()  # what one run compiled must not hide what the next can't
    torch.set_num_threads(1)  # on steps as small as these a second one only waits


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ["NETWRIGHT_CACHE"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The law on errors comes last: it judges what the others have seen."""
    items.sort(key=lambda item: "law/test_errors.py" in item.nodeid)
