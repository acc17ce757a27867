"""What a sweep came to: the table, its files, the figure, and the exit code."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from throughtime.errors import UserError
from throughtime.run.folder import Created
from throughtime.sweep.job import COMPLETED, FAILED, INTERRUPTED, WAITING, Outcome, outcome_of
from throughtime.sweep.session import jobs_in


def conclude(folder: Path, created: Created | None = None) -> int:
    """Compare the jobs of a sweep: print the table, write results.csv, summary.csv, summary.md and the figure, which
    TensorBoard shows too.

    Args:
        folder: the sweep's. All is read from the files of its jobs, so it may be called again.
        created: what this command has made, where it has started the sweep; None where it went on with one.

    Returns:
        The exit code: 0 where every job is completed, else 1.

    Raises:
        UserError: all jobs failed by one and the same mistake of the user's; what is in `created` is removed then.
    """
    outcomes = [outcome_of(job, folder) for job in jobs_in(folder)]
    mistakes = {outcome.error for outcome in outcomes if outcome.mistake}
    if len(mistakes) == 1 and all(outcome.mistake for outcome in outcomes):
        if created is not None:
            created.remove()
        raise UserError(str(mistakes.pop()))
    begun = [outcome for outcome in outcomes if outcome.status != WAITING]
    if begun:
        print(f"\n{report(folder, begun)}")
    for outcome in outcomes:
        if outcome.error is not None:
            where = outcome.folder / "error.txt"
            print(f"job {outcome.number} {outcome.status}: {outcome.error} ({where})")
    print(f"sweep folder  {shlex.quote(str(folder))}")
    if all(outcome.status == COMPLETED for outcome in outcomes):
        return 0
    counts = Counter(outcome.status for outcome in outcomes)
    print(", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status]))
    print(how_to_go_on(folder), flush=True)
    return 1


STATUSES = (COMPLETED, FAILED, INTERRUPTED, WAITING)


def how_to_go_on(folder: Path) -> str:
    """The exact command."""
    return f"go on         python train.py -m resume={shlex.quote(str(folder))}"


def report(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """Write the files of the comparison into the sweep's folder; returns its table."""
    from throughtime.report.files import write_report  # only now: it imports much
    from throughtime.report.record import read
    from throughtime.sweep.tensorboard_figure import show_in_tensorboard

    records = [read(outcome.folder) for outcome in outcomes]
    named = {record.task: record for record in records if record.steps}
    # A job that failed before its first step may not know yet what its task monitors here.
    records = [
        record
        if record.steps or record.task not in named
        else replace(record, monitor=named[record.task].monitor, mode=named[record.task].mode)
        for record in records
    ]
    table = write_report(folder, records)
    show_in_tensorboard(folder)
    return table
