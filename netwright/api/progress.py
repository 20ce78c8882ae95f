"""What a person sees on stderr while training runs: notices at once, then one line that moves."""

import math
import shutil
import sys
import time

from netwright.core.notice import Notice
from netwright.core.steps import EpochRecord, StepRecord

PLAIN_SECONDS = 5.0
"""Where stderr is no terminal, a line at most this often."""


class Progress:
    """Call it with every event of a run. `limit` is the time limit in seconds; `quiet` leaves only the notices."""

    def __init__(self, limit: float | None = None, *, quiet: bool = False) -> None:
        self.epochs, self.limit, self.quiet = 0, limit, quiet
        self.terminal = sys.stderr.isatty()
        self.began = self.shown = time.monotonic()
        self.pace = 0.0
        self.last: EpochRecord | None = None
        self.best = float("inf")
        self.width = 0

    def __call__(self, event: object) -> None:
        """Show the event."""
        match event:
            case Notice():
                self.say(f"note: {event}")
            case StepRecord():
                self.epochs = event.epochs
                self.pace = event.rows / max(event.seconds, 1e-9)
                self._show(event.epoch + (event.step / event.steps if event.steps else 0.5))
            case EpochRecord():
                self.last = event
                if event.validation is not None:
                    self.best = min(self.best, float(event.validation.mean()))
                self._show(event.epoch + 1)

    def say(self, text: str) -> None:
        """A line of its own."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Wipe the moving line."""
        if self.width:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)
            self.width = 0

    def _show(self, done: float) -> None:
        now = time.monotonic()
        if self.quiet or now - self.shown < (0.1 if self.terminal else PLAIN_SECONDS):
            return
        self.shown = now
        text = self._line(done)
        if self.terminal:
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps can't be wiped
            print("\r" + text.ljust(self.width), end="", file=sys.stderr, flush=True)
            self.width = max(self.width, len(text))
        else:
            print(text, file=sys.stderr, flush=True)

    def _line(self, done: float) -> str:
        parts = [f"epoch {int(done) + (done % 1 > 0)}/{self.epochs}", self._left(done)]
        if self.last is not None:
            parts += [f"{name} {value:.4g}" for name, value in self.last.metrics.items()]
            parts.append(", ".join(f"{name} {value:.3g}" for name, value in self._losses(self.last)))
        parts.append(f"{self.pace:,.0f} rows/s")
        if self.best < math.inf:
            parts.append(f"best validation {self.best:.3g}")
        return " · ".join(parts)

    @staticmethod
    def _losses(record: EpochRecord) -> list[tuple[str, float]]:
        """The losses to show: the training loss of the one phase, or of each by its name, and the validation loss."""
        shown = list(record.losses.items())
        if len(shown) == 1:
            shown = [("loss", shown[0][1])]
        if record.validation is not None:
            shown.append(("validation", float(record.validation.mean())))
        return shown

    def _left(self, done: float) -> str:
        """The time until the last epoch or the limit: at most, for training ends early when nothing improves."""
        spent = time.monotonic() - self.began
        left = spent / max(done, 1e-9) * (self.epochs - done)
        if self.limit is not None:
            left = min(left, self.limit - spent)
        minutes, seconds = divmod(max(0, round(left)), 60)
        return f"≤ {minutes}:{seconds:02d} left"
