"""`rerun=RUN` on the command line: the arguments that repeat a run in a new folder.

Nothing here imports torch (see `throughtime.cli.command_line`).
"""

import re
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from throughtime.cli.sweep_folder import RECORD
from throughtime.config.override_syntax import quoted
from throughtime.config.recorded import read_recorded
from throughtime.errors import UserError
from throughtime.run import folder
from throughtime.run.recorded_data import named_files
from throughtime.run.recorded_files import read_object, read_results

RECORDED = "recorded_run"
"""The name under which Hydra finds a recorded configuration."""

CHANGEABLE = ("hydra.", "debug=trace")
"""Beginnings of the words that may stand beside rerun=; names of files may too."""


def rerun_arguments(arguments: list[str], configurations: Path) -> list[str]:
    """Turn `rerun=RUN …` into arguments that make the run's own recorded configuration the primary one.

    Raises:
        UserError: RUN is not the folder of a run, or another argument would change what is repeated.
    """
    given = [argument for argument in arguments if argument.lstrip("+").startswith("rerun=")]
    path = given[-1].partition("=")[2].strip("'\"") if given else ""
    if path in ("", "null"):
        return arguments
    if (Path(path) / RECORD).is_file():
        raise UserError(f"rerun={path} is the folder of a sweep; name the folder of one of its runs")
    run = folder.existing_run(path, "rerun")
    others = [argument for argument in arguments if argument not in given]
    for argument in others:
        if argument in ("-m", "--multirun"):
            raise UserError(f"rerun={path} repeats a single run; leave {argument} out")
        is_override = not argument.startswith("-") and ("=" in argument or argument.startswith("~"))
        if is_override and not argument.lstrip("+~").startswith(CHANGEABLE) and not named_files([argument]):
            raise UserError(
                f"{argument} cannot be changed on rerun: a run is repeated as it was; start a new one to change it"
            )
    return [
        *recorded_arguments(run),
        f"hydra.run.dir={quoted(_new_folder(run, configurations))}",
        f"++rerun={quoted(str(run.path))}",
        *(f"+{argument}" if argument.startswith("debug=") else argument for argument in others),
    ]


def recorded_arguments(run: folder.RunFolder) -> list[str]:
    """The arguments that make a run's recorded configuration the primary one, with the `hydra` part of this checkout.

    Raises:
        UserError: the recorded configuration cannot be read, or holds more than one may.
    """
    config = with_places_of_data(read_recorded(run.config), run)
    ConfigStore.instance().store(RECORDED, OmegaConf.create(config), provider="throughtime")
    return ["--config-name", RECORDED, "hydra/job_logging=stdout", "hydra.output_subdir=null"]


def with_places_of_data(config: dict[str, Any], run: folder.RunFolder) -> dict[str, Any]:
    """A recorded configuration whose data are found from any working folder.

    Relative paths were typed in the folder that environment.json names. They become absolute where the command is
    given in another folder and the data still lie there.
    """
    try:
        start = read_object(run.environment).get("folder")
    except UserError:
        return config
    return folder.with_data_found(config, start)


def _new_folder(run: folder.RunFolder, configurations: Path) -> str:
    """A new folder for a run of this task; the recorded configuration does not say which option its task was."""
    pattern = OmegaConf.to_container(OmegaConf.load(configurations / "config.yaml"))["hydra"]["run"]["dir"]
    try:
        task = read_results(run.results)["task"]
    except UserError:
        task = "rerun"
    return pattern.replace("${hydra:runtime.choices.task}", re.sub(r"[^\w-]", "_", str(task)))
