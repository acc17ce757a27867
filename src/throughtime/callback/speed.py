"""How fast training goes, in training targets a second."""

import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.log_steps import logs_at

NAME = "speed/tokens_per_second"


class Speed(Callback):
    """Logs `speed/tokens_per_second` since it was last logged, every `trainer.log_every_n_steps`.

    Validation, with all that is done at its end, does not count as training time; waiting for data does.
    The task counts the targets (`task.targets_seen`), so that neither padding nor masked targets are taken
    for work.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._resumed_at: float | None = None
        self._seconds = 0.0
        self._tokens = 0
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._resumed_at = None
        self._seconds, self._tokens, self._step = 0.0, pl_module.targets_seen, trainer.global_step

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._resumed_at is None:
            self._resumed_at = self.clock()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_step == self._step or not logs_at(trainer, trainer.global_step):
            return
        self._pause()
        self._resumed_at = self.clock()
        tokens = pl_module.targets_seen
        if self._seconds > 0:
            pl_module.log(NAME, (tokens - self._tokens) / self._seconds)
        self._seconds, self._tokens, self._step = 0.0, tokens, trainer.global_step

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pause()

    def _pause(self) -> None:
        if self._resumed_at is not None:
            self._seconds += self.clock() - self._resumed_at
            self._resumed_at = None
