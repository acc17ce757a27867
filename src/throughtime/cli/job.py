"""One run as Hydra starts it: a composed configuration is trained, and an error is reported in a sentence."""

import logging
from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from throughtime.cli import command_line
from throughtime.cli.error_report import end_command
from throughtime.config.typed_targets import without_unknown_arguments
from throughtime.errors import Diverged
from throughtime.run.fit import Run, fit_run
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs
from throughtime.run.recorded_data import named_files
from throughtime.run.repeat import repeat
from throughtime.run.results import Results


def run_hydra_job(config: DictConfig) -> float | None:
    """Train as the composed configuration says; the best value of the monitored metric goes to the sweeper."""
    hydra = HydraConfig.get()
    typed = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    folder = RunFolder(Path(hydra.runtime.output_dir))
    is_new = _is_new(folder.path)
    filter_logs()
    try:
        existing = _hydras_own(folder.path, hydra.output_subdir)
        results = train_composed(config, folder, typed, dict(hydra.runtime.choices), existing)
        if reason := results.fail_where_never_finite(folder):
            raise Diverged(f"{reason}; lower optim.optimizer.lr, or see with debug=trace where it begins")
        return results.best
    except Exception as error:
        if hydra.mode is RunMode.RUN:  # here and not later: Hydra would print a line of its own
            end_command(error, typed)
        raise
    finally:
        if is_new:
            with suppress(OSError):  # it holds something
                folder.path.rmdir()


def train_composed(
    config: DictConfig,
    folder: RunFolder,
    typed: list[str],
    choices: dict[str, str | None],
    existing: tuple[str, ...] = (),
) -> Results:
    """Train as a composed configuration says, or repeat the run that its `rerun` names.

    Args:
        config: without Hydra's part.
        folder, choices, existing: as `Run`.
        typed: what the user typed.
    """
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    plain, messages = without_unknown_arguments(plain, typed)
    for message in messages:
        print(message, flush=True)
    if plain.get("rerun") and not plain["resume"]:
        return repeat(plain, folder, named=named_files(typed))
    return fit_run(Run(plain, folder, typed, choices, existing=existing, named=named_files(typed)))


def _is_new(folder: Path) -> bool:
    """Whether Hydra has made this folder for the present command: it is empty, and younger than the command."""
    return not any(folder.iterdir()) and folder.lstat().st_mtime >= command_line.started


def _hydras_own(folder: Path, subdir: str | None) -> tuple[str, ...]:
    """The names in a run's folder that Hydra has written before the run: its records and its log."""
    handlers = (one for one in logging.getLogger().handlers if isinstance(one, logging.FileHandler))
    logs = (Path(one.baseFilename) for one in handlers)
    names = [path.name for path in logs if path.parent.resolve() == folder.resolve()]
    return (*names, *(Path(subdir).parts[:1] if subdir else ()))
