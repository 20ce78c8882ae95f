"""Everything a report shows, measured on the held-out rows: each kind of task has its own way."""

from collections.abc import Callable

import numpy as np
from torch import nn

from netwright.api.fitting import Fitted
from netwright.api.judging.anomalies import judge_anomalies
from netwright.api.judging.answers import judge_answers
from netwright.api.judging.forecasts import judge_forecasts
from netwright.api.judging.generated import judge_generated
from netwright.api.judging.judged import Judged
from netwright.api.judging.language import judge_language
from netwright.api.judging.pictures import over_time
from netwright.api.judging.rebuilt import judge_denoising, judge_reduction
from netwright.api.rows import Rows
from netwright.api.stopping import Stop
from netwright.core.arrays import as_tensor
from netwright.core.settings import Settings
from netwright.evaluate.describe import describe
from netwright.evaluate.findings import Findings
from netwright.tasks import Answering, Generation


def judge(
    rows: Rows,
    fitted: Fitted,
    baselines: dict[str, np.ndarray],
    settings: Settings,
    *,
    title: str,
    command: str,
    seconds: dict[str, float],
    next_steps: tuple[str, ...],
    stop: Stop | None = None,
) -> Findings:
    """Judge the network; `baselines` are predictions of the held-out rows, by name.

    `stop` is the wish to stop that the run hears signals by: once it has heard one, nothing more is trained.
    """
    found = judged(rows, fitted.module, baselines, settings, stop=stop)
    first = rows.split.test[:1]
    sample = tuple(as_tensor(x[first]) for x in rows.encoded.inputs)
    return Findings(
        title=title,
        command=command,
        source=settings.source,
        rows=rows.table.rows,
        task=rows.task,
        task_why=rows.task_why,
        schema=rows.schema,
        split=rows.split_words,
        notices=rows.notices,
        family=fitted.family.name,
        network=describe(fitted.module.cpu(), sample),
        settings=settings.model_dump(exclude={"config"}) | fitted.config.model_dump() | _plan(fitted),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        seconds=seconds,
        evaluation=found.evaluation,
        predictions=found.predictions,
        truth=found.truth,
        importance=found.importance,
        worst=found.worst,
        panels=(*found.panels, *over_time(fitted.frames)),
        next_steps=next_steps,
    )


def judged(
    rows: Rows,
    module: nn.Module,
    baselines: dict[str, np.ndarray],
    settings: Settings,
    *,
    stop: Stop | None = None,
) -> Judged:
    """How good the module is on the rows held out, in the way of the task; `stop` as in `judge`."""
    if isinstance(rows.task, Answering):
        return judge_answers(rows, module, baselines, settings)
    if isinstance(rows.task, Generation):
        return judge_generated(rows, module, settings, stop=stop)
    return OTHERS[rows.task.kind](rows, module, settings)


OTHERS: dict[str, Callable[[Rows, nn.Module, Settings], Judged]] = {
    "reduction": judge_reduction,
    "denoising": judge_denoising,
    "anomaly": judge_anomalies,
    "forecasting": judge_forecasts,
    "language": judge_language,
}
"""By the kind of task: the way it is judged."""


def _plan(fitted: Fitted) -> dict[str, object]:
    """How most steps were run, for the settings that are shown."""
    if not fitted.plan.stretches:
        return {}
    longest = max(fitted.plan.stretches, key=lambda stretch: stretch.last - stretch.first)
    return {"steps ran": str(longest.plan)}
