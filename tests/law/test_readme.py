"""The README's tree is the tree, and its commands and code run as they stand."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_tree_names_every_file_of_the_package():
    (tree,) = [block for block in blocks("text") if block.startswith("netwright/")]
    listed, folders = set(), []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        folders = [*folders[:depth], name.rstrip("/")]
        if not name.endswith("/"):
            listed.add("/".join([*folders[:depth], name]))
    files = {str(p.relative_to(ROOT)) for p in (ROOT / "netwright").rglob("*") if p.suffix in (".py", ".j2")}
    files = {f for f in files if not f.endswith("__init__.py") or f == "netwright/__init__.py"}
    assert files - listed == set(), "files without a phrase in the README"
    assert listed - files == set(), "phrases for files that do not exist"


def commands() -> list[str]:
    """Each shell line of the README that starts with netwright; the two set-up commands are CI itself."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("netwright ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "README.md").write_text(README, encoding="utf-8")
    for code in blocks("python"):
        if name := re.match(r"# (\w+\.py)\n", code):  # what a command is then given
            (folder / name[1]).write_text(code, encoding="utf-8")
    return folder


def test_the_set_up_commands_stand_there():
    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/netwright train penguins" in README
    assert 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/pytest' in README


@pytest.mark.parametrize("line", commands())
def test_command_runs(line: str, folder: Path):
    program = (
        f"import sys; sys.argv = {shlex.split(line, comments=True)!r}; from netwright.cli.main import main; main()"
    )
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, folder: Path):
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
