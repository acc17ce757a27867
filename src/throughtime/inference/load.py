"""Load a trained task from the folder of a run, or from a checkpoint alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from throughtime.config.registry import locate
from throughtime.inference.averages import RAW, take_average
from throughtime.run.build import Config, restore_task
from throughtime.run.checkpoint import find_checkpoint, read_checkpoint
from throughtime.run.checkpoint_content import FINGERPRINT, check_content, shape_errors_as_user_errors
from throughtime.run.folder import RunFolder
from throughtime.run.recorded_data import recorded_fingerprint
from throughtime.task.base import Task


@dataclass(frozen=True)
class Loaded:
    """A trained task and what it was trained with.

    Attributes:
        task: in evaluation mode, on the CPU.
        config: the whole configuration of its run.
        artifacts: what its data fitted.
        path: the checkpoint.
        fingerprint: the identity of the data that it was trained on, as far as it is recorded.
        step: the optimiser steps that it was trained for.
    """

    task: Task
    config: Config
    artifacts: dict[str, Any]
    path: Path
    fingerprint: Mapping[str, Any]
    step: int


class CheckpointFile:
    """A checkpoint that is read once: first the class of its task, then the trained task.

    Args:
        path: the folder of a run (its best checkpoint), or a checkpoint file.

    Raises:
        UserError: there is no checkpoint, it is damaged, or it is not one of throughtime's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = find_checkpoint(str(path))
        self._content: Mapping[str, Any] = read_checkpoint(self.path)
        check_content(self._content, self.path)

    @cached_property
    def task_class(self) -> type[Task]:
        """The class of the task; nothing is built."""
        return locate(self._content["config"]["task"].get("_target_"), "task").factory

    def load(self, weights: str = RAW) -> Loaded:
        """The trained task.

        Args:
            weights: `raw` as they were trained, or an average that the run kept, `ema` or `average`.

        Raises:
            UserError: the checkpoint has no such weights.
        """
        task = restore_task(self._content, self.path)
        with shape_errors_as_user_errors(self.path):
            take_average(task, self._content, weights)
        content = self._content
        fingerprint = content.get(FINGERPRINT) or recorded_fingerprint(RunFolder(self.path.parent.parent))
        return Loaded(
            task, content["config"], content["artifacts"], self.path, fingerprint, content["global_step"]
        )


def load(path: str | Path, weights: str = RAW) -> Loaded:
    """The trained task at `path`: the folder of a run (its best checkpoint), or a checkpoint file.

    Args:
        path: the folder or the file.
        weights: `raw` as they were trained, or an average that the run kept, `ema` or `average`.

    Raises:
        UserError: there is no checkpoint, it is damaged, it is not one of throughtime's, or it has no such weights.
    """
    return CheckpointFile(path).load(weights)
