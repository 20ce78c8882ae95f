"""netwright check: is the backward of a layer of your own right?"""

import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netwright.cli.options import Flag, Json, Parameter
from netwright.core.errors import InputError

if TYPE_CHECKING:
    from netwright.doctor.layer.finding import LayerReport

Many = Annotated[list[str] | None, Parameter(negative=())]


def check(
    layer: str,
    /,
    *,
    input_: Many = None,
    arg: Many = None,
    quick: Flag = False,
    seed: int = 0,
    json_: Json = False,
) -> int:
    """Say whether a layer of your own, with a backward by hand, is right, and what to do where it is not.

    Parameters
    ----------
    layer
        FILE.py:NAME. The name of a torch.autograd.Function, of a Module or its class, of a pair (forward, backward),
        or of a function that gives one of these; without :NAME the only one in the file. The file is run.
    input_
        What forward is called with, once for each argument, in order: a shape such as 4x3, '4x3:int64<10' for integers
        below ten, 4x3:bool, scalar, 3.5, none, =2. By default example_inputs of the file, or else what fits.
    arg
        VALUE or NAME=VALUE, an argument of a class, or of a function that gives the layer; may be given again.
    quick
        Leave out what takes longest: compiling with Inductor, and timing.
    seed
        The number all random choices follow from.
    json_
        Print the result as JSON.
    """
    path, name = divided(layer)
    with contextlib.redirect_stdout(sys.stderr):  # what the file prints is no result
        report, inputs = checked(path, name, input_, arg, seed, quick=quick)
    if json_:
        findings = [dataclasses.asdict(finding) for finding in report.findings]
        print(json.dumps({"layer": report.layer, "passed": report.passed, "inputs": inputs, "findings": findings}))
    else:
        print(report)
    return 0 if report.passed else 1


def divided(layer: str) -> tuple[Path, str]:
    """FILE.py:NAME as the file and the name, "" where none is given. Raises InputError where there is no such file."""
    file, colon, name = layer.rpartition(":")
    if not colon or layer.endswith(".py"):
        file, name = layer, ""
    path = Path(file).expanduser()
    if path.is_file() and path.suffix == ".py":
        return path.resolve(), name
    files = [p.name for p in path.parent.iterdir() if p.suffix == ".py"] if path.parent.is_dir() else []
    near = get_close_matches(path.name, files, n=1)
    dotted = ("." in file or name) and all(map(str.isidentifier, file.split(".")))
    if dotted and not path.exists() and not near and path.suffix != ".py":
        name = name or "NAME"
        raise InputError(
            f"{layer} is no Python file.",
            got=f"{layer!r}, which looks like a module's name",
            wanted="FILE.py:NAME, such as layers.py:MyReLU",
            fix=f"Write a file mine.py with the line: from {file} import {name}. Then netwright check mine.py:{name}",
        )
    fix = f"Did you mean {path.parent / near[0]}?" if near else "Correct the path."
    raise InputError(
        f"{file} is no Python file." if path.exists() else f"There is no file {file}.",
        got=f"{file!r}, looked for in {Path.cwd()}",
        wanted="FILE.py:NAME, such as layers.py:MyReLU",
        fix=fix,
    )


def checked(
    path: Path, name: str, given: list[str] | None, arguments: list[str] | None, seed: int, *, quick: bool
) -> tuple["LayerReport", list[str]]:
    """The report, and the inputs as they are told. What was guessed is said on stderr."""
    import torch

    from netwright.cli.layer_file import chosen, opened, title
    from netwright.cli.layer_forms import written
    from netwright.cli.layer_inputs import inputs_of
    from netwright.cli.layer_making import made
    from netwright.doctor import check_layer

    with opened(path) as module, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        name, thing = chosen(module, path, name)
        layer, built = made(name, thing, arguments, path)
        if built:
            print(f"note: {built} was built; other arguments are given by --arg NAME=VALUE.", file=sys.stderr)
        inputs, note = inputs_of(layer, name, module, given, seed, path)
        if note:
            print(f"note: {note}", file=sys.stderr)
        with moving_line() as doing:
            report = check_layer.checked(layer, inputs, name=title(name, layer), seed=seed, slow=not quick, doing=doing)
        return report, [written(v) for v in inputs]


@contextlib.contextmanager
def moving_line() -> Iterator[Callable[[str, int, int], None]]:
    """A function that shows which check is being done, in one line of a terminal; elsewhere it does nothing."""
    terminal = sys.stderr.isatty()

    def show(text: str) -> None:
        if terminal:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps can't be wiped
            print("\r" + text[:width].ljust(width) + "\r", end="", file=sys.stderr, flush=True)

    try:
        yield lambda check, number, count: show(f"check {number} of {count}: {check}")
    finally:
        show("")
