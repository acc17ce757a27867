"""Hyperparameters of a run in its loggers, such as TensorBoard's HPARAMS page."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback

from throughtime.callback.logging import log_hyperparameters, log_success


class Hyperparameters(Callback):
    """Log a run's hyperparameters when its fit begins, and its success when the fit ends.

    TensorBoard shows the last logged value of every scalar (`val/bpc`, `test/bpc`, ...) beside them.

    Args:
        values: the configuration by dotted keys.

    Attributes:
        values: the same; the run sets it once its configuration is complete.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values = values or {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.values:
            log_hyperparameters(trainer, self.values)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.values:
            log_success(trainer, self.values)
