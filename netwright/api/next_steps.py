"""What a person may want to run after training, as commands that can be run as they stand."""

import shlex
from pathlib import Path

from netwright.api.rows import Rows
from netwright.core.settings import Settings

OTHER: dict[str, dict[str, str]] = {
    "table": {"linear": "tabular", "tabular": "linear", "mlp": "linear"},
    "sequence": {"rocket": "lstm", "lstm": "rocket", "gru": "rocket", "rnn": "lstm", "transformer": "rocket"},
    "text": {
        "blend": "lstm",
        "transformer": "lstm",
        "lstm": "transformer",
        "gru": "lstm",
        "rnn": "lstm",
        "linear": "transformer",
    },
    "corpus": {"transformer": "lstm", "lstm": "transformer", "gru": "lstm", "rnn": "lstm"},
}
"""By the kind of data the family to try beside each."""
NEW = {"image": "NEW_PICTURES", "series": "UP_TO_NOW.csv"}
"""What new data is called, where it is not a table of rows."""


def next_steps(
    path: Path, settings: Settings, rows: Rows, family: str, command: str, *, early: bool
) -> tuple[str, ...]:
    """The commands; the other family only where the run came from a command to vary."""
    new = NEW.get(rows.schema.data, "NEW.csv")
    use = ["netwright", "predict", str(path), new, "-o", "answers.csv"]
    if rows.task.kind == "language":
        use = ["netwright", "generate", str(path), "--prompt", "…"]
    elif rows.task.kind == "generation":
        use = ["netwright", "generate", str(path)]
    elif rows.task.kind == "denoising" and rows.schema.image is not None:
        use = ["netwright", "predict", str(path), new, "-o", "cleaned"]
    steps = [shlex.join(use), shlex.join(["python3", "-m", "webbrowser", str(path / "report.html")])]
    if early:
        steps.insert(0, shlex.join(["netwright", "resume", str(path)]))
    elif command and settings.source != "-" and (other := OTHER.get(rows.schema.data, {}).get(family)):
        steps.append(shlex.join([*_without(shlex.split(command)), "--family", other]))
    return tuple(steps)


def _without(words: list[str]) -> list[str]:
    """A train command without what must not be repeated: its family, its settings, its output."""
    kept, skip = [], False
    for word in words:
        name = word.partition("=")[0]
        if skip or name in OWN or name in OWN_FLAGS:
            skip = not skip and name in OWN and "=" not in word
            continue
        kept.append(word)
    return kept


OWN = ("--family", "--set", "--epochs", "--batch-size", "--learning-rate", "--hidden-sizes", "--output", "-o")
OWN_FLAGS = ("--force", "--json", "--quiet", "-q")
