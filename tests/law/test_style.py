"""Format, lint and types are as the project file asks."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", ["ruff format --check", "ruff check", "pyrefly check"])
def test_nothing_is_left_to_say(command: str):
    tool, *arguments = command.split()
    program = Path(sys.executable).with_name(tool)
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
