"""The commands `predict` and `generate`: options are parsed in two stages, for each task brings its own.

The first stage finds RUN, whose checkpoint names the task; the second parses the task's options
(`Task.add_predict_options`, `Task.add_generate_options`) and calls its hook. Nothing here imports torch before RUN is
known, so `--help` without a RUN answers at once.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli import command_line
from throughtime.errors import UserError

if TYPE_CHECKING:
    from throughtime.inference.load import Loaded


def predict(words: Sequence[str]) -> None:
    """Parse `RUN [options of its task]` and let the task predict from a file.

    Beside its options, the task is given `load_task(path)`, which loads another trained task.

    Args:
        words: of the command line, without the program's name.

    Raises:
        UserError: there is no such run, or its task predicts nothing from a file.
    """
    options, loaded = _parse(
        "Predict from new input with a trained model.",
        words,
        lambda task, parser: task.add_predict_options(parser),
    )
    from throughtime.inference.load import load

    options.load_task = lambda path: load(path).task
    loaded.task.predict(options, loaded.config)


def generate(words: Sequence[str]) -> None:
    """Parse `RUN [options of its task]` and let the task write samples.

    Args:
        words: of the command line, without the program's name.

    Raises:
        UserError: there is no such run, or its task writes nothing.
    """
    options, loaded = _parse(
        "Write samples with a trained model.",
        words,
        lambda task, parser: task.add_generate_options(parser),
    )
    loaded.task.generate(options)


def _parse(
    description: str,
    words: Sequence[str],
    add_options: Callable[[Any, argparse.ArgumentParser], None],
) -> tuple[argparse.Namespace, "Loaded"]:
    """The options and the loaded task; `--help` shows those of the task of RUN, where there is one."""
    common = argparse.ArgumentParser(add_help=False)
    command_line.add_weights(common)
    command_line.add_trust(common)
    parser = argparse.ArgumentParser(description=description, parents=[common])
    parser.add_argument("run", metavar="RUN", help="the folder of a run, or a checkpoint")
    run = _run_of(common.parse_known_args(words)[1])
    if run is None:
        parser.epilog = f"Each task has options of its own: {parser.prog} RUN --help shows them."
        parser.parse_args(words)
        raise UserError("name the folder of a run, or a checkpoint, before all options")
    from throughtime.inference.load import CheckpointFile  # only now: this imports torch

    checkpoint = CheckpointFile(run)
    add_options(checkpoint.task_class, parser.add_argument_group(f"task={checkpoint.task_class.name}"))
    options = parser.parse_args(words)
    if options.run != run:
        raise UserError(f"is RUN {run} or {options.run}? Name it before all options")
    return options, checkpoint.load(options.weights)


def _run_of(words: Sequence[str]) -> str | None:
    """The first word if it is no option; else the first that names a file or folder; else None."""
    places = [word for word in words if not word.startswith("-")]
    if words and not words[0].startswith("-"):
        return words[0]
    return next((place for place in places if Path(place).exists()), None)
