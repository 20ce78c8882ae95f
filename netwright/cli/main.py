"""The entry point: commands, and what becomes of errors."""

import sys

from netwright.cli.datasets import datasets
from netwright.cli.evaluate import evaluate
from netwright.cli.options import CycloptsError, make_app
from netwright.cli.predict import predict
from netwright.cli.resume import resume
from netwright.cli.train import train
from netwright.core.errors import ArtifactError, InputError, InputTypeError, NetwrightError

WRONG_INPUT = (InputError, InputTypeError, ArtifactError)
"""Errors that end with status 2: what was given is wrong. Others end with 1."""

app = make_app()
for command in (train, predict, evaluate, resume, datasets):
    app.command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Ends the process: 0 done, 1 failed, 2 wrong usage or input, 130 or 143 stopped by a signal."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command and give its exit status."""
    try:
        return app(arguments, exit_on_error=False, print_error=True, result_action="return_value") or 0
    except CycloptsError:
        return 2
    except NetwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, WRONG_INPUT) else 1
    except KeyboardInterrupt:
        print("stopped; nothing was trained", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
