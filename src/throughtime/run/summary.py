"""What a run says on the terminal before its first step and after its last."""

import os
from pathlib import Path

from lightning.pytorch import LightningDataModule

from throughtime.run.folder import RunFolder
from throughtime.run.results import Results
from throughtime.task.base import Task


def opening(task: Task, data: LightningDataModule, results: Results, folder: RunFolder) -> str:
    """The task, its data, the size of the model and where the run goes."""
    sizes = ", ".join(f"{size:,} {split}" for split, size in data.sizes.items() if size)
    return (
        f"{task.name}: {results.parameters:,} parameters, seed {results.seed}\n"
        f"data: {data.describe()} ({sizes})\n"
        f"run: {_short(folder.path)}"
    )


def closing(results: Results, folder: RunFolder, report: str = "") -> str:
    """How the run ended, its best metric, its speed, and the exact commands to go on from here."""
    run = _short(folder.path)
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
    if report:
        lines.append(report)
    lines.append(f"run folder   {run}")
    if results.checkpoint is not None:
        lines.append(f"go on        python train.py resume={run}{_more_steps(results)}")
        if results.task == "textgen":
            lines.append(f"generate     python scripts/generate.py {run} --length 500")
    lines.append(f"look         tensorboard --logdir {_short(folder.path.parent.parent)}")
    return "\n".join(lines)


def _more_steps(results: Results) -> str:
    """A completed run goes on only with a larger budget."""
    return f" trainer.max_steps={2 * results.steps}" if results.status == "completed" else ""


def _short(path: Path) -> str:
    """A path relative to the working directory where that is below it."""
    absolute = path.resolve()
    here = Path(os.getcwd()).resolve()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
