"""Base of callbacks that draw one figure: at each validation for the loggers, and as a PNG file after the test."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
from lightning.pytorch import Callback
from matplotlib.figure import Figure

from throughtime.callback.logging import log_figure, takes_figures
from throughtime.files import make_subfolder


class StageFigure(Callback, ABC):
    """Draws `figure` at each validation (IMAGES), and into `figures/` of the run's folder after the test.

    Attributes:
        figure_name: the figure's name after the stage's, `val/<figure_name>`, and that of its file.
    """

    figure_name: ClassVar[str]

    @abstractmethod
    def figure(self, data: Any, task: Any, stage: str) -> Figure:
        """The figure of a stage; the task is in evaluation mode.

        Args:
            data: the run's data.
            task: its task.
            stage: "val" or "test".
        """

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking and takes_figures(trainer):
            self._draw(trainer, pl_module, "val", None)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir) / "figures"
        make_subfolder(folder)
        self._draw(trainer, pl_module, "test", folder / f"{self.figure_name}.png")

    def _draw(self, trainer: pl.Trainer, task: pl.LightningModule, stage: str, path: Path | None) -> None:
        was_training = task.training
        task.eval()
        figure = self.figure(trainer.datamodule, task, stage)
        task.train(was_training)
        log_figure(trainer, f"{stage}/{self.figure_name}", figure, path)
