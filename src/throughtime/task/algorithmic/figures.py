"""The score by length: a table and a figure after validation and test."""

import csv
import io
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from matplotlib.figure import Figure

from throughtime.callback.stage_figure import StageFigure
from throughtime.errors import check_choice
from throughtime.files import write_text
from throughtime.task.algorithmic.metrics import LengthScores

METRICS = ("accuracy", "sequence_accuracy", "mse", "loss")


class LengthProfile(StageFigure):
    """Write the metrics of each length to `profile_val.csv` and `profile_test.csv`, and draw the score over the length.

    The figure is on the IMAGES page at each validation, and `figures/lengths.png` after the test.

    Args:
        metric: the one that is drawn, and the first in the files, which the comparison of a sweep draws: the score of
            the task (None), or `loss`, such as for copy memory, where nearly all answers are blanks.

    Raises:
        UserError: there is no such metric.
    """

    figure_name = "lengths"

    def __init__(self, metric: str | None = None) -> None:
        super().__init__()
        check_choice(METRICS, **{"callback.length_profile.metric": metric or METRICS[0]})
        self.metric = metric

    def figure(self, data: Any, task: Any, stage: str) -> Figure:
        return plot_lengths(task.measured[stage], task.rule, self.metric)

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
        names = sorted(next(iter(found.values()), {}), key=lambda name: name != self.metric)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["length", *names])
        writer.writerows([length, *(f"{one[name]:.6g}" for name in names)] for length, one in found.items())
        write_text(Path(trainer.default_root_dir) / f"profile_{stage}.csv", table.getvalue())


def plot_lengths(measured: LengthScores, rule: dict[str, Any], metric: str | None = None) -> Figure:
    """The score over the length, beside the lengths of training.

    Args:
        measured: the scores.
        rule: what the data say of themselves.
        metric: the one that is drawn; None, or one that is not measured, for the score of the task.
    """
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    found = measured.by_length()
    drawn = metric if metric in next(iter(found.values()), {}) else measured.metric
    axes.plot(list(found), [one[drawn] for one in found.values()], marker="o", markersize=3)
    first, last = rule["train_lengths"]
    axes.axvspan(first - 0.5, last + 0.5, color="grey", alpha=0.2, linewidth=0, label="training")
    axes.set(xlabel="length", ylabel=drawn)
    if measured.numbers:
        axes.set_yscale("log")
    elif "accuracy" in drawn:
        axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, fontsize=8)
    return figure
