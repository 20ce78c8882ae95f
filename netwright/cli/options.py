"""What commands share in reading their options, and the one file that imports cyclopts."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from netwright.core.errors import InputError
from netwright.core.version import VERSION

__all__ = ["App", "CycloptsError", "Force", "Json", "Output", "Quiet", "make_app", "pairs"]

Output = Annotated[Path | None, Parameter(alias="-o")]
Force = Annotated[bool, Parameter(negative=())]
Json = Annotated[bool, Parameter(negative=())]
Quiet = Annotated[bool, Parameter(alias="-q", negative=())]
Source = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""What may be `-`, standard input."""
Flag = Annotated[bool, Parameter(negative=())]


def make_app() -> App:
    """The command line without its commands. Plain-text help: it starts in half the time."""
    return App(
        name="netwright",
        help="From data to a trained, proven, usable PyTorch network, in one command.",
        version=VERSION,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`["age=category"]` as a dict. Raises InputError for one without an equals sign."""
    found = {}
    for text in given or []:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise InputError(
                f"{option} needs a name and a value.",
                got=f"{option} {text}",
                wanted=f"{option} NAME=VALUE",
                fix=f"For example {option} age=category" if option == "--kind" else f"For example {option} dropout=0.2",
            )
        found[name] = value
    return found
