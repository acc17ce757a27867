"""From the path of a run or a checkpoint to a task that can be used; nothing else is needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.errors import UserError
from throughtime.inference.averages import RAW, take_average
from throughtime.run.build import Config, build_task
from throughtime.run.checkpoint import find_checkpoint, read_checkpoint
from throughtime.task.base import Task


@dataclass(frozen=True)
class Loaded:
    """A trained task and what it was trained with.

    Attributes:
        task: in evaluation mode, on the CPU.
        config: the whole configuration of its run.
        artifacts: what its data fitted.
        path: the checkpoint.
    """

    task: Task
    config: Config
    artifacts: dict[str, Any]
    path: Path


def load(path: str | Path, weights: str = RAW) -> Loaded:
    """The trained task at `path`: the folder of a run (its best checkpoint), or a checkpoint file.

    Args:
        path: the folder or the file.
        weights: `raw` as they were trained, or an average that the run kept, `ema` or `average`.

    Raises:
        UserError: there is no checkpoint, it is damaged, it is none of throughtime's, or it has no such weights.
    """
    checkpoint_path = find_checkpoint(str(path))
    checkpoint = read_checkpoint(checkpoint_path)
    if not {"config", "artifacts", "state_dict"} <= checkpoint.keys():
        raise UserError(f"{checkpoint_path} is not a checkpoint of throughtime: it holds no configuration")
    task = build_task(checkpoint["config"], checkpoint["artifacts"])
    task.load_state_dict(checkpoint["state_dict"])
    take_average(task, checkpoint, weights)
    return Loaded(task.eval(), checkpoint["config"], checkpoint["artifacts"], checkpoint_path)
