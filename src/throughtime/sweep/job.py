"""One job of a sweep: a whole resolved configuration with a folder of its own, and what came of it.

Nothing here imports torch, so that a sweep is planned, resumed and told about within its first second.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from throughtime.config.recorded import check_recorded
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder, write_json

JOB = "job.json"
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it was built
NOT_PART_OF_A_JOB = ("resume", "rerun", "sweep")

COMPLETED, FAILED, INTERRUPTED, WAITING = "completed", "failed", "interrupted", "waiting"


def identity(config: Mapping[str, Any]) -> str:
    """The job that a configuration describes: the same for the same values, in whatever order they stand.

    How the run was started (`resume`, `rerun`) and what the sweep does around it (`sweep`) are no part of it.
    """
    described = {name: value for name, value in config.items() if name not in NOT_PART_OF_A_JOB}
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """What is trained, as job.json in the job's folder keeps it: a change in conf/ cannot change the job.

    Attributes:
        number: its place in the sweep, from 0; the name of its folder.
        overrides: what the user typed, with one value for each swept key: `["task=textgen", "cell=gru", "seed=1"]`.
        config: the whole resolved configuration in plain containers.
        choices: the option chosen for each config group.
        label: what sets it apart from the sweep's other jobs, for the lines on the terminal: "cell=gru seed=1".
    """

    number: int
    overrides: list[str]
    config: dict[str, Any]
    choices: dict[str, str | None]
    label: str = ""

    @property
    def identity(self) -> str:
        return identity(self.config)

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
            written = json.loads(path.read_text(encoding="utf-8"))
            job = cls(**{field.name: written[field.name] for field in fields(cls)})
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; it is not the folder of a sweep's job") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); start the sweep anew") from error
        check_recorded(job.config, f"{path}: config")
        if str(job.number) != folder.name:
            raise UserError(f"{path} is that of job {job.number}; it lies in the folder {folder.name}")
        if written["identity"] != job.identity:
            raise UserError(f"{path} was changed: its configuration is not the one that the sweep planned")
        return job


@dataclass(frozen=True)
class Outcome:
    """What came of a job. A job that raises is an outcome, never an exception.

    Attributes:
        number: the job's.
        folder: the job's folder, a run folder like any other, with job.json besides.
        status: completed; failed (it raised, or its monitored metric was never finite: error.txt says why);
            interrupted (a signal came and its state is saved, its process was killed, or the machine withheld what
            it needs to go on from its checkpoint); waiting (not begun).
        monitor: the name of the monitored metric, where the run came so far as to know it.
        value: the best value of that metric; NaN where there is none.
        seconds: of training.
        error: why it failed or was interrupted, in a line; None where there is nothing to tell.
        mistake: whether it is a mistake of the user's that was found before the first step.
    """

    number: int
    folder: Path
    status: str
    monitor: str = ""
    value: float = float("nan")
    seconds: float = 0.0
    error: str | None = None
    mistake: bool = False


def outcome_of(job: Job, sweep: Path) -> Outcome:
    """What the files in a job's folder tell of it, whichever process wrote them, and however it ended."""
    folder = RunFolder(job.folder(sweep))
    if not _holds(folder, job):
        return Outcome(job.number, folder.path, WAITING)
    try:
        results = json.loads(folder.results.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = _lines(folder.error)
        return Outcome(job.number, folder.path, INTERRUPTED, error=told[-1] if told else None)
    status = INTERRUPTED if results["status"] == "running" else results["status"]
    told = _lines(folder.error) if status in (FAILED, INTERRUPTED) else []
    return Outcome(
        number=job.number,
        folder=folder.path,
        status=status,
        monitor=results["monitor"],
        value=float("nan") if results["best"] is None else float(results["best"]),
        seconds=results["seconds"],
        error=told[-1] if told else None,
        mistake=status == FAILED and len(told) == 1 and results["steps"] == 0,
    )


def _holds(folder: RunFolder, job: Job) -> bool:
    """Whether the run in the folder is this job: its recorded configuration has the job's identity."""
    try:
        recorded = yaml.load(folder.config.read_text(encoding="utf-8"), Loader)
    except (OSError, yaml.YAMLError):
        return False
    return isinstance(recorded, dict) and identity(recorded) == job.identity


def _lines(path: Path) -> list[str]:
    """The lines of a file that say something; none of a file that is not there."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError:
        return []
