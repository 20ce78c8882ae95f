"""How the same steps are run, and how that was chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from netwright.core.errors import InputError

Tier = Literal["eager", "traced", "compiled"]
MemoryFormat = Literal["contiguous", "channels_last"]
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One way to run a step.

    `tier`: `eager` is the loop anybody would write; `traced` runs the operators recorded from one step without
    autograd; `compiled` runs many steps as one program. `threads`: CPU threads for one operator; 0 leaves torch's
    setting. `fused`: the optimizer's update is one call of torch's fused kernel. `memory_format`: how images lie in
    memory. `precision`: the numbers that products are computed in.
    """

    tier: Tier = "eager"
    threads: int = 0
    fused: bool = False
    memory_format: MemoryFormat = "contiguous"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Raises InputError for a word that none of these knows."""
        for name, kind in (("tier", Tier), ("memory_format", MemoryFormat), ("precision", Precision)):
            if getattr(self, name) not in get_args(kind):
                raise InputError(
                    f"A plan has no such {name}.",
                    got=f"{name}={getattr(self, name)!r}",
                    wanted=", ".join(get_args(kind)),
                    fix=f'Give {name}="{get_args(kind)[0]}", or leave it out.',
                )

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


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What became of one plan that was tried. `seconds` is the time of one step, None where it was not timed."""

    plan: Plan
    verdict: Literal["chosen", "slower", "refused"]
    seconds: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The steps from `first` to before `last`, counted over the whole run from 0, ran under `plan`."""

    plan: Plan
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The history of the plans of one run. Given back as `plan=`, it repeats the run's bits."""

    trials: tuple[Trial, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    notes: tuple[str, ...] = ()
    """What else a person should know: why nothing was compiled, what could not be copied."""

    def values(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Planned":
        """The other way round. Raises TypeError or KeyError for other values than `values` gives."""
        trials = tuple(Trial(**trial | {"plan": Plan(**trial["plan"])}) for trial in values["trials"])
        stretches = tuple(Stretch(**stretch | {"plan": Plan(**stretch["plan"])}) for stretch in values["stretches"])
        return cls(trials=trials, stretches=stretches, notes=tuple(values["notes"]))

    def __str__(self) -> str:
        lines = []
        for trial in self.trials:
            time = f"{trial.seconds * 1e6:,.0f} µs a step" if trial.seconds is not None else "not timed"
            lines.append(f"{trial.verdict}: {trial.plan} ({time})" + (f": {trial.reason}" if trial.reason else ""))
        lines += [f"steps {s.first}–{s.last - 1}: {s.plan}" for s in self.stretches]
        return "\n".join([*lines, *self.notes])
