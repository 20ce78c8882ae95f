"""Who may import whom: the table in ARCHITECTURE.md is the law, and imports inside functions count."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "netwright"
EVERYWHERE = {"torch", "numpy", "pydantic"}
THIRD_PARTY = {"polars", "narwhals", "safetensors", "cyclopts", "jinja2", "zstandard", "sklearn", "PIL"}
THIRD_PARTY |= {"tokenizers", "transformers"}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= whole if all(map(is_module, whole)) else whole | {str(node.module)}
    return names


def is_module(name: str) -> bool:
    """Whether a name is a file or folder of ours: then it is imported, and not what its folder gathers."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def table() -> dict[str, set[str]]:
    """unit → the units it may import, as ARCHITECTURE.md prints it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `?([a-z, ]+?)`? \| ([a-z, –]+) \|$", text, flags=re.MULTILINE)
    allowed: dict[str, set[str]] = {}
    for units, targets in rows[1:] if rows[0][0] == "unit" else rows:
        for unit in units.split(","):
            allowed[unit.strip()] = {t.strip() for t in targets.split(",")} - {"–"}
    return allowed


def test_every_unit_imports_only_what_the_table_allows():
    allowed = table()
    units = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert units == set(allowed), "ARCHITECTURE.md and the tree name different units"
    for path in FILES:
        if path.parent == PACKAGE:
            continue
        unit = path.relative_to(PACKAGE).parts[0]
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "netwright" and len(parts) > 1 and parts[1] in units:
                assert parts[1] in allowed[unit] | {unit}, f"{path}: {unit} may not import {name}"


def test_each_library_is_imported_in_one_file_that_owns_it():
    owners: dict[str, set[str]] = {}
    for path in FILES:
        for name in imported(path):
            library = name.split(".")[0]
            if library in THIRD_PARTY:
                owners.setdefault(library, set()).add(str(path.relative_to(ROOT)))
    assert all(len(files) == 1 for files in owners.values()), owners


def test_nothing_undeclared_is_imported():
    import sys

    known = EVERYWHERE | THIRD_PARTY | {"netwright"} | set(sys.stdlib_module_names)
    for path in FILES:
        assert {name.split(".")[0] for name in imported(path)} <= known, path


def test_no_import_cycle():
    modules = {module_name(path): path for path in FILES}
    graph = {name: {n for n in imported(path) if n in modules and n != name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a cycle: {' → '.join([*trail[trail.index(name) :], name])}"
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
