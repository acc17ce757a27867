"""Tables of results: for a terminal of 80 columns, for a page (Markdown), for programs (CSV, JSON)."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throughtime.callback.display import clock
from throughtime.errors import check_choice
from throughtime.report.columns import columns, short_names, unusual
from throughtime.report.grid import Grid, markdown, terminal
from throughtime.report.numbers import number, setting, typed, with_spread
from throughtime.report.record import Record
from throughtime.report.summary import Row

LEGEND = (
    "vs best: worse by more than the spread over seeds, or unclear; – where a spread is not known, which takes "
    "two seeds."
)
FORMATS = ("terminal", "markdown", "csv", "json")


def render(rows: Sequence[Row], format: str = "terminal", metrics: Sequence[str] = ()) -> str:
    """The table of configurations, one a line.

    Args:
        rows: of one task, in the order to show (`summarise`).
        format: terminal, markdown, csv or json; the last two hold every metric, unrounded.
        metrics: those to show beside the monitored one; without any, its value on the test split.

    Raises:
        UserError: the format is not known.
    """
    check_choice(FORMATS, format=format)
    if format in ("csv", "json"):
        return written([row_values(row) for row in rows], format)
    if not rows:
        return "no runs\n"
    shown = list(metrics) or _tested(rows)
    if format == "markdown":
        return markdown(_configurations(rows, shown))
    grids = [_configurations(rows, shown), _configurations(rows, shown, joined=True)]
    if not metrics:
        grids.append(_configurations(rows, [], joined=True))
    return terminal(grids)


def render_runs(records: Sequence[Record], format: str = "terminal", metrics: Sequence[str] = ()) -> str:
    """The table of runs, one a line, failed ones included; arguments and errors as in `render`."""
    check_choice(FORMATS, format=format)
    if format in ("csv", "json"):
        return written(run_values(records), format)
    if not records:
        return "no runs\n"
    shown = list(metrics) or _tested(records)
    if format == "markdown":
        return markdown(_runs(records, shown))
    grids = [_runs(records, shown), _runs(records, shown, joined=True)]
    if not metrics:
        grids.append(_runs(records, [], joined=True))
    return terminal(grids)


def row_values(row: Row) -> dict[str, Any]:
    """A line of summary.csv: the configuration, mean, standard deviation (n - 1) and n of the monitored metric, …"""
    score = row.score
    values = dict(row.values) | {
        "monitor": row.monitor,
        "mean": score and score.mean,
        "sd": score and score.deviation,
        "n": score.count if score else 0,
        "failed": row.failed,
        "unfinished": row.unfinished,
        "parameters": row.parameters,
        "seconds": row.seconds,
        "vs best": row.verdict,
    }
    for name, one in sorted(row.metrics.items()):
        if name != row.monitor:
            values |= {f"{name} mean": one.mean, f"{name} sd": one.deviation}
    return values


def run_values(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The lines of results.csv: a job each, with all in which they differ and all that was measured."""
    differing = columns(records)
    names = sorted({name for record in records for name in record.metrics})
    return [
        {"run": str(record.path), "task": record.task, "status": record.status, "seed": record.seed}
        | {column.key: column.values[place] for column in differing}
        | {"monitor": record.monitor, "best": record.best}
        | {name: record.metrics.get(name) for name in names}
        | {
            "parameters": record.parameters,
            "steps": record.steps,
            "seconds": record.seconds,
            "error": record.error,
        }
        for place, record in enumerate(records)
    ]


def written(lines: Sequence[Mapping[str, Any]], format: str) -> str:
    """Lines of values as CSV (a column for every key of any line) or as JSON (null for what is not finite)."""
    if format == "json":
        return json.dumps([_finite(line) for line in lines], indent=2, ensure_ascii=False) + "\n"
    out = io.StringIO()
    names = dict.fromkeys(name for line in lines for name in line)
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _finite(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }


def _tested(rows: Sequence[Row | Record]) -> list[str]:
    """The monitored metric on the test split, where any row has it."""
    name = f"test/{rows[0].monitor.partition('/')[2]}"
    return [name] if any(name in row.metrics for row in rows) else []


def _configurations(rows: Sequence[Row], metrics: Sequence[str], joined: bool = False) -> Grid:
    """A line for each configuration, with a column for each setting, or with all of them in one."""
    lost = [
        (head, [getattr(row, name) for row in rows])
        for head, name in (("failed", "failed"), ("open", "unfinished"))
        if any(getattr(row, name) for row in rows)
    ]
    keys = list(rows[0].values)
    head, settings, note = _settings(keys, [list(row.values.values()) for row in rows], joined)
    lines = []
    for place, (row, texts) in enumerate(zip(rows, settings, strict=True)):
        line = [*texts, *(with_spread(row.metrics.get(name)) for name in (row.monitor, *metrics))]
        line += [str(0 if row.score is None else row.score.count), *(str(n[place]) for _, n in lost)]
        line += ["–" if row.parameters is None else f"{row.parameters:,}"]
        line += ["–" if row.seconds is None else clock(row.seconds), row.verdict]
        lines.append(line)
    numbers = ["n", *(name for name, _ in lost), "parameters", "time", "vs best"]
    notes = [note, LEGEND] if len(rows) > 1 else [note]
    head = [*head, rows[0].monitor, *metrics, *numbers]
    return Grid(head, lines, len(settings[0]), "\n".join(filter(None, notes)), int(joined))


def _runs(records: Sequence[Record], metrics: Sequence[str], joined: bool = False) -> Grid:
    """A line for each run, with settings as in `_configurations`."""
    differing = columns(records)
    values = [[column.values[place] for column in differing] for place in range(len(records))]
    head, settings, note = _settings([column.key for column in differing], values, joined)
    above = Path(os.path.commonpath([record.path.resolve().parent for record in records]))
    lines = []
    for record, texts in zip(records, settings, strict=True):
        line = [str(record.path.resolve().relative_to(above)), *texts, record.status, str(record.seed)]
        line += [number(record.best), *(number(record.metrics.get(name)) for name in metrics)]
        lines.append([*line, clock(record.seconds)])
    head = ["run", *head, "status"]
    place = f"The runs lie in {above}."
    return Grid(
        [*head, "seed", records[0].monitor, *metrics, "time"],
        lines,
        len(head),
        f"{place}\n{note}",
        1 + joined,
    )


def _settings(
    keys: Sequence[str], values: Sequence[Sequence[Any]], joined: bool
) -> tuple[list[str], list[list[str]], str]:
    """The head and the cells for what differs; where there is too much of it, one cell with what is not usual.

    The usual value of each setting, the most frequent one, is told once, in the note that comes third.
    """
    names = list(short_names(keys).values())
    told = [
        {name: _short(setting(value)) for name, value in zip(names, line, strict=True)} for line in values
    ]
    if not joined or len(keys) < 2:
        return names, [list(line.values()) for line in told], ""
    usual, others = unusual(told)
    return ["configuration"], [[typed(line) or "usual"] for line in others], f"Usual: {typed(usual)}."


def _short(text: str, most: int = 36) -> str:
    """A long text, such as a path, without its middle."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"
