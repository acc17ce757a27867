"""A sweep as it is started or gone on with: its folder, its record, and the jobs that overrides describe."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from throughtime.errors import UserError
from throughtime.run.folder import write_json
from throughtime.sweep.job import Job

RECORD = "sweep.json"


@dataclass(frozen=True)
class Session:
    """What a sweeper works with. `begin` makes it.

    Attributes:
        folder: the sweep's. A job's is `folder / str(number)`.
        context, config: Hydra's, with which it composes jobs and makes the launcher.
        record: what sweep.json says of a sweep that is gone on with; None for a new one.
    """

    folder: Path
    context: HydraContext
    config: DictConfig
    record: dict[str, Any] | None

    @property
    def fail_fast(self) -> bool:
        """Whether the first job that fails stops the sweep."""
        return bool(self.config.sweep.fail_fast)

    def compose(self, number: int, overrides: list[str]) -> Job:
        """The job that these overrides give (all that the user typed, with one value for each swept key).

        Raises:
            HydraException, OmegaConfBaseException: they do not compose; the command line tells it in a sentence.
        """
        loader = self.context.config_loader
        config = loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
            config.hydra.runtime.output_dir = str(self.folder.resolve() / str(number))
        HydraConfig.instance().set_config(config)
        choices = OmegaConf.to_container(config.hydra.runtime.choices)
        with open_dict(config):
            del config["hydra"]
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        return Job(number, list(overrides), plain, choices)

    def write(self, content: dict[str, Any]) -> None:
        """Write sweep.json, from which the sweep can be gone on with; of a new sweep after its jobs' job.json.

        Args:
            content: what the sweeper wants to find in `record` on resuming, plain; `arguments` (what the user
                typed) must be in it, for the command line composes a resumed sweep from these.

        Raises:
            UserError: the folder cannot be written.
        """
        write_json(self.folder / RECORD, content)

    def jobs(self) -> list[Job]:
        """All jobs that lie in the folder, by number."""
        numbers = sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())
        return [Job.read(self.folder / str(number)) for number in numbers]


def begin(context: HydraContext, config: DictConfig) -> Session:
    """The session of the sweep that the user started, or goes on with (`resume` in the configuration).

    A new sweep's folder is made by `claim`, after whatever the user may have mistyped was looked at.
    """
    folder = Path(config.hydra.sweep.dir)
    record = None
    if config.resume:
        record = read_record(folder)
    return Session(folder, context, config, record)


def read_record(folder: Path) -> dict[str, Any]:
    """What sweep.json says.

    Raises:
        UserError: the folder holds no sweep, or the sweep was stopped before it had begun.
    """
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"resume={folder}: the folder holds no {RECORD}, so there is no sweep to go on with; start it anew"
        ) from error
    except ValueError as error:
        raise UserError(f"{folder / RECORD} is damaged; start the sweep anew") from error
