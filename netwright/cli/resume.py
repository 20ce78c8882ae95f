"""netwright resume: go on with a run that was stopped or killed."""

from pathlib import Path

from netwright.cli.options import Json, Quiet


def resume(run: Path, /, *, time_limit: float | None = None, json_: Json = False, quiet: Quiet = False) -> int:
    """Go on with a run from its last checkpoint, to the numbers it would have had.

    Parameters
    ----------
    run
        The run folder.
    time_limit
        Seconds for the whole command; the limit of the run before does not count.
    json_
        Print the result as JSON.
    quiet
        No progress.
    """
    from netwright.api.progress import Progress
    from netwright.api.train import resume as go_on
    from netwright.cli.train import show

    progress = Progress(time_limit, quiet=quiet)
    done = go_on(run, time_limit=time_limit, watch=progress)
    progress.clear()
    show(done, as_json=json_)
    return done.exit_code
