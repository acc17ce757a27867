"""Record of a run, read from its folder: its configuration and its results."""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from throughtime.config.flat_config import flat
from throughtime.config.recorded import read_mapping
from throughtime.errors import UserError, printable
from throughtime.run.folder import RunFolder
from throughtime.run.recorded_files import error_lines, read_results

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes:
        path: its folder.
        status: completed, running, interrupted or failed; a run that was killed says running.
        config: the whole configuration, flat, by dotted keys.
        choices: the option chosen for each config group, as far as the run recorded it.
        overrides: the user's overrides.
        metrics: the final value of every metric; `best` is the best value of the one that is monitored.
        mode: whether "min" or "max" of the monitored metric is best.
        error: why it failed, in a line; None where it did not.
    """

    path: Path
    status: str
    task: str
    seed: int
    monitor: str
    mode: str
    config: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    parameters: int = 0
    steps: int = 0
    seconds: float = 0.0
    error: str | None = None


def read(folder: Path) -> Record:
    """Read the record of the run in this folder.

    Raises:
        UserError: a file is missing or damaged.
    """
    run = RunFolder(Path(folder))
    try:
        results, config = read_results(run.results), read_mapping(run.config)
    except UserError as error:
        raise UserError(f"{error}; the run is left out") from error
    lines = error_lines(run.error)
    try:
        return Record(
            path=run.path,
            config=flat(config),
            error=lines[-1] if lines else None,
            choices=results.get("choices", {}),
            **{name: results[name] for name in READ},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{run.results} is not the results of a run; it lacks {error}") from error


READ = (
    *("status", "task", "seed", "monitor", "mode", "overrides"),
    *("metrics", "best", "parameters", "steps", "seconds"),
)


def find(paths: Iterable[str | Path]) -> list[Record]:
    """Read the records of all runs in these folders, at any depth, in the order of their paths (2 before 10).

    A run that cannot be read (it is being written, or damaged) is left out with a warning.

    Raises:
        UserError: there is no such folder, or the path is a file.
    """
    records: dict[Path, Record] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            what = (
                "is a file; name the folder of a run, or one above it" if path.exists() else "does not exist"
            )
            raise UserError(f"{path} {what}")
        for folder in _runs_below(path):
            if folder.resolve() in records:
                continue
            try:
                records[folder.resolve()] = read(folder)
            except UserError as error:
                log.warning("%s", printable(str(error)))
    return [records[place] for place in sorted(records, key=_with_numbers)]


def _runs_below(top: Path) -> Iterator[Path]:
    """Every folder with the results of a run; runs are not nested."""
    for place, folders, files in os.walk(top):
        if "results.json" in files:
            folders.clear()
            yield Path(place)
        elif "config.yaml" in files and "checkpoints" in folders:
            folders.clear()
            log.warning("%s has no results yet, so it is left out", printable(place))


def _with_numbers(path: Path) -> list[tuple[int, str]]:
    """A sort key of paths by which job 10 follows job 9."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]
