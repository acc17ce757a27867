"""The score by length: a table and a figure after validation and test."""

import csv
import io
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from matplotlib.figure import Figure

from throughtime.callback.stage_figure import StageFigure
from throughtime.files import write_text
from throughtime.task.algorithmic.metrics import LengthScores


class LengthProfile(StageFigure):
    """Write the metrics of each length to `profile_val.csv` and `profile_test.csv`, and draw the score over the length.

    The figure is on the IMAGES page at each validation, and `figures/lengths.png` after the test.
    """

    figure_name = "lengths"

    def figure(self, data: Any, task: Any, stage: str) -> Figure:
        return plot_lengths(task.measured[stage], task.rule)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, "val", pl_module.measured["val"])
        super().on_validation_end(trainer, pl_module)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, "test", pl_module.measured["test"])
        super().on_test_end(trainer, pl_module)

    def _write(self, trainer: pl.Trainer, stage: str, measured: LengthScores) -> None:
        if not trainer.is_global_zero:
            return
        found = measured.by_length()
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["length", *next(iter(found.values()), {})])
        writer.writerows(
            [length, *(f"{value:.6g}" for value in one.values())] for length, one in found.items()
        )
        write_text(Path(trainer.default_root_dir) / f"profile_{stage}.csv", table.getvalue())


def plot_lengths(measured: LengthScores, rule: dict[str, Any]) -> Figure:
    """The score over the length, beside the lengths of training.

    Args:
        measured: the scores.
        rule: what the data say of themselves.
    """
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    found = measured.by_length()
    axes.plot(list(found), [one[measured.metric] for one in found.values()], marker="o", markersize=3)
    first, last = rule["train_lengths"]
    axes.axvspan(first - 0.5, last + 0.5, color="grey", alpha=0.2, linewidth=0, label="training")
    axes.set(xlabel="length", ylabel=measured.metric)
    if measured.numbers:
        axes.set_yscale("log")
    else:
        axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, fontsize=8)
    return figure
