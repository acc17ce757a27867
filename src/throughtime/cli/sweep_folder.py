"""The folder of a sweep, as far as the command line looks into it: what the user typed when it was started."""

import re
import sys
from pathlib import Path
from typing import Any

from throughtime.config.override_syntax import quoted
from throughtime.errors import UserError
from throughtime.run.recorded_files import read_object

RECORD = "sweep.json"
CHANGEABLE_ON_RESUME = ("hydra/launcher=", "hydra.launcher.", "hydra.sweeper.", "sweep.")


def read_record(folder: Path) -> dict[str, Any]:
    """The content of sweep.json.

    Raises:
        UserError: the folder holds no sweep, or its record is damaged.
    """
    if not (folder / RECORD).is_file():
        raise UserError(f"{folder / RECORD}: there is no such file; {folder} is not the folder of a sweep")
    try:
        record = read_object(folder / RECORD)
    except UserError as error:
        raise UserError(f"{error}; start the sweep anew") from error
    arguments = record.get("arguments")
    is_list = isinstance(arguments, list) and all(isinstance(one, str) for one in arguments)
    if not is_list or not isinstance(record.get("planned"), bool):
        raise UserError(f"{folder / RECORD} is damaged: it lacks arguments or planned; start the sweep anew")
    return record


def sweep_arguments(path: str, others: list[str]) -> list[str]:
    """Turn `resume=SWEEP …` into what the user typed when the sweep was started, and how it is run from now on.

    Raises:
        UserError: another argument would change what the sweep compares.
    """
    folder = Path(path)
    for argument in others:
        if argument.startswith("-") or argument.lstrip("+").startswith(CHANGEABLE_ON_RESUME):
            continue
        raise UserError(
            f"{argument} cannot be changed on resume: a sweep goes on with its own jobs; only keys of hydra/launcher, "
            "hydra.sweeper and sweep can be changed"
        )
    now = {_key(argument) for argument in others}
    recorded = [str(argument) for argument in read_record(folder)["arguments"]]
    before = [argument for argument in recorded if _key(argument) not in now]
    for argument in before:
        if not _is_data(argument):
            print(
                f"{argument} is not taken from {folder / RECORD}; type it again where you mean it",
                file=sys.stderr,
            )
    before = [argument for argument in before if _is_data(argument)]
    return ["-m", *before, *others, f"hydra.sweep.dir={quoted(path)}", f"resume={quoted(path)}"]


def _is_data(argument: str) -> bool:
    """Whether a recorded argument says what is trained, and nothing that Hydra acts on but a launcher by its name."""
    if re.fullmatch(r"hydra/launcher=\w+|hydra\.launcher\.n_jobs=-?\d+", argument):
        return True
    key = argument.lstrip("+~").partition("=")[
        0
    ]  # a group may be put below another, as in cell@hydra.callbacks
    return "hydra" not in key and key != "trust" and not key.startswith("-") and "${" not in argument


def _key(argument: str) -> str:
    return argument.partition("=")[0].lstrip("+")
