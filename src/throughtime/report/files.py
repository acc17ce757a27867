"""Report files of a sweep: tables and a figure, written atomically."""

from collections.abc import Sequence
from pathlib import Path

from throughtime.files import write_text
from throughtime.report.page import report
from throughtime.report.record import Record
from throughtime.report.summary import by_task


def write_report(folder: Path, records: Sequence[Record]) -> str:
    """Write results.csv, summary.csv, summary.md and comparison.png; returns the table for the terminal.

    Args:
        folder: that of the sweep. A figure of a second task is comparison_2.png, and so on.
        records: of all its jobs, failed ones included.
    """
    write_text(folder / "results.csv", report(records, "csv", single=True))
    write_text(folder / "summary.csv", report(records, "csv"))
    write_text(folder / "summary.md", report(records, "markdown"))
    from throughtime.report.figure import draw_comparison  # only now: it imports matplotlib

    for number, group in enumerate(by_task(records).values(), 1):
        draw_comparison(group, folder / ("comparison.png" if number == 1 else f"comparison_{number}.png"))
    return report(records)
