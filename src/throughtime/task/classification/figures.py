"""Tables and figures of classes: logged at each validation, and written into the run's folder after the test."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from jaxtyping import Float
from lightning.pytorch import Callback
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from throughtime.callback.logging import log_figure, log_table, takes_figures
from throughtime.data.labelled.sequences import Shown
from throughtime.errors import check_positive
from throughtime.files import make_subfolder, write_text
from throughtime.task.confusion import plot_confusion

HEADER = ("class", "precision", "recall", "f1", "sequences")
FEW_CHANNELS, MOST_LETTERS, MOST_FRAMES = 6, 60, 8
MOST_COLUMNS = 2
"""Examples side by side in a figure: of more, TensorBoard's small pictures show nothing."""

MOMENTS = 4
"""Steps up to which a drawing is shown."""


class ClassTable(Callback):
    """Write precision, recall and F1 of each class to `classes_val.csv` and `classes_test.csv`; log the same table."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, "val", pl_module.measured["val"])

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, "test", pl_module.measured["test"])

    def _write(self, trainer: pl.Trainer, stage: str, measured: Any) -> None:
        if not trainer.is_global_zero:
            return
        rows = [
            (name, *(f"{value:.4f}" for value in scores), str(count))
            for name, *scores, count in measured.by_class()
        ]
        table = io.StringIO()
        csv.writer(table).writerows([HEADER, *rows])
        write_text(Path(trainer.default_root_dir) / f"classes_{stage}.csv", table.getvalue())
        log_table(trainer, f"{stage}/classes", [HEADER, *rows])


class ClassFigures(Callback):
    """Draws `confusion`, `reliability` and `running` at each validation (IMAGES), and as PNG files after the test.

    `running` shows p(class | x_1 .. x_t) over t below the input, for sequences that are the same each time; a
    bidirectional model has none.

    Args:
        count: the sequences that `running` shows.
        most_classes: how many classes the confusion matrix shows, the most frequent ones; more could not be read.
    """

    def __init__(self, count: int = 4, most_classes: int = 30) -> None:
        check_positive(count=count, most_classes=most_classes)
        self.count = count
        self.most_classes = most_classes

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not takes_figures(trainer):
            return
        for name, figure in self.figures(trainer.datamodule, pl_module, "val").items():
            log_figure(trainer, f"val/{name}", figure)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir) / "figures"
        make_subfolder(folder)
        for name, figure in self.figures(trainer.datamodule, pl_module, "test").items():
            log_figure(trainer, f"test/{name}", figure, folder / f"{name}.png")

    def figures(self, data: Any, task: Any, stage: str) -> dict[str, Figure]:
        """The figures of a stage, by name.

        Args:
            data: the run's `LabelledData`.
            task: its `Classification`, which has measured the stage.
            stage: "val" or "test".
        """
        measured = task.measured[stage]
        found = {"reliability": plot_reliability(measured.reliability().numpy())}
        if not task.multilabel:
            counts = measured.confusion()
            expected = counts.sum(1)
            chosen = expected.argsort(descending=True, stable=True)[: self.most_classes].sort().values
            fractions = counts[chosen][:, chosen] / expected[chosen, None].clamp(min=1)
            names = [task.labels[number] for number in chosen.tolist()]
            found["confusion"] = plot_confusion(fractions, names, "class")
        if task.is_causal:
            part = data.part(stage)
            standardisers = task.standardiser.of_groups(part.sequences, part.groups)
            numbers = np.unique(np.linspace(0, len(part) - 1, self.count).round().astype(int))
            was_training = task.training
            task.eval()
            found["running"] = plot_running(
                [
                    (
                        f"{part.names[number]}: {_in_words(part.labels[number])}",
                        data.source.shown(part.sequences[number]),
                        task.running_probabilities(part.sequences[number], standardisers[number]).numpy(),
                    )
                    for number in numbers
                ],
                task.labels,
                part.symbols,
                part.frame_shape,
            )
            task.train(was_training)
        return found


def _in_words(label: Any) -> str:
    return ", ".join(label) or "no label" if isinstance(label, tuple) else str(label)


def plot_reliability(bins: Float[np.ndarray, "3 bins"]) -> Figure:
    """Reliability diagram: the fraction that is right over the confidence, and the number of predictions below."""
    confidence, right, count = bins
    figure = Figure(figsize=(5.0, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    width, there = 1 / len(count), count > 0
    centres = (np.arange(len(count)) + 0.5) * width
    above.bar(centres[there], right[there], width, color="#1f77b4", edgecolor="white", label="right")
    above.plot(
        confidence[there], right[there], ".", color="#222222", clip_on=False, label="at the mean confidence"
    )
    above.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--", label="calibrated")
    error = float((count * np.abs(confidence - right)).sum() / max(count.sum(), 1))
    above.set(ylabel="fraction that is right", xlim=(0, 1), ylim=(0, 1))
    above.set_title(f"expected calibration error {error:.3f}", fontsize=9)
    above.legend(loc="upper left", fontsize=7, frameon=False)
    below.bar(centres, count, width, color="grey", edgecolor="white")
    below.set(xlabel="confidence", ylabel="predictions")
    return figure


def plot_running(
    examples: Sequence[tuple[str, Shown, Float[np.ndarray, "_ K"]]],
    labels: Sequence[str],
    symbols: Sequence[str] | None,
    frame_shape: tuple[int, int, int] | None = None,
) -> Figure:
    """p(class | x_1 .. x_t) over t, below the input: a drawing, frames, an image of features, curves, or letters.

    Args:
        examples: title, input, and probabilities `[T, K]` of each.
        labels: the names of the classes.
        symbols: the alphabet of ids; None for features.
        frame_shape: (channels, height, width) of a step that is an image; some of them are drawn, at their steps.
    """
    has_frames = frame_shape is not None and min(frame_shape[1:]) > 1
    has_rows = has_frames or symbols is not None or examples[0][1].lines is not None
    above_height = (
        1.2 if has_rows else 1.9
    )  # inches, of small pictures or letters side by side, and of all else
    columns = min(len(examples), MOST_COLUMNS)
    rows = math.ceil(len(examples) / columns)
    heights = (above_height, 2.7) * rows
    figure = Figure(figsize=(4.2 * columns, sum(heights)), layout="constrained")
    axes = figure.subplots(2 * rows, columns, height_ratios=heights, squeeze=False)
    pairs = axes.reshape(rows, 2, columns).transpose(0, 2, 1).reshape(-1, 2)
    for unused in pairs[len(examples) :].flat:
        unused.remove()
    for (above, below), (title, shown, probabilities) in zip(pairs, examples, strict=False):
        steps = np.arange(1, len(shown.values) + 1)
        if shown.lines is not None:
            _draw_lines(above, shown.lines, len(steps))
        elif has_frames:
            _draw_frames(above, shown.values.reshape(-1, *frame_shape))
        else:
            _draw_input(above, shown, steps, symbols)
        above.set_title(title if len(title) <= 48 else f"…{title[-47:]}", fontsize=8)
        likely = np.argsort(-probabilities.max(0), kind="stable")[:6]
        likely = likely[probabilities.any(0)[likely]]  # without the classes of other tasks
        for number in np.sort(likely):
            below.plot(
                steps,
                probabilities[:, number],
                color=f"C{number % 10}",
                marker="o" if len(steps) < 20 else None,
                markersize=3,
                label=labels[number],
            )
        below.set(xlabel="step t", xlim=(0.5, len(steps) + 0.5), ylim=(-0.02, 1.02))
        above.set_xlim(0.5, len(steps) + 0.5)
        # Above the curves, which may be anywhere between 0 and 1.
        below.legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    for first in axes[1::2, 0]:
        first.set_ylabel("p(class | x_1 … x_t)")
    return figure


def _draw_frames(axes: Axes, frames: Float[np.ndarray, "T C height width"]) -> None:
    """Some of the frames side by side, evenly spread, each above its step."""
    steps = len(frames)
    count = min(steps, MOST_FRAMES)
    width = 1 / count
    low, high = float(frames.min()), float(frames.max())
    for place in range(count):
        number = round((place + 0.5) * steps / count - 0.5)
        left = place * width
        inset = axes.inset_axes((left + 0.04 * width, 0, 0.92 * width, 1))
        image = frames[number].transpose(1, 2, 0)
        if image.shape[-1] == 1:
            inset.imshow(image[..., 0], cmap="Greys_r", vmin=low, vmax=high)
        else:
            inset.imshow((image - low) / max(high - low, 1e-9))
        inset.set(xticks=[], yticks=[])
        inset.set_title(f"t = {number + 1}", fontsize=6)
    axes.set_axis_off()


def _draw_input(axes: Axes, shown: Shown, steps: np.ndarray, symbols: Sequence[str] | None) -> None:
    sequence, extent = shown.values, (0.5, len(steps) + 0.5)
    if symbols is not None:
        if len(steps) <= MOST_LETTERS:
            for step, number in zip(steps, sequence, strict=True):
                size = 8 if len(steps) <= 40 else 6
                axes.text(
                    step, 0.5, symbols[number], ha="center", va="center", fontsize=size, family="monospace"
                )
            axes.set(yticks=[], ylim=(0, 1))
        else:
            axes.imshow(sequence[None], aspect="auto", cmap="tab20", extent=(*extent, 0, 1))
            axes.set(yticks=[])
    elif sequence.shape[1] <= FEW_CHANNELS:
        axes.plot(steps, sequence, linewidth=1, marker="." if len(steps) < 20 else None)
    else:
        axes.imshow(sequence.T, aspect="auto", cmap="Greys", extent=(*extent, sequence.shape[1] + 0.5, 0.5))
        axes.set(ylabel=shown.axis)
        if shown.upwards:
            axes.invert_yaxis()
    axes.tick_params(labelbottom=False)


def _draw_lines(axes: Axes, lines: Sequence[Float[np.ndarray, "_ 2"]], count: int) -> None:
    """Draw the lines up to some steps, side by side, with all that is still to come in grey.

    Args:
        axes: over the steps.
        lines: with a point for each step, in their order.
        count: T.
    """
    axes.set_axis_off()  # the drawings stand side by side, not at their steps
    axes.set_ylim(0, 1)
    moments = np.unique(np.linspace(0, count, min(MOMENTS, count) + 1).round().astype(int))[1:]
    width = 1 / len(moments)
    points = np.concatenate(lines)
    middle = (points.min(0) + points.max(0)) / 2
    reach = 0.6 * max(np.ptp(points, axis=0).max(), 1e-6)
    for number, moment in enumerate(moments):
        inset = axes.inset_axes((number * width, 0.08, width, 0.9))
        inset.set_axis_off()
        inset.set(xlim=middle[0] + np.array((-reach, reach)), ylim=middle[1] + np.array((-reach, reach)))
        inset.set_aspect("equal")
        left = int(moment)
        for line in lines:
            inset.plot(*line.T, color="#d0d0d0", linewidth=1)
            if left > 0:
                drawn = line[:left]
                inset.plot(*drawn.T, color="#222222", linewidth=1.5, marker="." if len(drawn) == 1 else None)
            left -= len(line)
        axes.text(
            (number + 0.5) * width, 0.03, f"t = {moment}", fontsize=7, ha="center", transform=axes.transAxes
        )
