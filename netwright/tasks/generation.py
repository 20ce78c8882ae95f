"""Make new rows that could stand among the old."""

from typing import Literal

from netwright.tasks.labelled import Labelled


class Generation(Labelled):
    """New rows, of a class where rows are labelled."""

    kind: Literal["generation"] = "generation"

    @property
    def title(self) -> str:
        """The task in words."""
        return "generation" + (f" by {len(self.classes)} classes" if self.classes else "")

    @property
    def output_size(self) -> int:
        """As many values as a row has, which the schema tells."""
        return 0
