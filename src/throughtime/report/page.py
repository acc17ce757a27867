"""Report of runs: a table for each task, of configurations or of single runs."""

from collections.abc import Sequence
from typing import Any

from throughtime.errors import printable
from throughtime.report.grid import markdown_text
from throughtime.report.record import Record
from throughtime.report.selection import full_key, known_keys, look_up, ordered
from throughtime.report.summary import SummaryRow, by_task, summary_rows
from throughtime.report.table import line_values, render, serialise


def report(
    records: Sequence[Record],
    format: str = "terminal",
    single: bool = False,
    by: Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    metrics: Sequence[str] = (),
) -> str:
    """The tables of these runs.

    Args:
        records: of any tasks.
        format: terminal, markdown, csv or json.
        single: whether each run has a line, instead of each configuration.
        by: the keys that distinguish configurations; empty for all in which the runs differ.
        sort: a key or a metric; by default configurations are sorted by their score, and runs by their paths.
        reverse: whether the greatest is first.
        metrics: further metrics to show.

    Raises:
        UserError: a key that no run has, or a format that is not known.
    """
    groups = by_task(records)
    by, metrics = ([full_key(key, records) for key in keys] for keys in (by, metrics))
    sort = sort and full_key(sort, records)
    tables: dict[str, list[Any]] = {}
    for name, group in groups.items():
        known = known_keys(group)
        lines = list(group) if single else summary_rows(group, [key for key in by if key in known])
        if sort in known:
            find = look_up if single else _of_row
            lines = ordered(lines, lambda line, find=find: find(line, sort), reverse)
        tables[name] = lines
    if format in ("csv", "json"):
        return serialise(
            [line for lines in tables.values() for line in line_values(lines, with_task=True)], format
        )
    mark, shown_as = ("## ", markdown_text) if format == "markdown" else ("", printable)
    shown = []
    for name, lines in tables.items():
        logged = {metric for record in groups[name] for metric in record.metrics}
        table = render(lines, format, [metric for metric in metrics if metric in logged])
        shown.append(f"{mark}{shown_as(name)}, {len(groups[name])} runs\n\n{table}")
    return "\n".join(shown) or render([], format)


def _of_row(row: SummaryRow, key: str) -> Any:
    """The mean of a metric over a row's runs, or the value that they share."""
    if key in row.metrics:
        return row.metrics[key].mean
    if key in ("seconds", "parameters"):
        return getattr(row, key)
    return look_up(row.records[0], key)
