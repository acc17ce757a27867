"""TensorBoard's HPARAMS page: what each run was configured with, beside what it came to."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import Callback
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.summary import hparams

from throughtime.callback.tensorboard import tensorboard_writer

Value = bool | int | float | str


class Hyperparameters(Callback):
    """Writes a run's hyperparameters when its fit begins, and that it has succeeded when it ends.

    TensorBoard itself puts the last logged value of every scalar (`val/bpc`, `test/bpc`, ...) beside them.
    No list of metrics is written: TensorBoard would take that of the first run it finds for all, and so
    hide what runs of another task measure.

    Args:
        values: the configuration, flat, by dotted keys.

    Attributes:
        values: the same; the run sets it once its configuration is whole.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values = values or {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        _, start, _ = self._summaries()
        self._write(trainer, start)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        _, _, end = self._summaries()
        self._write(trainer, end)

    def _summaries(self) -> tuple[Summary, Summary, Summary]:
        """What defines the experiment, begins the run, and ends it."""
        return hparams({key: plain(value) for key, value in self.values.items()}, {})

    def _write(self, trainer: pl.Trainer, summary: Summary) -> None:
        writer = tensorboard_writer(trainer)
        if writer is not None and self.values:
            writer._get_file_writer().add_summary(summary)


def plain(value: Any) -> Value:
    """A value as TensorBoard takes it: numbers and truths as they are, all else as text."""
    return value if isinstance(value, bool | int | float | str) else str(value)
