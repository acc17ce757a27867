"""Summary of a sweep: the table, its files, the figure, and the exit code."""

import shlex
from collections import Counter
from pathlib import Path

from throughtime.config.trust import as_override
from throughtime.errors import UserError, printable
from throughtime.run.folder import Created
from throughtime.sweep.job import COMPLETED, FAILED, INTERRUPTED, WAITING, outcome_of
from throughtime.sweep.session import jobs_in


def summarise(folder: Path, created: Created | None = None) -> int:
    """Compare the jobs of a sweep: print the table, write results.csv, summary.csv, summary.md and the figure, also for
    TensorBoard.

    Args:
        folder: the sweep's. All is read from the files of its jobs, so it may be called again.
        created: the files that this command has created for a new sweep; None where it resumed one.

    Returns:
        The exit code: 0 where every job is completed, else 1.

    Raises:
        UserError: all jobs failed by the same error of the user's; the files in `created` are removed then.
    """
    outcomes = [outcome_of(job, folder) for job in jobs_in(folder)]
    errors = {outcome.error for outcome in outcomes if outcome.user_error}
    if len(errors) == 1 and all(outcome.user_error for outcome in outcomes):
        if created is not None:
            created.remove()
        raise UserError(str(errors.pop()))
    begun = [outcome for outcome in outcomes if outcome.status != WAITING]
    if begun:
        from throughtime.sweep.comparison import write_comparison  # only now: it imports much

        print(f"\n{write_comparison(folder, begun)}")
    for outcome in outcomes:
        if outcome.error is not None:
            where = outcome.folder / "error.txt"
            print(f"job {outcome.number} {outcome.status}: {printable(outcome.error)} ({where})")
    print(f"sweep folder  {shlex.quote(str(folder))}")
    if all(outcome.status == COMPLETED for outcome in outcomes):
        return 0
    counts = Counter(outcome.status for outcome in outcomes)
    print(", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status]))
    print(resume_command(folder), flush=True)
    return 1


STATUSES = (COMPLETED, FAILED, INTERRUPTED, WAITING)


def resume_command(folder: Path) -> str:
    """The line with the exact command that resumes a sweep."""
    return f"go on         python train.py -m resume={shlex.quote(str(folder))}{as_override()}"
