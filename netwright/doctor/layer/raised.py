"""An error that a layer raised: in one line, with the line of a person's own file that led to it, and its mend."""

import sysconfig
import traceback
from pathlib import Path

from netwright.core.errors import NetwrightError

LONG = 120
"""Letters of an error from which on its first sentence must do."""
COUNTED, FORMED = "incorrect number of gradients", "invalid gradient"
MENDS = {
    COUNTED: "Return one entry for each argument of forward, in order, None for those that are no tensors.",
    FORMED: "Bring the gradient to the input's shape: sum over what was broadcast, transpose, or put "
    "back what was cut.",
    "different than None at position": "That argument is no tensor here, as a bias of None: return None for it.",
    "positional argument": "A Function's is called backward(ctx, *grad_outputs), with a grad_output for each output of "
    "forward; a pair's is called backward(grad_output, cache).",
}
"""By a part of the message."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else ""
    if len(said) > LONG and ". " in said:
        said = said.split(". ")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def where(error: BaseException, path: Path | None = None) -> str:
    """`mine.py line 3: return x @ w`, the last line of a person's file before the error; "" where there is none.

    `path` is the file that is meant, if any; otherwise, or where it took no part, every file that is nobody's library.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and Path(f.filename).resolve() == path]
    own = own or [f for f in frames if theirs(f.filename)]
    return f"{Path(own[-1].filename).name} line {own[-1].lineno}: {(own[-1].line or '').strip()}" if own else ""


def theirs(file: str) -> bool:
    """True for a file that is neither a library's nor ours."""
    libraries = [sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")]
    return not file.startswith("<") and not any(
        file.startswith(p) for p in (*libraries, str(Path(__file__).parents[2]))
    )


def seen_and_mend(error: BaseException) -> tuple[str, str]:
    """What a backward raised, and what to do."""
    if isinstance(error, NetwrightError):
        return f"{error.what.rstrip('.')}: {error.got}", error.fix
    line = where(error)
    seen = f"backward raises {first_line(error)}" + (f" ({line})" if line else "")
    told = next((mend for part, mend in MENDS.items() if part in str(error)), "")
    if told or not line:
        return seen, told or "The other checks need a backward that runs: mend this first."
    return seen, f"Correct {line.partition(': ')[0]}; the other checks need a backward that runs."
