"""A person's own Python file, imported by its path, and the layers in it."""

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.doctor.layer.raised import where

KINDS = "a torch.autograd.Function, a Module or its class, a pair (forward, backward), or a function that gives one"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[ModuleType]:
    """The file as a module, its folder importable while the block runs. No .pyc is written."""
    root, name = place(path)
    before, search, writing = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True
    try:
        yield imported(path, name)
    finally:
        sys.path[:], sys.dont_write_bytecode = search, writing
        for other in set(sys.modules) - before:
            file = getattr(sys.modules[other], "__file__", None)
            if "." not in name and file and Path(file).parent == path.parent:  # the next file has other neighbours
                del sys.modules[other]


def place(path: Path) -> tuple[Path, str]:
    """The folder to import from, and the dotted name there: packages are what has an __init__.py."""
    folder, name = path.parent, path.stem
    while (folder / "__init__.py").exists():
        folder, name = folder.parent, f"{folder.name}.{name}"
    return folder, name


def imported(path: Path, name: str) -> ModuleType:
    """Run the file. Raises InputError, with the line, where it fails."""
    try:
        if "." in name:
            return importlib.import_module(name)
        taken = name in sys.modules or name in sys.stdlib_module_names
        return executed(path, f"{name}_to_check" if taken else name)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path.name} can't be imported.",
            got=told(error, path),
            wanted="a file that Python imports without an error",
            fix=mend(error),
        ) from error


def executed(path: Path, name: str) -> ModuleType:
    """The file as a module of this name, whatever its own name is."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def told(error: BaseException, path: Path) -> str:
    """An error of a person's code: its kind and message, and the last line of their file that led to it."""
    words = f"{type(error).__name__}: {error}".split("\n")[0]
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{words.partition(' (')[0]}, {Path(error.filename or path).name} line {error.lineno}"
    line = where(error, path)
    return f"{words}, {line}" if line else words


def mend(error: BaseException) -> str:
    """What to do about a file that fails while it is imported."""
    if isinstance(error, ModuleNotFoundError):
        return f"Install {error.name} where netwright is installed, or put it beside the file."
    if isinstance(error, ImportError) and "relative import" in str(error):
        return "Write from other import name instead of from .other import name, or put an __init__.py beside the file."
    if isinstance(error, SystemExit):
        return 'Put what is to run only as a program under if __name__ == "__main__":'
    return "Correct that line; what needs data or arguments belongs under if __name__ == '__main__':"


def candidates(module: ModuleType) -> dict[str, Any]:
    """By name: the layers a file defines, each once. Functions that build one are not run to find out."""
    found, seen = {}, set()
    for name, thing in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(thing, type):
            own = thing.__module__ == module.__name__ and issubclass(thing, (nn.Module, Function))
        else:
            thing = with_backward(module, name, thing)
            own = isinstance(thing, nn.Module) or is_pair(thing)
        same = tuple(map(id, thing)) if is_pair(thing) else (id(thing),)
        if own and same not in seen:
            found[name] = thing
            seen.add(same)
    return found


def with_backward(module: ModuleType, name: str, thing: Any) -> Any:
    """The pair, for a function relu_forward in whose file stands a relu_backward."""
    backward = getattr(module, name.removesuffix("forward") + "backward", None)
    if name.endswith("forward") and inspect.isfunction(thing) and inspect.isfunction(backward):
        return thing, backward
    return thing


def title(name: str, layer: Any) -> str:
    """What a layer is called: by its name in the file; a pair that was found by one half of its name, by both."""
    if isinstance(layer, tuple) and name.endswith("forward"):
        return f"({name}, {name.removesuffix('forward')}backward)"
    return name


def is_pair(thing: Any) -> bool:
    """True for (forward, backward)."""
    return isinstance(thing, (tuple, list)) and len(thing) == 2 and all(callable(f) for f in thing)


def chosen(module: ModuleType, path: Path, name: str) -> tuple[str, Any]:
    """What the name stands for; without a name the only layer of the file. Raises InputError for none or several."""
    found = candidates(module)
    if name:
        if not hasattr(module, name):
            near = get_close_matches(name, found, n=1) or get_close_matches(name, vars(module), n=1)
            raise InputError(
                f"{path.name} has no {name}.",
                got=name,
                wanted=f"one of {', '.join(found)}" if found else KINDS,
                fix=f"Did you mean {path.name}:{near[0]}?" if near else "Give a name that stands in the file.",
            )
        return name, with_backward(module, name, getattr(module, name))
    if len(found) == 1:
        return next(iter(found.items()))
    names = ", ".join(found)
    raise InputError(
        f"Which layer of {path.name}?" if found else f"{path.name} has no layer.",
        got=f"{len(found)} layers: {names}" if found else "a file without one",
        wanted="the name of one" if found else KINDS,
        fix=f"Say it: netwright check {path.name}:{next(iter(found), 'NAME')}",
    )
