"""Difference of two runs in configuration, environment, data and metrics."""

from collections.abc import Mapping
from typing import Any

from throughtime.config.flat_config import MISSING, differences, flat
from throughtime.errors import check_choice
from throughtime.report.grid import TextGrid, as_markdown, as_terminal_text
from throughtime.report.numbers import format_number, format_setting
from throughtime.report.record import Record, read
from throughtime.report.table import FORMATS, serialise
from throughtime.run.folder import RunFolder, existing_run
from throughtime.run.recorded_files import read_object

SECTIONS = ("configuration", "environment", "data", "metrics")
OF_THE_COMMAND = ("command", "folder")
"""Entries of environment.json that differ between any two runs."""


def difference(first: str, second: str, format: str = "terminal") -> str:
    """Describe the differences between two runs.

    Raises:
        UserError: a folder is not that of a run, cannot be read, or the format is not known.
    """
    check_choice(FORMATS, format=format)
    records = [read(existing_run(path, "--diff").path) for path in (first, second)]
    found = compare(*records)
    if format in ("csv", "json"):
        lines = [
            {"part": section, "key": key, "first": one, "second": other}
            for section, pairs in found.items()
            for key, (one, other) in pairs.items()
        ]
        return serialise(lines, format)
    return "\n".join(_section(name, pairs, format) for name, pairs in found.items())


def compare(first: Record, second: Record) -> dict[str, dict[str, tuple[Any, Any]]]:
    """The differences by sections, in the order of `SECTIONS`."""
    environments = [_environment(record) for record in (first, second)]
    fingerprints = [flat({"data": environment.pop("data", {})}) for environment in environments]
    outcomes = [
        {
            "status": one.status,
            "best": one.best,
            "steps": one.steps,
            "parameters": one.parameters,
            **one.metrics,
        }
        for one in (first, second)
    ]
    pairs = ((first.config, second.config), map(flat, environments), fingerprints, outcomes)
    return {name: differences(*pair) for name, pair in zip(SECTIONS, pairs, strict=True)}


def _environment(record: Record) -> dict[str, Any]:
    """The content of environment.json; empty for a run without one."""
    path = RunFolder(record.path).environment
    if not path.exists():
        return {}
    content = read_object(path)
    return {name: value for name, value in content.items() if name not in OF_THE_COMMAND}


def _section(name: str, pairs: Mapping[str, tuple[Any, Any]], format: str) -> str:
    if not pairs:
        return f"{name}: no difference\n"
    show = _metric if name == "metrics" else _as_override
    lines = [[key, show(one), show(other)] for key, (one, other) in pairs.items()]
    grid = TextGrid([name, "first", "second"], lines, 3, wraps=3)
    return as_markdown(grid) if format == "markdown" else as_terminal_text([grid])


def _metric(value: Any) -> str:
    return value if value == MISSING else format_number(value)


def _as_override(value: Any) -> str:
    return format_setting(value) or "null"
