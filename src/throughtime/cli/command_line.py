"""The command line of train.py and of the scripts: words are read, and errors end in one sentence and an exit code.

Nothing here imports torch, so that `--help`, `--cfg job` and a mistyped key answer within about a second.
"""

import argparse
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from omegaconf import OmegaConf

from throughtime.cli import sweep_folder
from throughtime.cli.error_report import end_command, write_what_can_be_written
from throughtime.cli.external_launcher import launched_arguments, led_by_rank_0
from throughtime.cli.recipes import check_recipes
from throughtime.cli.rerun import recorded_arguments, rerun_arguments
from throughtime.cli.sweep_folder import sweep_arguments
from throughtime.config.override_syntax import expand_home, quoted
from throughtime.config.trust import make_importable, take_word, trust
from throughtime.errors import UserError
from throughtime.run import folder
from throughtime.run.recorded_data import named_files

CHANGEABLE_ON_RESUME = ("trainer.", "callback.", "decode.", "logger.", "hydra.", "debug=")
MULTIRUN = ("-m", "--multirun")

started = math.inf
"""Start of the present command in seconds since the epoch; infinite where this process runs none."""


def run_command(main: Callable[[], object]) -> None:
    """Run a Hydra main function; every exception is reported by `throughtime.cli.error_report`."""
    global started
    started = time.time()
    write_what_can_be_written()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing them
    # Before torch is imported: it would warn of a setting that is intended (see conf/trainer/ddp.yaml).
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    register_resolvers()
    # Our launchers' settings have the names of the plugins' own, which check them; Hydra warns of that.
    warnings.filterwarnings(
        "ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema"
    )
    typed = sys.argv[1:]
    configurations = Path(sys.argv[0]).resolve().parent / "conf"
    try:
        words = expand_home(take_word(typed))
        with led_by_rank_0() as place:
            if place is not None:
                words = launched_arguments(words, place, CHANGEABLE_ON_RESUME)
            _check_sweep_flag(words)
            sys.argv[1:] = resume_arguments(rerun_arguments(words, configurations))
            check_recipes(sys.argv[1:], configurations)
            main()
    except BaseException as error:
        end_command(error, typed, configurations)


def register_resolvers() -> None:
    """Register `${token:}`, for the names of folders, and make `${oc.env:NAME}` an error.

    The value of a variable of the environment would be written into the files, checkpoints and figures of the run.
    """
    OmegaConf.register_new_resolver("token", folder.token, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("oc.env", _refuse_environment, replace=True)


def _refuse_environment(name: str, *default: object) -> NoReturn:
    raise ValueError(
        f"${{oc.env:{name}}} would write what the environment holds into the files of the run; give the value itself"
    )


def _check_sweep_flag(words: list[str]) -> None:
    """Raise `UserError` for `sweep=…` without -m: Hydra would train a single run and sweep over nothing."""
    for word in words:
        chosen = word.lstrip("+").removeprefix("sweep=")
        if (
            chosen != word.lstrip("+")
            and chosen not in ("", "null")
            and not {*MULTIRUN, "--cfg", "-c"} & {*words}
        ):
            raise UserError(
                f"{word} plans several runs, which needs -m: python train.py -m {' '.join(words)}"
            )


def run_script(main: Callable[[], object]) -> None:
    """Run the main function of a script; every exception is reported by `throughtime.cli.error_report`."""
    write_what_can_be_written()
    try:
        make_importable()
        main()
        sys.stdout.flush()  # here a full disk or a closed pipe is still reported
    except BaseException as error:
        end_command(error, sys.argv[1:])


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the option that every script with a checkpoint has: the choice among its weights."""
    parser.add_argument(
        "--weights",
        default="raw",
        choices=("raw", "ema", "average"),
        help="the weights as trained (default), or an average that the run kept",
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the option of every script that uses a checkpoint for code of the user's own; it counts at once."""
    parser.add_argument(
        "--trust",
        type=trust,
        metavar="PACKAGE",
        help="a package or a folder of your own whose classes the checkpoint may build",
    )


def resume_arguments(arguments: list[str]) -> list[str]:
    """Turn `resume=RUN …` into arguments that make the run's own recorded configuration the primary one.

    Of a sweep they are those that it was started with.

    The recorded configuration is whole and resolved, so a change in conf/ since then cannot change the run.

    Raises:
        UserError: RUN is not the folder of a run or a sweep, or another argument would change what it is.
    """
    given = [argument for argument in arguments if argument.startswith("resume=")]
    if not given or given[-1] in ("resume=", "resume=null"):
        # Hydra reads -m only before or after all others.
        return sorted(arguments, key=lambda argument: argument not in MULTIRUN)
    path = given[-1].removeprefix("resume=").strip("'\"")
    others = [argument for argument in arguments if argument not in given]
    if (Path(path) / sweep_folder.RECORD).is_file():
        return sweep_arguments(path, [argument for argument in others if argument not in MULTIRUN])
    run = folder.existing_run(path, "resume")
    if not set(MULTIRUN).isdisjoint(others):
        raise UserError(f"resume={path} is the folder of a run, not of a sweep; leave -m out")
    for argument in others:
        if argument.lstrip("+~").startswith("hydra.run.dir"):
            raise UserError(f"{argument}: a run goes on in its own folder {path}; leave hydra.run.dir out")
        is_override = not argument.startswith("-") and ("=" in argument or argument.startswith("~"))
        changes_file = named_files([argument]) and not argument.lstrip("+").startswith("init_from=")
        if is_override and not argument.lstrip("+~").startswith(CHANGEABLE_ON_RESUME) and not changes_file:
            raise UserError(
                f"{argument} cannot be changed on resume: a run goes on with its own configuration; only keys of "
                "trainer, callback, decode and logger, and the paths of its data, can be changed"
            )
    return [
        *recorded_arguments(run),
        f"hydra.run.dir={quoted(path)}",
        f"resume={quoted(path)}",
        # The recorded configuration has no list of defaults to choose from, so a debug mode is added to it.
        *(f"+{argument}" if argument.startswith("debug=") else argument for argument in others),
    ]
