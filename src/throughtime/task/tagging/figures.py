"""Precision, recall and F1 of each tag and the confusion matrix, after each validation and after the test."""

import csv
import io
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import lightning.pytorch as pl
from lightning.pytorch import Callback
from matplotlib.figure import Figure

from throughtime.callback.logging import log_figure, log_table, takes_figures
from throughtime.errors import check_positive
from throughtime.files import atomic_write, make_subfolder, write_text
from throughtime.task.confusion import plot_confusion
from throughtime.task.tagging.metrics import PairCounts

HEADER = ("tag", "precision", "recall", "f1", "tokens")


@runtime_checkable
class Measured(Protocol):
    """The metrics of a validation or a test (`throughtime.task.tagging.metrics.TagMetrics`).

    Attributes:
        tags: their names.
        confusion: how often each true tag was predicted as each; an unknown one is not shown.
        entities: counts of entities, or None.
    """

    tags: list[str]
    confusion: PairCounts
    entities: Any

    def by_tag(self) -> dict[str, Any]:
        """Precision, recall and F1 of each tag, and how many tokens truly have it."""

    def figures(self) -> dict[str, Figure]:
        """Figures besides the confusion matrix, by their names."""


class TagTable(Callback):
    """Write `tags_val.csv` and `tags_test.csv` to the run's folder; log the same table and the confusion matrix.

    Of recordings the true and the predicted tags over time are logged too, and drawn to `figures/timeline.png`.

    Args:
        most_tags: how many tags the figure shows, the most frequent ones; more could not be read.
    """

    def __init__(self, most_tags: int = 30) -> None:
        check_positive(most_tags=most_tags)
        self.most_tags = most_tags

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, "val", pl_module.measured["val"])

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, "test", pl_module.measured["test"])

    def _write(self, trainer: pl.Trainer, stage: str, measured: Measured) -> None:
        if not trainer.is_global_zero:
            return
        rows = table(measured)
        content = io.StringIO()
        csv.writer(content).writerows([HEADER, *rows])
        write_text(Path(trainer.default_root_dir) / f"tags_{stage}.csv", content.getvalue())
        log_table(trainer, f"{stage}/tags", [HEADER, *rows])
        if takes_figures(trainer):
            log_figure(trainer, f"{stage}/confusion", confusion(measured, self.most_tags))
            for name, figure in measured.figures().items():
                log_figure(trainer, f"{stage}/{name}", figure)
        if stage == "test":
            self._save(trainer, measured)

    def _save(self, trainer: pl.Trainer, measured: Measured) -> None:
        """The figures of the test besides the confusion matrix, as PNG files."""
        for name, figure in measured.figures().items():
            folder = Path(trainer.default_root_dir) / "figures"
            make_subfolder(folder)
            with atomic_write(folder / f"{name}.png") as file:
                figure.savefig(file, format="png", dpi=120)


def table(measured: Measured) -> list[tuple[str, ...]]:
    """A row a tag, the most frequent first; then, where tags are those of entities, a row a type of entity."""
    tags = sorted(measured.by_tag().items(), key=lambda item: -item[1][1])
    rows = [(tag, *(f"{value:.4f}" for value in found), str(tokens)) for tag, (found, tokens) in tags]
    if measured.entities is not None:
        expected = measured.entities.expected
        for kind, found in measured.entities.by_kind().items():
            rows.append((f"entity {kind}", *(f"{value:.4f}" for value in found), str(expected[kind])))
    return rows


def confusion(measured: Measured, most_tags: int) -> Figure:
    """The confusion matrix: a row a true tag, coloured by the percentage that was predicted as each tag."""
    expected = measured.confusion.expected()[:-1].double()
    chosen = expected.argsort(descending=True, stable=True)[:most_tags]
    fractions = measured.confusion.matrix(chosen) / expected[chosen, None].clamp(min=1)
    names = [measured.tags[tag] for tag in chosen.tolist()]
    return plot_confusion(fractions, names, "tag")
