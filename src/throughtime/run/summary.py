"""Messages of a run on the terminal, before its first step and after its last."""

import math
import os
import shlex
from pathlib import Path

from throughtime.callback.display import duration
from throughtime.config.trust import as_option, as_override
from throughtime.data.base import DataModule
from throughtime.run.build import Config
from throughtime.run.folder import RunFolder
from throughtime.run.loggers import viewing_commands
from throughtime.run.results import Results
from throughtime.run.transfer import Transfer
from throughtime.task.base import Task


def start_message(
    task: Task,
    data: DataModule,
    results: Results,
    folder: RunFolder,
    transfer: Transfer | None = None,
) -> str:
    """The task, its data, the number of parameters, the run's folder, and the origin of its first weights."""
    sizes = ", ".join(f"{size:,} {split}" for split, size in data.sizes.items() if size)
    lines = (
        f"{task.name}: {results.parameters:,} parameters, seed {results.seed}\n"
        f"data: {data.describe()} ({sizes})\n"
        f"run: {_short(folder.path)}"
    )
    return lines if transfer is None else f"{lines}\n{transfer}"


def end_message(results: Results, folder: RunFolder, config: Config, task: Task) -> str:
    """Status, best metric and speed of the run, and the exact commands that continue from here."""
    run = shlex.quote(_short(folder.path))
    lines = ["", f"{results.status} after {results.steps:,} steps, {_with_unit(results.seconds)}"]
    if results.speed:
        lines[-1] += f", {results.speed:,.0f} {results.unit}/s"
    if results.best is not None:
        lines.append(f"best {results.monitor} {results.best:.4f} at step {results.best_step:,}")
    tested = {name: value for name, value in sorted(results.metrics.items()) if name.startswith("test/")}
    if tested:
        lines.append(
            "test " + "  ".join(f"{name.removeprefix('test/')} {value:.4f}" for name, value in tested.items())
        )
    if table := task.summary_table():
        lines.append(table)
    lines.append(f"run folder   {run}")
    if results.checkpoint is not None:
        larger = _larger_budget(results, config["trainer"])
        lines.append(f"go on        python train.py resume={run}{larger}{as_override()}")
        lines += [f"{label:<12} {command}{as_option()}" for label, command in task.next_commands(run)]
    parent = folder.path.resolve().parent
    # runs/<task>/<run>, or a place of the user's own
    above = parent.parent if parent.name == results.task else parent
    viewers = viewing_commands(config.get("logger"), _short(folder.path), _short(above))
    lines += [f"look         {command}" for command in viewers]
    return "\n".join(lines)


def _larger_budget(results: Results, trainer: Config) -> str:
    """The override that a completed run needs to continue: twice the steps, the epochs or the time that it had."""
    if results.status != "completed":
        return ""
    steps, epochs = trainer["max_steps"], trainer["max_epochs"] or 0
    stopped = trainer["max_time"] is None  # by a callback, such as early stopping, if nothing is used up
    if 0 <= steps <= results.steps or (stopped and steps > 0 and not 0 < epochs <= results.epochs):
        return f" trainer.max_steps={2 * max(steps, results.steps)}"
    if epochs > 0 and (stopped or epochs <= results.epochs):
        return f" trainer.max_epochs={2 * max(epochs, results.epochs)}"
    minutes, seconds = divmod(math.ceil(2 * results.seconds), 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    return f" trainer.max_time={days:02}:{hours:02}:{minutes:02}:{seconds:02}"


def _short(path: Path) -> str:
    """A path relative to the working directory where that is below it."""
    absolute = path.resolve()
    here = Path(os.getcwd()).resolve()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _with_unit(seconds: float) -> str:
    return duration(seconds) + (" min" if round(seconds) < 3600 else "")
