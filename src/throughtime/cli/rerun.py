"""`rerun=RUN` on the command line: the arguments that repeat a run in a new folder.

Nothing here imports torch (see `throughtime.cli.command_line`).
"""

from pathlib import Path

from omegaconf import OmegaConf

from throughtime.cli.sweep_folder import RECORD, quoted
from throughtime.errors import UserError
from throughtime.run import folder

CHANGEABLE = ("hydra.", "debug=trace")


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
        if is_override and not argument.lstrip("+~").startswith(CHANGEABLE):
            raise UserError(
                f"{argument} cannot be changed on rerun: a run is repeated as it was; start a new one to change it"
            )
    return [
        *("--config-path", str(run.path.resolve()), "--config-name", run.config.stem),
        f"hydra.searchpath=[{quoted(f'file://{configurations}')}]",
        *("hydra/job_logging=stdout", "hydra.output_subdir=null"),
        f"hydra.run.dir={quoted(_new_folder(run, configurations))}",
        f"++rerun={quoted(str(run.path))}",
        *(f"+{argument}" if argument.startswith("debug=") else argument for argument in others),
    ]


def _new_folder(run: folder.RunFolder, configurations: Path) -> str:
    """Where a run of this task goes; the recorded configuration does not say which option its task was."""
    pattern = OmegaConf.to_container(OmegaConf.load(configurations / "config.yaml"))["hydra"]["run"]["dir"]
    target = OmegaConf.select(OmegaConf.load(run.config), "task._target_", default=None)
    if not isinstance(target, str) or "." not in target:
        raise UserError(f"rerun={run.path}: its config.yaml names no task, so it cannot be repeated")
    return pattern.replace("${hydra:runtime.choices.task}", target.split(".")[-2])
