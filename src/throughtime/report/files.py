"""What a sweep leaves in its folder: tables and a figure, each written whole."""

from collections.abc import Sequence
from pathlib import Path

from throughtime.report.record import Record
from throughtime.report.summary import by_task, summarise
from throughtime.report.table import render, row_values, run_values, written
from throughtime.run.folder import replacing


def write_report(folder: Path, records: Sequence[Record]) -> str:
    """Write results.csv, summary.csv, summary.md and comparison.png; returns the table for the terminal.

    Args:
        folder: that of the sweep. A figure of a second task is comparison_2.png, and so on.
        records: of all its jobs, failed ones included.
    """
    groups = by_task(records)
    tables = {name: summarise(group) for name, group in groups.items()}
    lines = [{"task": rows[0].records[0].task} | row_values(row) for rows in tables.values() for row in rows]
    pages = [f"## {name}\n\n{render(rows, 'markdown')}" for name, rows in tables.items()]
    write_text(folder / "results.csv", written(run_values(records), "csv"))
    write_text(folder / "summary.csv", written(lines, "csv"))
    write_text(folder / "summary.md", "\n".join(pages))
    from throughtime.report.figure import comparison  # only now: it imports matplotlib

    for number, group in enumerate(groups.values(), 1):
        comparison(group, folder / ("comparison.png" if number == 1 else f"comparison_{number}.png"))
    return "\n".join(f"{name}\n\n{render(rows)}" for name, rows in tables.items())


def write_text(path: Path, text: str) -> None:
    """Write a text file by rename."""
    with replacing(path) as file:
        file.write(text.encode())
