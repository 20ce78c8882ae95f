"""How the same steps are run."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`tier`: the machinery that runs a step. `threads`: CPU threads for one operator; 0 leaves torch's setting."""

    tier: Literal["eager"] = "eager"
    threads: int = 0
