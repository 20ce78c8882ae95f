"""How the same steps are run, and how that was chosen."""

from typing import Literal

from pydantic import Field

from netwright.core.record import Record

Tier = Literal["eager", "traced", "compiled"]


class Plan(Record):
    """One way to run a step.

    `tier`: `eager` is the loop anybody would write; `traced` runs the operators recorded from one step without
    autograd; `compiled` runs many steps as one program. `threads`: CPU threads for one operator; 0 leaves torch's
    setting. `fused`: the optimizer's update is one call of torch's fused kernel. `memory_format`: how images lie in
    memory. `precision`: the numbers that products are computed in.
    """

    tier: Tier = "eager"
    threads: int = Field(default=0, ge=0)
    fused: bool = False
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"

    def __str__(self) -> str:
        words = [self.tier]
        words += ["fused optimizer"] if self.fused and self.tier != "compiled" else []
        words += [self.memory_format] if self.memory_format != "contiguous" else []
        words += [self.precision] if self.precision != "float32" else []
        words += [f"{self.threads} thread{'s' * (self.threads > 1)}"] if self.threads else []
        return ", ".join(words)


NAMED = {
    "eager": Plan(),
    "traced": Plan(tier="traced", fused=True),
    "compiled": Plan(tier="compiled", fused=True),
}
"""The plans that have a name of their own."""


class Trial(Record):
    """What became of one plan that was tried. `seconds` is the time of one step, None where it was not timed."""

    plan: Plan
    verdict: Literal["chosen", "slower", "refused"]
    seconds: float | None = None
    reason: str = ""


class Stretch(Record):
    """The steps from `first` to before `last`, counted over the whole run from 0, ran under `plan`."""

    plan: Plan
    first: int
    last: int


class Planned(Record):
    """The history of the plans of one run. Given back as `plan=`, it repeats the run's bits."""

    trials: tuple[Trial, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    notes: tuple[str, ...] = ()
    """What else a person should know: why nothing was compiled, what could not be copied."""

    def __str__(self) -> str:
        lines = []
        for trial in self.trials:
            time = f"{trial.seconds * 1e6:,.0f} µs a step" if trial.seconds is not None else "not timed"
            lines.append(f"{trial.verdict}: {trial.plan} ({time})" + (f": {trial.reason}" if trial.reason else ""))
        lines += [f"steps {s.first}–{s.last - 1}: {s.plan}" for s in self.stretches]
        return "\n".join([*lines, *self.notes])
