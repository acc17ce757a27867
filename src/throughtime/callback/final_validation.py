"""A run that reaches its last step is validated there, so that the last weights can be the best."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import callbacks


class FinalValidation(callbacks.Callback):
    """Asks Lightning to stop at the step that ends the run; it validates before it stops on request, and only then."""

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if 0 <= trainer.max_steps <= trainer.global_step or self._ends_last_epoch(trainer):
            trainer.should_stop = True

    @staticmethod
    def _ends_last_epoch(trainer: pl.Trainer) -> bool:
        last_epoch = trainer.max_epochs is not None and 0 < trainer.max_epochs <= trainer.current_epoch + 1
        return last_epoch and trainer.fit_loop.epoch_loop._num_ready_batches_reached()
