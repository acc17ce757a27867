"""Session of a sweep that is started or resumed: its folder, its record, and the composition of its jobs."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from throughtime.cli.sweep_folder import RECORD, read_record
from throughtime.config.override_syntax import quoted
from throughtime.errors import UserError, check_seed
from throughtime.files import new_file
from throughtime.run.folder import Created, RunFolder, check_no_links, write_json
from throughtime.sweep.job import JOB, Job
from throughtime.sweep.journal import JOURNAL
from throughtime.sweep.run_job import LOCK, OUTPUT, STOP


@dataclass(frozen=True)
class Session:
    """State of a sweep for its sweeper; `begin` creates it.

    Attributes:
        folder: the sweep's. A job's is `folder / str(number)`.
        context, config: of Hydra, which compose jobs and create the launcher.
        arguments: the user's overrides when the sweep was started.
        record: the content of sweep.json of a resumed sweep; None for one that is not yet planned.
        created: the files that this command creates for a new sweep; None where it resumes one.
        start: the working folder in which the sweep was started, and its relative paths typed.
    """

    folder: Path
    context: HydraContext
    config: DictConfig
    arguments: list[str]
    record: dict[str, Any] | None
    created: Created | None = None
    start: str = field(default_factory=os.getcwd)

    @property
    def fail_fast(self) -> bool:
        """Whether the first job that fails stops the sweep."""
        return bool(self.config.sweep.fail_fast)

    def compose(self, number: int, overrides: Sequence[str], label: str = "") -> Job:
        """Compose the job of these overrides, which have one value for each swept key.

        Raises:
            UserError: the seed is not valid.
            HydraException, OmegaConfBaseException: they do not compose; the command line reports it in a sentence.
        """
        loader = self.context.config_loader
        given = [override for override in overrides if not override.startswith("resume=")]
        config = loader.load_sweep_config(self.config, given)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id = str(number)
            config.hydra.job.num = number
            config.hydra.runtime.output_dir = str(self.folder.resolve() / str(number))
        HydraConfig.instance().set_config(config)
        choices = OmegaConf.to_container(config.hydra.runtime.choices)
        with read_write(config), open_dict(config):
            del config["hydra"]
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        if any("._target_=" in override for override in given):
            from throughtime.config.typed_targets import (
                without_unknown_arguments,  # only now: this imports torch
            )

            plain, _ = without_unknown_arguments(plain, given)
        check_seed(plain["seed"])
        return Job(number, given, {**plain, "resume": None}, choices, label)

    def claim(self) -> None:
        """Claim an empty or missing folder for a new sweep; of several processes exactly one succeeds.

        Raises:
            UserError: the folder holds a sweep already, or anything else, or cannot be written.
        """
        if self.created is None:  # it was claimed, and its process killed before the plan was whole
            return
        try:
            self._check_empty()
            self.created.make_folder(self.folder)
            whole, opened = new_file(self.folder / RECORD)
            try:
                record = {"arguments": self.arguments, "folder": self.start, "planned": False}
                with opened as file:
                    file.write(json.dumps(record).encode())
                os.link(whole, self.folder / RECORD)
            finally:
                os.unlink(whole)
        except FileExistsError as error:
            self.created.remove()
            if not self.folder.is_dir():
                raise UserError(
                    f"hydra.sweep.dir={self.folder} cannot be written: {error.strerror}"
                ) from error
            raise self._holds_a_sweep() from error
        except OSError as error:
            self.created.remove()
            raise UserError(f"hydra.sweep.dir={self.folder} cannot be written: {error.strerror}") from error
        self.created.remember(self.folder / RECORD)
        self.created.expect(self.folder / JOURNAL, self.folder / STOP)

    def _check_empty(self) -> None:
        if os.path.lexists(self.folder / RECORD):
            raise self._holds_a_sweep()
        others = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
        if others:
            raise UserError(
                f"hydra.sweep.dir={self.folder} is not empty (it holds {others[0]}); a new sweep needs a folder that "
                "is empty or not there yet"
            )

    def _holds_a_sweep(self) -> UserError:
        return UserError(
            f"{self.folder} already holds a sweep; go on with -m resume={self.folder} or give another "
            "hydra.sweep.dir"
        )

    def add(self, job: Job) -> None:
        """Write a new job's job.json into its folder, before the job starts."""
        if self.created is not None:
            run = RunFolder(job.folder(self.folder))
            self.created.make_folder(run.path)
            self.created.expect(*(run.path / name for name in (JOB, LOCK, OUTPUT)))
            self.created.expect(run.config, run.overrides, run.results, run.error)
        job.write(self.folder)

    def write(self, **content: Any) -> None:
        """Write sweep.json, whole: from now on a resumption finds `content` in `record`.

        A sweeper that plans all its jobs writes theirs first, so that the plan is complete or missing.
        """
        written = {"arguments": self.arguments, "folder": self.start, "planned": True}
        write_json(self.folder / RECORD, written | content)

    def jobs(self) -> list[Job]:
        """All jobs in the folder, by number."""
        return jobs_in(self.folder)


def begin(context: HydraContext, config: DictConfig) -> Session:
    """Begin the session of a new sweep, or of a resumed one (`resume` in the configuration).

    `claim` creates a new sweep's folder, after the user's overrides have been checked.
    """
    HydraConfig.instance().set_config(config)
    folder = Path(config.hydra.sweep.dir)
    overrides = config.hydra.overrides
    typed = [one for one in overrides.hydra if not one.startswith(("hydra.mode=", "hydra.sweep.dir="))]
    arguments = [*typed, *(one for one in overrides.task if not one.startswith("resume="))]
    # Jobs are composed with a constant name of the folder, which has the time and a random part in it, in this process
    # and later ones, and without the settings of the launcher.
    with read_write(config.hydra):
        config.hydra.sweep.dir = str(folder)
        kept = [
            one
            for one in overrides.hydra
            if not one.lstrip("+").startswith(("hydra/launcher", "hydra.launcher"))
        ]
        overrides.hydra = [*kept, f"hydra.sweep.dir={quoted(str(folder))}"]
    if not config.resume:
        return Session(folder, context, config, arguments, None, Created())
    record = read_record(folder)
    check_no_links(folder)
    start = record.get("folder")
    known = {"start": start} if isinstance(start, str) else {}
    planned = record if record["planned"] else None
    return Session(folder, context, config, record["arguments"], planned, **known)


def jobs_in(folder: Path) -> list[Job]:
    """All jobs in a sweep's folder, by number."""
    numbers = (int(path.name) for path in folder.iterdir() if path.name.isdigit())
    return [Job.read(folder / str(number)) for number in sorted(numbers)]
