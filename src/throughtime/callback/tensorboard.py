"""Where what is no scalar (text, layouts, hyperparameters) is written to, if the run logs to TensorBoard."""

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter


def tensorboard_writer(trainer: pl.Trainer) -> SummaryWriter | None:
    """The writer of the first TensorBoard logger; None without one, and on all processes but the first."""
    if not trainer.is_global_zero:
        return None
    loggers = (logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))
    return next((logger.experiment for logger in loggers), None)
