"""What a person should know, though work goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing that was seen or decided.

    `what` says it in a sentence; `fix` names the option that changes it, or is empty when nothing needs to be done;
    `column` is the column it is about, or None for the whole table.
    """

    what: str
    fix: str = ""
    column: str | None = None
    serious: bool = False
    """True for what would make a person read the figures otherwise: it is said again beside them."""

    def __str__(self) -> str:
        return f"{self.what} ({self.fix})" if self.fix else self.what


class NetwrightWarning(UserWarning):
    """A notice given from Python code, by way of `warnings`."""
