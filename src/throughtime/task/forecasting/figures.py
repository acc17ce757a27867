"""Forecasts against the truth, errors by step and residuals: in TensorBoard, and after the test in the run's folder."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch import Callback
from matplotlib.figure import Figure

from throughtime.callback.tensorboard import tensorboard_writer
from throughtime.errors import check_positive
from throughtime.task.forecasting.plots import Example, plot_errors, plot_forecasts, plot_residuals

MEASURED = 128
"""The windows that residuals are drawn from, evenly spaced over a split."""


class ForecastFigures(Callback):
    """Draws `forecast`, `error_by_step` and `residuals` at each validation (IMAGES) and as PNG files after the test.

    The windows are the same each time, evenly spaced over the split, so that figures differ by what was learned.

    Args:
        count: the forecasts that are drawn.
    """

    def __init__(self, count: int = 4) -> None:
        check_positive(count=count)
        self.count = count

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard_writer(trainer)
        if trainer.sanity_checking or writer is None:
            return
        for name, figure in self.figures(trainer, pl_module, "val").items():
            writer.add_figure(f"val/{name}", figure, trainer.global_step, close=False)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir) / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        writer = tensorboard_writer(trainer)
        for name, figure in self.figures(trainer, pl_module, "test").items():
            figure.savefig(folder / f"{name}.png", dpi=120)
            if writer is not None:
                writer.add_figure(f"test/{name}", figure, trainer.global_step, close=False)

    def figures(self, trainer: pl.Trainer, task: pl.LightningModule, split: str) -> dict[str, Figure]:
        """The three figures of a split, by name."""
        data: Any = trainer.datamodule
        pairs = data.windows[split]
        chosen = pairs[np.unique(np.linspace(0, len(pairs) - 1, MEASURED).round().astype(int))]
        batch = task.transfer_batch_to_device(data.windows_of(chosen, MEASURED).batch(chosen), task.device, 0)
        with torch.no_grad():
            made = task.forecast(batch.inputs)
        window = batch.inputs
        truth = window.original(batch.targets)
        if batch.mask is not None:
            truth = truth.masked_fill(~batch.mask, torch.nan)
        values = {
            "history": window.original_history(),
            "point": made.point,
            "quantiles": made.quantiles,
            "truth": truth,
        }
        arrays = {name: value.float().cpu().numpy() for name, value in values.items()}
        lanes = np.unique(np.linspace(0, len(chosen) - 1, self.count).round().astype(int))
        return {
            "forecast": plot_forecasts([_example(data, chosen[lane], int(lane), arrays) for lane in lanes]),
            "error_by_step": plot_errors(task.measured[split].by_step()),
            "residuals": plot_residuals((arrays["truth"] - arrays["point"]).reshape(len(made.point), -1)),
        }


def _example(data: Any, pair: np.ndarray, lane: int, arrays: dict[str, np.ndarray]) -> Example:
    """The first channel of one lane."""
    series, origin = data.series.series[pair[0]], int(pair[1])
    quantiles = arrays["quantiles"][:, :, lane, 0]
    return Example(
        title=f"{series.name} from {str(series.times[origin])[:16]}",
        history=arrays["history"][-2 * len(quantiles[0]) :, lane, 0],
        point=arrays["point"][:, lane, 0],
        intervals={95: quantiles[[0, -1]], 80: quantiles[[1, -2]]},
        truth=arrays["truth"][:, lane, 0],
    )
