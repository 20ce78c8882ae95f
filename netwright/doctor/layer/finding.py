"""What a check of a layer found, and all of it as a table a person can read."""

import textwrap
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["passed", "failed", "not supported", "not tried"]
WIDTH = 100
ORDER: tuple[Verdict, ...] = ("failed", "not supported", "passed", "not tried")
MARKS = {"failed": "✗", "not supported": "–", "passed": "✓", "not tried": " "}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: `seen` is what was seen, `fix` what to do, "" where there is nothing to be done."""

    check: str
    verdict: Verdict
    seen: str
    fix: str = ""


@dataclass(frozen=True)
class LayerReport:
    """Everything that was found of one layer. `print(report)` shows it as a table."""

    layer: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True where no check failed. What a layer does not support is no failure."""
        return not self.failed

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings of the checks that failed."""
        return tuple(finding for finding in self.findings if finding.verdict == "failed")

    def __str__(self) -> str:
        """The table, failures first, and below it what to do for each."""
        width = max((len(finding.check) for finding in self.findings), default=0)
        ordered = sorted(self.findings, key=lambda finding: ORDER.index(finding.verdict))
        rows = [line for finding in ordered for line in _row(finding, width)]
        mends = [line for finding in ordered if finding.fix for line in _mend(finding)]
        return "\n".join([self._head(), "", *rows, *(["", "What to do", *mends] if mends else [])])

    def _head(self) -> str:
        counts = {verdict: sum(f.verdict == verdict for f in self.findings) for verdict in ORDER}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return "\n".join(textwrap.wrap(f"{self.layer}: {told or 'nothing was checked'}", WIDTH))


def _row(finding: Finding, width: int) -> list[str]:
    head = f"{MARKS[finding.verdict]} {finding.check:<{width}}  {finding.verdict:<13}  "
    return textwrap.wrap(
        " ".join(finding.seen.split()), WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
    ) or [head.rstrip()]


def _mend(finding: Finding) -> list[str]:
    return textwrap.wrap(
        " ".join(finding.fix.split()), WIDTH, initial_indent=f"  {finding.check}: ", subsequent_indent="    "
    )
