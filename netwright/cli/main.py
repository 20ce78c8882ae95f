"""The entry point: which command is meant, and what becomes of errors."""

import importlib
import io
import sys

from netwright.core.errors import ArtifactError, InputError, InputTypeError, NetwrightError
from netwright.core.version import VERSION

COMMANDS = {
    "train": "Train a network on a table, pictures, series or texts, and say how good it is on what it has not seen.",
    "predict": "Answer for every row of new data: its columns, in its order, with prediction and probabilities added.",
    "evaluate": "Say how good a run is: on its held-out rows, or on other data.",
    "generate": "Write a text; or make new pictures, as PNG files and one sheet of them all; or new rows of a table.",
    "resume": "Go on with a run from its last checkpoint, to the numbers it would have had.",
    "check": "Say whether a layer of your own, with a backward by hand, is right, and what to do where it is not.",
    "datasets": "List the bundled data sets, with rows, columns, licence and origin.",
}
"""Each is the function of its name in the file of its name, imported when it is asked for."""
WRONG_INPUT = (InputError, InputTypeError, ArtifactError)
"""Errors that end with status 2: what was given is wrong. Others end with 1."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Ends the process: 0 done, 1 failed, 2 wrong usage or input, 130 or 143 stopped by a signal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no − must not end a run
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command and give its exit status."""
    if not arguments or arguments[0] in ("--help", "-h"):
        print(overview())
        return 0
    if arguments[0] == "--version":
        print(VERSION)
        return 0
    try:
        return _call(arguments)
    except NetwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, WRONG_INPUT) else 1
    except KeyboardInterrupt:
        print("stopped; nothing was trained" if arguments[0] == "train" else "stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def overview() -> str:
    """What --help says: written here, so that it needs no import and comes at once."""
    lines = [f"  {name:<10}{phrase}" for name, phrase in COMMANDS.items()]
    return "\n".join(
        [
            "From data to a trained, proven, usable PyTorch network, in one command.",
            "",
            "Usage: netwright COMMAND …, for example: netwright train penguins",
            "",
            *lines,
            "",
            "netwright COMMAND --help shows what a command takes; netwright --version the version.",
        ]
    )


def _call(arguments: list[str]) -> int:
    from netwright.cli.options import CycloptsError, make_app

    app = make_app()
    for name in [arguments[0]] if arguments[0] in COMMANDS else COMMANDS:
        app.command(getattr(importlib.import_module(f"netwright.cli.{name}"), name))
    try:
        return app(arguments, exit_on_error=False, print_error=True, result_action="return_value") or 0
    except CycloptsError:
        return 2
