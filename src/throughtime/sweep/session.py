"""A sweep as it is started or gone on with: its folder, its record, and the jobs that overrides describe."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from throughtime.errors import UserError, check_seed
from throughtime.run.folder import write_json
from throughtime.run.sweep_folder import RECORD, quoted, read_record
from throughtime.sweep.job import Job


@dataclass(frozen=True)
class Session:
    """What a sweeper works with. `begin` makes it.

    Attributes:
        folder: the sweep's. A job's is `folder / str(number)`.
        context, config: Hydra's, with which it composes jobs and makes the launcher.
        arguments: what the user typed when the sweep was started.
        record: what sweep.json says of a sweep that is gone on with; None for one that has yet to be planned.
    """

    folder: Path
    context: HydraContext
    config: DictConfig
    arguments: list[str]
    record: dict[str, Any] | None

    @property
    def fail_fast(self) -> bool:
        """Whether the first job that fails stops the sweep."""
        return bool(self.config.sweep.fail_fast)

    def compose(self, number: int, overrides: Sequence[str], label: str = "") -> Job:
        """The job that these overrides give: all that the user typed, with one value for each swept key.

        Raises:
            UserError: the seed is none.
            HydraException, OmegaConfBaseException: they do not compose; the command line tells it in a sentence.
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
        check_seed(plain["seed"])
        return Job(number, given, {**plain, "resume": None}, choices, label)

    def claim(self) -> None:
        """Make a new sweep's folder its own. Exactly one process can.

        Raises:
            UserError: the folder holds a sweep already, or cannot be written.
        """
        if self.config.resume:  # it was claimed, and its process killed before the plan was whole
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, whole = tempfile.mkstemp(dir=self.folder, prefix=f".{RECORD}.")
            with os.fdopen(descriptor, "w") as file:
                json.dump({"arguments": self.arguments, "planned": False}, file)
            try:
                os.link(whole, self.folder / RECORD)
            finally:
                os.unlink(whole)
        except FileExistsError as error:
            raise UserError(
                f"{self.folder} already holds a sweep; go on with -m resume={self.folder} or give another "
                "hydra.sweep.dir"
            ) from error
        except OSError as error:
            raise UserError(f"hydra.sweep.dir={self.folder} cannot be written: {error.strerror}") from error

    def write(self, **content: Any) -> None:
        """Write sweep.json, whole: from now on a resumption finds `content` in `record`.

        A sweeper that plans all its jobs writes theirs first, so that the plan is whole or not there.
        """
        write_json(self.folder / RECORD, {"arguments": self.arguments, "planned": True, **content})

    def jobs(self) -> list[Job]:
        """All jobs that lie in the folder, by number."""
        return jobs_in(self.folder)


def begin(context: HydraContext, config: DictConfig) -> Session:
    """The session of the sweep that the user started, or goes on with (`resume` in the configuration).

    A new sweep's folder is made by `claim`, after whatever the user may have mistyped was looked at.
    """
    HydraConfig.instance().set_config(config)
    folder = Path(config.hydra.sweep.dir)
    overrides = config.hydra.overrides
    typed = [one for one in overrides.hydra if not one.startswith(("hydra.mode=", "hydra.sweep.dir="))]
    arguments = [*typed, *(one for one in overrides.task if not one.startswith("resume="))]
    # What jobs are composed with: the name of the folder, which has the time and a random part in it, is a constant
    # from here on, also for processes to come; and how jobs are launched is none of their business.
    with read_write(config.hydra):
        config.hydra.sweep.dir = str(folder)
        kept = [
            one
            for one in overrides.hydra
            if not one.lstrip("+").startswith(("hydra/launcher", "hydra.launcher"))
        ]
        overrides.hydra = [*kept, f"hydra.sweep.dir={quoted(str(folder))}"]
    if not config.resume:
        return Session(folder, context, config, arguments, None)
    record = read_record(folder)
    return Session(folder, context, config, record["arguments"], record if record["planned"] else None)


def jobs_in(folder: Path) -> list[Job]:
    """All jobs that lie in a sweep's folder, by number."""
    numbers = (int(path.name) for path in folder.iterdir() if path.name.isdigit())
    return [Job.read(folder / str(number)) for number in sorted(numbers)]
