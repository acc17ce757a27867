"""What a run says on the terminal before its first step and after its last."""

import math
import os
import shlex
from pathlib import Path

from throughtime.data.base import DataModule
from throughtime.run.build import Config
from throughtime.run.folder import RunFolder
from throughtime.run.results import Results
from throughtime.run.transfer import Transfer
from throughtime.task.base import Task


def opening(
    task: Task,
    data: DataModule,
    results: Results,
    folder: RunFolder,
    transfer: Transfer | None = None,
) -> str:
    """The task, its data, the size of the model, where the run goes, and whose weights it begins with."""
    sizes = ", ".join(f"{size:,} {split}" for split, size in data.sizes.items() if size)
    lines = (
        f"{task.name}: {results.parameters:,} parameters, seed {results.seed}\n"
        f"data: {data.describe()} ({sizes})\n"
        f"run: {_short(folder.path)}"
    )
    return lines if transfer is None else f"{lines}\n{transfer}"


def closing(results: Results, folder: RunFolder, trainer: Config, task: Task) -> str:
    """How the run ended, its best metric, its speed, and the exact commands to go on from here."""
    run = shlex.quote(_short(folder.path))
    lines = ["", f"{results.status} after {results.steps:,} steps, {_clock(results.seconds)}"]
    if results.speed:
        lines[-1] += f", {results.speed:,.0f} tokens/s"
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
        lines.append(f"go on        python train.py resume={run}{_larger_budget(results, trainer)}")
        lines += [f"{label:<12} {command}" for label, command in task.next_commands(run)]
    parent = folder.path.resolve().parent
    # runs/<task>/<run>, or a place of the user's own
    together = parent.parent if parent.name == results.task else parent
    lines.append(f"look         tensorboard --logdir {shlex.quote(_short(together))}")
    return "\n".join(lines)


def _larger_budget(results: Results, trainer: Config) -> str:
    """A completed run goes on only with more of what ended it: twice the steps, the epochs or the time."""
    if results.status != "completed":
        return ""
    if 0 <= trainer["max_steps"] <= results.steps:
        return f" trainer.max_steps={2 * results.steps}"
    if 0 < (trainer["max_epochs"] or 0) <= results.epochs:
        return f" trainer.max_epochs={2 * results.epochs}"
    minutes, seconds = divmod(math.ceil(2 * results.seconds), 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    return f" trainer.max_time={days:02}:{hours:02}:{minutes:02}:{seconds:02}"


def _short(path: Path) -> str:
    """A path relative to the working directory where that is below it."""
    absolute = path.resolve()
    here = Path(os.getcwd()).resolve()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
