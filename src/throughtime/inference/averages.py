"""Choice of a checkpoint's weights: those of the last step, or an average that the run kept."""

from typing import Any

import torch

from throughtime.callback.averages import AVERAGE, AVERAGES, EMA
from throughtime.errors import UserError, check_choice
from throughtime.task.base import Task

RAW = "raw"
TURNED_ON_BY = {EMA: "callback.ema.decay=0.999", AVERAGE: "callback.average.count=5"}


def take_average(task: Task, checkpoint: dict[str, Any], name: str) -> None:
    """Put an average that a checkpoint holds in the place of the task's weights; `raw` leaves them as they are.

    Raises:
        UserError: there is no such average, or the run kept none.
    """
    check_choice((RAW, *TURNED_ON_BY), weights=name)
    if name == RAW:
        return
    kept = checkpoint.get(AVERAGES, {}).get(name)
    if not kept:
        raise UserError(
            f"weights={name}: the checkpoint holds no such average; a run keeps one with {TURNED_ON_BY[name]}"
        )
    with torch.no_grad():
        for parameter_name, parameter in task.named_parameters():
            parameter.copy_(torch.stack([weights[parameter_name] for weights in kept]).mean(0))
