"""netwright resume: go on with a run that was stopped or killed."""

from pathlib import Path

from netwright.cli.options import Json, Quiet


def resume(run: Path, /, *, json_: Json = False, quiet: Quiet = False) -> int:
    """Go on with a run from its last checkpoint, to the numbers it would have had.

    Parameters
    ----------
    run
        The run folder.
    json_
        Print the result as JSON.
    quiet
        No progress.
    """
    from netwright.api.progress import Progress
    from netwright.api.train import resume as go_on
    from netwright.cli.train import show

    progress = Progress(quiet=quiet)
    done = go_on(run, watch=progress)
    progress.clear()
    show(done, as_json=json_)
    return done.exit_code
