"""Chooses how steps are run."""

from netwright.core.plan import Plan, Planned, Stretch
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Chunk, Job, Position


class Planner:
    def __init__(self, job: Job, averages: Averages, plan: Plan) -> None:
        self.plan = plan
        self.runner = Eager(job, Cursor(job), averages, plan)
        self.ran = 0

    def run(self, at: Position, most: int, until: float) -> Chunk:
        chunk = self.runner.run(at, most, until)
        self.ran += chunk.steps
        return chunk

    def planned(self) -> Planned:
        return Planned(stretches=(Stretch(plan=self.plan, first=0, last=self.ran),))

    def resume(self, planned: Planned) -> None:
        pass
