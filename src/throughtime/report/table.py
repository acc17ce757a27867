"""Tables of results: for a terminal of 80 columns, as Markdown, CSV or JSON."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throughtime.callback.display import duration
from throughtime.errors import check_choice, printable
from throughtime.report.columns import columns, deviations, short_names
from throughtime.report.grid import TextGrid, as_markdown, as_terminal_text
from throughtime.report.numbers import as_overrides, format_number, format_setting, format_spread
from throughtime.report.record import Record
from throughtime.report.summary import SummaryRow

LEGEND = (
    "vs best: within a data set, worse by more than the spread over seeds, or unclear; – where a spread is not known, "
    "which takes two seeds."
)
Lines = Sequence[SummaryRow] | Sequence[Record]
FORMATS = ("terminal", "markdown", "csv", "json")


def render(lines: Lines, format: str = "terminal", metrics: Sequence[str] = ()) -> str:
    """Render a table of configurations or of runs, one a line.

    Args:
        lines: rows of one task (`summary_rows`), or its runs, in the order to show.
        format: terminal, markdown, csv or json; the last two hold every metric, unrounded.
        metrics: further metrics to show; by default the monitored one on the test split.

    Raises:
        UserError: the format is not known.
    """
    check_choice(FORMATS, format=format)
    if format in ("csv", "json"):
        return serialise(line_values(lines), format)
    if not lines:
        return "no runs\n"
    grid = _configurations if isinstance(lines[0], SummaryRow) else _runs
    shown = list(metrics) or _tested(lines)
    if format == "markdown":
        return as_markdown(grid(lines, shown))
    grids = [grid(lines, shown), grid(lines, shown, joined=True)]
    if not metrics:
        grids.append(grid(lines, [], joined=True))
    return as_terminal_text(grids)


def line_values(lines: Lines, with_task: bool = False) -> list[dict[str, Any]]:
    """The unrounded values of each line, by the names of the columns of a CSV file.

    Args:
        lines: rows or runs.
        with_task: whether rows have a column for their task; runs always have one.
    """
    if lines and isinstance(lines[0], SummaryRow):
        return [({"task": row.records[0].task} if with_task else {}) | row_values(row) for row in lines]
    return run_values(lines)


def row_values(row: SummaryRow) -> dict[str, Any]:
    """A line of summary.csv: configuration; mean, standard deviation (n - 1) and n of the monitored metric; others."""
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
    """The lines of results.csv, one for each run: the settings in which they differ, and all metrics."""
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


def serialise(lines: Sequence[Mapping[str, Any]], format: str) -> str:
    """Lines of values as CSV (a column for every key of any line) or as JSON (null for what is not finite)."""
    if format == "json":
        text = json.dumps([_finite(line) for line in lines], indent=2, ensure_ascii=False)
        return _escaped_json(text) + "\n"
    out = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_cell, names))
    writer.writerows([csv_cell(line.get(name)) for name in names] for line in lines)
    return out.getvalue()


NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)


def csv_cell(value: Any) -> Any:
    """A value for a CSV file, with an apostrophe before a text that a spreadsheet would take for a formula.

    Numbers stay numbers, also those that are texts (-1.5). Characters that control a terminal are shown as their codes.
    """
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        return value
    starts = value.lstrip()[:1] in tuple("=+-@＝＋－＠") or value[:1] in tuple("\t\r\n")
    return ("'" if starts else "") + printable(value)


def _escaped_json(text: str) -> str:
    """The same JSON with characters of HTML, and those that control a terminal, as escape sequences."""

    def escaped(found: re.Match[str]) -> str:
        character = found[0]
        if character.isprintable() and character not in "<>&":
            return character
        units = character.encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))

    return re.sub(r"[<>&]|[^\n -~]", escaped, text)


def _finite(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }


def _tested(rows: Sequence[SummaryRow | Record]) -> list[str]:
    """The monitored metric on the test split, where any row has it."""
    name = f"test/{rows[0].monitor.partition('/')[2]}"
    return [name] if any(name in row.metrics for row in rows) else []


def _configurations(rows: Sequence[SummaryRow], metrics: Sequence[str], joined: bool = False) -> TextGrid:
    """A line for each configuration, with a column for each setting, or one for all of them (`joined`)."""
    lost = [
        (head, [getattr(row, name) for row in rows])
        for head, name in (("failed", "failed"), ("open", "unfinished"))
        if any(getattr(row, name) for row in rows)
    ]
    keys = list(rows[0].values)
    head, settings, note = _settings(keys, [list(row.values.values()) for row in rows], joined)
    lines = []
    for place, (row, texts) in enumerate(zip(rows, settings, strict=True)):
        line = [*texts, *(format_spread(row.metrics.get(name)) for name in (row.monitor, *metrics))]
        line += [str(0 if row.score is None else row.score.count), *(str(n[place]) for _, n in lost)]
        line += ["–" if row.parameters is None else f"{row.parameters:,}"]
        line += ["–" if row.seconds is None else duration(row.seconds), row.verdict]
        lines.append(line)
    numbers = ["n", *(name for name, _ in lost), "parameters", "time", "vs best"]
    notes = [note, LEGEND] if len(rows) > 1 else [note]
    head = [*head, rows[0].monitor, *metrics, *numbers]
    return TextGrid(head, lines, len(settings[0]), "\n".join(filter(None, notes)), int(joined))


def _runs(records: Sequence[Record], metrics: Sequence[str], joined: bool = False) -> TextGrid:
    """A line for each run, with settings as in `_configurations`."""
    differing = columns(records)
    values = [[column.values[place] for column in differing] for place in range(len(records))]
    head, settings, note = _settings([column.key for column in differing], values, joined)
    above = Path(os.path.commonpath([record.path.resolve().parent for record in records]))
    lines = []
    for record, texts in zip(records, settings, strict=True):
        line = [str(record.path.resolve().relative_to(above)), *texts, record.status, str(record.seed)]
        line += [format_number(record.best), *(format_number(record.metrics.get(name)) for name in metrics)]
        lines.append([*line, duration(record.seconds)])
    head = ["run", *head, "status"]
    place = f"The runs lie in {above}."
    return TextGrid(
        [*head, "seed", records[0].monitor, *metrics, "time"],
        lines,
        len(head),
        f"{place}\n{note}",
        1 + joined,
    )


def _settings(
    keys: Sequence[str], values: Sequence[Sequence[Any]], joined: bool
) -> tuple[list[str], list[list[str]], str]:
    """The head and the cells of the settings; `joined`, one cell with the settings that deviate from the usual ones.

    The usual value of a setting is its most frequent one; the note, the third result, lists them.
    """
    names = list(short_names(keys).values())
    shown = [
        {name: _short(format_setting(value)) for name, value in zip(names, line, strict=True)}
        for line in values
    ]
    if not joined or len(keys) < 2:
        return names, [list(line.values()) for line in shown], ""
    usual, others = deviations(shown)
    return (
        ["configuration"],
        [[as_overrides(line) or "usual"] for line in others],
        f"Usual: {as_overrides(usual)}.",
    )


def _short(text: str, most: int = 36) -> str:
    """Shorten a long text, such as a path, in its middle."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"
