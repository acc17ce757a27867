"""Learning rate over the steps."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.logging import is_log_step


class LearningRate(Callback):
    """Log `optim/lr`, the rate of the step about to be taken, every `trainer.log_every_n_steps`.

    Groups of parameters differ in their decay only, so the first one's rate is that of all.
    """

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if is_log_step(trainer, trainer.global_step + 1):
            pl_module.log("optim/lr", float(trainer.optimizers[0].param_groups[0]["lr"]))
