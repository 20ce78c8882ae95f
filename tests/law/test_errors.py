"""Every error names its mend, and every message has been seen by some test."""

import ast
from pathlib import Path

import pytest

from tests.conftest import PACKAGE, SEEN

KINDS = {"NetwrightError", "InputError", "InputTypeError", "ArtifactError", "TrainingError", "NotFittedError"}


def sites() -> list[tuple[Path, ast.Call]]:
    """Every place where an error of ours is made."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                found.append((path, node))
    return found


def test_every_error_says_what_came_what_was_wanted_and_the_mend():
    for path, call in sites():
        given = {keyword.arg for keyword in call.keywords}
        assert given == {"got", "wanted", "fix"} and len(call.args) == 1, f"{path}:{call.lineno}"


def test_every_message_was_seen(request: pytest.FixtureRequest):
    folders = {Path(item.path).parent.name for item in request.session.items}
    if len(folders) < 8:
        pytest.skip("judges a whole run of the tests alone")
    unseen = [
        f"{path.relative_to(PACKAGE.parent)}:{call.lineno}"
        for path, call in sites()
        if not any(name == str(path) and call.lineno <= line <= (call.end_lineno or 0) for name, line in SEEN)
    ]
    assert not unseen, f"{len(unseen)} messages that no test sees"
