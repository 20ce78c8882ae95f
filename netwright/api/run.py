"""A finished run, in memory and on disk."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from netwright.artifact.predictor import Predictor
from netwright.core.errors import InputError
from netwright.core.files import refuse_existing, write_file
from netwright.core.notice import Notice
from netwright.core.plan import Planned
from netwright.core.steps import EpochRecord
from netwright.evaluate.findings import Findings
from netwright.evaluate.report import render
from netwright.evaluate.summary import answer


@dataclass(frozen=True, kw_only=True)
class Run:
    """What `nw.train` gives: the trained network, how good it is, and the folder where all of it lies.

    `findings` is None where no rows were held out. `exit_code` is 130 or 143 where a signal ended training early.
    """

    path: Path
    predictor: Predictor
    findings: Findings | None
    history: tuple[EpochRecord, ...]
    ended: str
    notices: tuple[Notice, ...] = ()
    exit_code: int = 0

    @property
    def figures(self) -> dict[str, float]:
        """The figures on held-out rows, the main one first; empty where none were held out."""
        return self.findings.evaluation.figures if self.findings else {}

    def predict(self, source: object) -> np.ndarray:
        """The answer for each row; see `Predictor.predict`."""
        return self.predictor.predict(source)

    def predict_proba(self, source: object) -> np.ndarray:
        """The probabilities for each row; see `Predictor.predict_proba`."""
        return self.predictor.predict_proba(source)

    def __str__(self) -> str:
        if self.findings is None:
            return f"Trained ({self.ended}). No rows were held out, so how good it is was not measured."
        serious = [f"Mind: {notice}" for notice in self.notices if notice.serious]
        judged, blank, steps = answer(self.findings).partition("\n\n")
        return "\n".join([judged, *serious[:5]]) + blank + steps


def new_folder(output: Path | None, name: str, *, force: bool) -> Path:
    """An empty folder for a run: `output`, or `runs/<name>` with a number behind it where that is taken.

    Raises InputError where `output` exists and `force` is not given.
    """
    if output is None:
        base = Path("runs") / name
        output, count = base, 1
        while output.exists():
            count += 1
            output = base.with_name(f"{name}-{count}")
    else:
        refuse_existing(output, force=force)
        if force and output.exists() and not (output / "settings.toml").is_file():
            raise InputError(
                "--force replaces earlier runs, and this is none.",
                got=f"{output}, which has no settings.toml",
                wanted="the folder of an earlier run",
                fix="Give another path as --output.",
            )
    return output


def write_results(
    path: Path, findings: Findings | None, history: tuple[EpochRecord, ...], ended: str, plan: Planned
) -> None:
    """Write history.jsonl, metrics.json and report.html into the run folder."""
    lines = [json.dumps(_finite(_plain(record))) for record in history]
    write_file(path / "history.jsonl", ("\n".join(lines) + "\n" if lines else "").encode())
    metrics: dict[str, object] = {"ended": ended, "plan": plan.values()}
    if findings is not None:
        evaluation = findings.evaluation
        metrics |= asdict(evaluation) | {"task": findings.task.title, "seconds": findings.seconds}
        metrics |= {"importance": [asdict(i) for i in findings.importance]}
        write_file(path / "report.html", render(findings).encode())
    write_file(path / "metrics.json", json.dumps(_finite(metrics), indent=1).encode())


def _finite(value: object) -> object:
    """The same, with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(record: EpochRecord) -> dict[str, object]:
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return values | {"validation": None if record.validation is None else record.validation.tolist()}
