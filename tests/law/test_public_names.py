"""What can be seen of netwright is what it lists, sorted, and each name is documented and works."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import netwright

ROOT = Path(__file__).parents[2]


def test_the_list_is_sorted_and_every_name_exists():
    names = list(netwright.PUBLIC)
    assert names == sorted(names)
    for name in names:
        assert getattr(netwright, name).__doc__, name
    assert set(netwright.__all__) == set(names) | {"__version__"}
    assert dir(netwright) == sorted(netwright.__all__)


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(netwright, "no_such_name")


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == netwright.__version__
    assert re.search(rf"^## {re.escape(netwright.__version__)}", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_importing_has_no_side_effect():
    code = (
        "import sys, logging, random; before = random.getstate(); handlers = list(logging.root.handlers)\n"
        "import netwright\n"
        "assert random.getstate() == before and logging.root.handlers == handlers\n"
        "assert not {'torch', 'polars', 'numpy', 'pydantic'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
