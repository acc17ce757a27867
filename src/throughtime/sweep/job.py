"""One job of a sweep: a resolved configuration with a folder of its own, and its outcome.

Nothing here imports torch, so that a sweep is planned, resumed and reported within its first second.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from throughtime.cli.sweep_folder import RECORD
from throughtime.config.recorded import check_recorded, read_mapping
from throughtime.errors import UserError
from throughtime.files import read_start
from throughtime.run.folder import RunFolder, with_data_in, write_json
from throughtime.run.recorded_files import LARGEST, error_lines, read_object, read_results

JOB = "job.json"
NOT_IDENTIFYING = ("resume", "rerun", "sweep")

COMPLETED, FAILED, INTERRUPTED, WAITING = "completed", "failed", "interrupted", "waiting"


def config_identity(config: Mapping[str, Any]) -> str:
    """A hash of a configuration, independent of the order of its keys.

    The start of the run (`resume`, `rerun`) and the settings of the sweep (`sweep`) are not part of it.
    """
    described = {name: value for name, value in config.items() if name not in NOT_IDENTIFYING}
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """A planned job, as job.json in its folder records it, so that a change in conf/ cannot change the job.

    Attributes:
        number: its position in the sweep, from 0; the name of its folder.
        overrides: the user's overrides, with one value for each swept key: `["task=textgen", "cell=gru", "seed=1"]`.
        config: the whole resolved configuration in plain containers.
        choices: the option chosen for each config group.
        label: the swept values, for the lines on the terminal: "cell=gru seed=1".
    """

    number: int
    overrides: list[str]
    config: dict[str, Any]
    choices: dict[str, str | None]
    label: str = ""

    @property
    def identity(self) -> str:
        return config_identity(self.config)

    def folder(self, sweep: Path) -> Path:
        """The job's folder in that of its sweep."""
        return sweep / str(self.number)

    def write(self, sweep: Path) -> None:
        """Write job.json, whole or not at all, before the job starts."""
        folder = self.folder(sweep)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / JOB, {"identity": self.identity, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job whose folder this is.

        Raises:
            UserError: job.json is missing or damaged, or was changed by hand.
        """
        path = folder / JOB
        try:
            written = json.loads(read_start(path, LARGEST).decode("utf-8"))
            if not isinstance(written, dict):
                raise ValueError("it holds no JSON object")
            if missing := [field.name for field in fields(cls) if field.name not in written]:
                raise ValueError(f"it lacks {missing[0]}")
            job = cls(**{field.name: written[field.name] for field in fields(cls)})
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; it is not the folder of a sweep's job") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} is damaged ({error}); start the sweep anew") from error
        if not (
            _is_list_of_texts(job.overrides) and isinstance(job.choices, dict) and isinstance(job.label, str)
        ):
            raise UserError(f"{path} is damaged: its overrides, choices or label are of the wrong kind")
        check_recorded(job.config, f"{path}: config")
        if str(job.number) != folder.name:
            raise UserError(f"{path} is that of job {job.number}; it lies in the folder {folder.name}")
        if written.get("identity") != job.identity:
            raise UserError(f"{path} was changed: its configuration is not the one that the sweep planned")
        return job


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job; a job that raises is an outcome, never an exception.

    Attributes:
        number: the job's.
        folder: the job's folder: a run folder with job.json in addition.
        status: completed; failed (it raised, or its monitored metric was never finite: error.txt says why);
            interrupted (a signal came and its state is saved, its process was killed, or a resource was unavailable and
            it can resume from its checkpoint); waiting (not started).
        monitor: the name of the monitored metric, where it is known.
        value: the best value of that metric; NaN where there is none.
        seconds: of training.
        error: why it failed or was interrupted, in a line; None where there is no reason recorded.
        user_error: whether it failed by an error of the user's before the first step.
    """

    number: int
    folder: Path
    status: str
    monitor: str = ""
    value: float = float("nan")
    seconds: float = 0.0
    error: str | None = None
    user_error: bool = False


def outcome_of(job: Job, sweep: Path) -> Outcome:
    """Read the outcome of a job from the files in its folder, whichever process wrote them and however it ended."""
    folder = RunFolder(job.folder(sweep))
    if not _holds(folder, job):
        return Outcome(job.number, folder.path, WAITING)
    try:
        results = read_results(folder.results, ("status", "monitor", "best", "seconds", "steps"))
    except UserError:
        lines = error_lines(folder.error)
        return Outcome(job.number, folder.path, INTERRUPTED, error=lines[-1] if lines else None)
    status = INTERRUPTED if results["status"] == "running" else results["status"]
    lines = error_lines(folder.error) if status in (FAILED, INTERRUPTED) else []
    return Outcome(
        number=job.number,
        folder=folder.path,
        status=status,
        monitor=results["monitor"],
        value=float("nan") if results["best"] is None else float(results["best"]),
        seconds=results["seconds"],
        error=lines[-1] if lines else None,
        user_error=status == FAILED and len(lines) == 1 and results["steps"] == 0,
    )


def _holds(folder: RunFolder, job: Job) -> bool:
    """Whether the run in the folder is this job: its recorded configuration has the job's identity."""
    try:
        recorded = read_mapping(folder.config)
    except (UserError, RecursionError):
        return False
    start = started_in(folder.path.parent)
    if start is None or config_identity(recorded) == job.identity:
        return config_identity(recorded) == job.identity
    # A job that went on from another folder has recorded the places of its data.
    placed = (config_identity(with_data_in(config, start)) for config in (recorded, job.config))
    return next(placed) == next(placed)


def started_in(sweep: Path) -> str | None:
    """The working folder in which a sweep was started and its relative paths typed; None where it is unknown."""
    try:
        start = read_object(sweep / RECORD).get("folder")
    except UserError:
        return None
    return start if isinstance(start, str) else None


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
