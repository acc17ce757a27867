"""Training speed in targets per second."""

import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.logging import is_log_step
from throughtime.data.base import DataModule


class Speed(Callback):
    """Log `speed/<unit>_per_second`, the mean since it was last logged, every `trainer.log_every_n_steps`.

    The unit is that of the data (`DataModule.unit`): tokens, points, frames. Validation, with all that is done at its
    end, does not count as training time; waiting for data does. The task counts the targets (`task.targets_seen`), so
    neither padding nor masked targets count.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._resumed_at: float | None = None
        self._seconds = 0.0
        self._targets = 0
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._resumed_at = None
        self._seconds, self._targets, self._step = 0.0, pl_module.targets_seen, trainer.global_step

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._resumed_at is None:
            self._resumed_at = self.clock()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_step == self._step or not is_log_step(trainer, trainer.global_step):
            return
        self._pause()
        self._resumed_at = self.clock()
        targets = pl_module.targets_seen
        if self._seconds > 0:
            pl_module.log(speed_metric(speed_unit(trainer)), (targets - self._targets) / self._seconds)
        self._seconds, self._targets, self._step = 0.0, targets, trainer.global_step

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pause()

    def _pause(self) -> None:
        if self._resumed_at is not None:
            self._seconds += self.clock() - self._resumed_at
            self._resumed_at = None


def speed_unit(trainer: pl.Trainer) -> str:
    """The unit of a run's targets; that of `DataModule` where the batches come from a plain loader."""
    data = trainer.datamodule
    return data.unit if isinstance(data, DataModule) else DataModule.unit


def speed_metric(unit: str) -> str:
    """The name under which a speed in this unit is logged."""
    return f"speed/{unit}_per_second"
