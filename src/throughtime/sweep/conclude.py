"""What a sweep came to: the table, its files, the figure, and the exit code."""

from pathlib import Path


def conclude(folder: Path) -> int:
    """Compare the jobs of a sweep: print the table, write results.csv, summary.csv, summary.md and the figure.

    Args:
        folder: the sweep's. All is read from the files of its jobs, so it may be called again.

    Returns:
        The exit code: 0 where every job is completed, 1 where one failed or was not begun.

    Raises:
        UserError: all jobs failed by one and the same mistake of the user's; the sweep's folder is gone then.
    """
    raise NotImplementedError
