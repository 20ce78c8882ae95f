"""What a check of a layer found, and all of it as a table a person can read."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["passed", "failed", "not supported", "not tried"]
WIDTH = 100
ORDER: tuple[Verdict, ...] = ("failed", "passed", "not supported", "not tried")
MARKS = {"failed": "✗", "not supported": "–", "passed": "✓", "not tried": " "}
SEE_FIRST = "see the first derivative"
"""What a check says that can't judge, or says nothing new, where the first derivative is wrong."""
SEE_REPEATABLE = "see repeatable"
"""The same, where the same call gives something else each time."""
CAUSES = ("in place", "repeatable")
FOLLOWING = ("not contiguous", "called twice", "gradients on demand", "repeatable", "torch.func.vmap", "torch.compile")
"""Checks that call the layer again: where one of the causes failed, what they see comes of it."""
SEVERAL, NAMED = 3, 6
"""Checks not tried for one reason: from how many on they share a line, and up to how many are named there."""


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
        """The table, failures first, and below it what to do for each; then what to do for what is not supported."""
        ordered = sorted(self.findings, key=lambda finding: ORDER.index(finding.verdict))
        same = Counter(finding.seen for finding in ordered if finding.verdict == "not tried")
        single = [f for f in ordered if f.verdict != "not tried" or same[f.seen] < SEVERAL]
        width = max((len(finding.check) for finding in single), default=0)
        rows = [line for finding in single for line in _row(finding, width)]
        shared = [f for f in ordered if f not in single]
        rows += [line for seen in dict.fromkeys(f.seen for f in shared) for line in _shared(seen, shared)]
        wanted = [f for f in ordered if f.verdict == "not supported"]
        mends = _mends("What to do", (f for f in ordered if f not in wanted))
        return "\n".join([self._head(), "", *rows, *mends, *_mends("Not supported, if you want it", wanted)])

    def _head(self) -> str:
        counts = {verdict: sum(f.verdict == verdict for f in self.findings) for verdict in ORDER}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return "\n".join(textwrap.wrap(f"{self.layer}: {told or 'nothing was checked'}", WIDTH))


def settled(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings; those that follow from another one give no advice of their own."""
    failed = [finding.check for finding in findings if finding.verdict == "failed"]
    cause = next((check for check in CAUSES if check in failed), "")
    return tuple(
        replace(f, fix=f"See {cause}." if f.fix else "")
        if cause and f.verdict == "failed" and f.check in FOLLOWING and f.check != cause
        else f
        for f in findings
    )


def _row(finding: Finding, width: int) -> list[str]:
    head = f"{MARKS[finding.verdict]} {finding.check:<{width}}  {finding.verdict:<13}  "
    return textwrap.wrap(
        " ".join(finding.seen.split()), WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
    ) or [head.rstrip()]


def _shared(seen: str, findings: list[Finding]) -> list[str]:
    """One line for all checks that were not tried for the same reason."""
    names = [finding.check for finding in findings if finding.seen == seen]
    told = f" ({', '.join(names)})" if len(names) <= NAMED else ""
    line = f"{len(names)} more checks not tried: {seen}{told}"
    return textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _mends(title: str, findings: Iterable[Finding]) -> list[str]:
    """What to do, under a heading of its own; nothing where nothing is to be done."""
    lines = [line for finding in findings if finding.fix for line in _mend(finding)]
    return ["", title, *lines] if lines else []


def _mend(finding: Finding) -> list[str]:
    return textwrap.wrap(
        " ".join(finding.fix.split()), WIDTH, initial_indent=f"  {finding.check}: ", subsequent_indent="    "
    )
