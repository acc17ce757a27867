"""A whole report: a table for each task, of configurations or of single runs."""

from collections.abc import Sequence
from typing import Any

from throughtime.report.record import Record
from throughtime.report.selection import full_key, known_keys, look, ordered
from throughtime.report.summary import Row, by_task, summarise
from throughtime.report.table import render, render_runs, row_values, run_values, written


def page(
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
        single: a line for each run instead of one for each configuration.
        by: the keys that tell configurations apart; none for all in which the runs differ.
        sort: a key or a metric; without one configurations stand by their score, and runs by their paths.
        reverse: the greatest first.
        metrics: those to show beside the monitored one.

    Raises:
        UserError: a key that no run has, or a format that is not known.
    """
    groups = by_task(records)
    by, metrics = ([full_key(key, records) for key in keys] for keys in (by, metrics))
    sort = sort and full_key(sort, records)
    tables: dict[str, list[Any]] = {}
    for name, group in groups.items():
        known = known_keys(group)
        lines = list(group) if single else summarise(group, [key for key in by if key in known])
        if sort in known:
            find = look if single else _of_row
            lines = ordered(lines, lambda line, find=find: find(line, sort), reverse)
        tables[name] = lines
    if format in ("csv", "json"):
        return written([line for lines in tables.values() for line in _values(lines, single)], format)
    draw = render_runs if single else render
    mark = "## " if format == "markdown" else ""
    shown = []
    for name, lines in tables.items():
        logged = {metric for record in groups[name] for metric in record.metrics}
        table = draw(lines, format, [metric for metric in metrics if metric in logged])
        shown.append(f"{mark}{name}, {len(groups[name])} runs\n\n{table}")
    return "\n".join(shown) or draw([], format)


def _values(lines: Sequence[Any], single: bool) -> list[dict[str, Any]]:
    if single:
        return run_values(lines)
    return [{"task": row.records[0].task} | row_values(row) for row in lines]


def _of_row(row: Row, key: str) -> Any:
    """The mean of a metric, or what all runs of the row have."""
    if key in row.metrics:
        return row.metrics[key].mean
    if key in ("seconds", "parameters"):
        return getattr(row, key)
    return look(row.records[0], key)
