"""Table and figures of transcripts: logged at each validation, and written into the run's folder after the test."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
from jaxtyping import Float
from lightning.pytorch import Callback
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from throughtime.callback.logging import log_table
from throughtime.callback.stage_figure import StageFigure
from throughtime.decode.ctc_path import BLANK, SymbolSpan
from throughtime.errors import check_positive, printable
from throughtime.files import write_text
from throughtime.task.transcription.metrics import TranscriptMetrics

HEADER = ("name", "truth", "predicted", "edits")

LIKELY = 0.05
"""The least largest posterior of a symbol that a figure draws."""


class TranscriptTable(Callback):
    """Write the transcripts to `transcripts_val.csv` and `transcripts_test.csv`; log the worst ones as a table.

    Args:
        worst: the sequences of the table, those with the most errors.
    """

    def __init__(self, worst: int = 20) -> None:
        check_positive(worst=worst)
        self.worst = worst

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, "val", pl_module.measured["val"])

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, "test", pl_module.measured["test"])

    def _write(self, trainer: pl.Trainer, stage: str, measured: TranscriptMetrics) -> None:
        if not trainer.is_global_zero:
            return
        names = trainer.datamodule.part(stage).names
        rows = [(names[one.number], one.truth, one.predicted, str(one.edits)) for one in measured.found]
        table = io.StringIO()
        csv.writer(table).writerows([HEADER, *rows])
        write_text(Path(trainer.default_root_dir) / f"transcripts_{stage}.csv", table.getvalue())
        worst = [
            (f"`{printable(one.truth)}`", f"`{printable(one.predicted)}`", names[one.number], str(edits))
            for one, edits in measured.worst(self.worst)
        ]
        log_table(trainer, f"{stage}/worst", [("truth", "predicted", "name", "edits"), *worst])


class PosteriorExample(NamedTuple):
    """A sequence as a figure draws it.

    Attributes:
        title: above it.
        waveform: samples; None where it is no sound.
        lines: the lines [k, 2] of a pen, with a point for each frame; None where it is no ink.
        values: features `[n, C]`, drawn where there is neither.
        frames: n.
        posterior: `[T, K]`.
        spans: of the symbols of the predicted transcript.
        text: the predicted transcript.
        factor: frames of a step.
        seconds: of a frame; None for an axis in frames.
    """

    title: str
    waveform: Float[np.ndarray, " N"] | None
    lines: list[np.ndarray] | None
    values: np.ndarray
    frames: int
    posterior: Float[np.ndarray, "T K"]
    spans: list[SymbolSpan]
    text: str
    factor: int
    seconds: float | None


class TranscriptFigures(StageFigure):
    """Draws `posterior` at each validation (IMAGES), and as a PNG file after the test.

    It shows p(symbol | step) over time below the waveform or the ink, of sequences that are the same each time.

    Args:
        count: the sequences that are drawn.
    """

    figure_name = "posterior"

    def __init__(self, count: int = 3) -> None:
        check_positive(count=count)
        self.count = count

    def figure(self, data: Any, task: Any, stage: str) -> Figure:
        part = data.part(stage)
        numbers = list(range(min(self.count, len(part))))
        found = task.log_probabilities([part.sequences[number] for number in numbers])
        examples = []
        for number, own in zip(numbers, found, strict=True):
            transcript, shown = task.transcript(own, task.beam), data.shown(stage, number)
            examples.append(
                PosteriorExample(
                    f"{part.texts[number]}  →  {transcript.text}",
                    data.waveform(stage, number),
                    shown.lines,
                    shown.values,
                    len(part.sequences[number]),
                    np.exp(own),
                    transcript.spans,
                    transcript.text,
                    task.model.factor,
                    task.artifacts["step_seconds"],
                )
            )
        return plot_posteriors(examples, task.symbols)


def plot_posteriors(examples: Sequence[PosteriorExample], symbols: Sequence[str]) -> Figure:
    """p(symbol | step) over time below the waveform, the ink or the features; one column a sequence.

    Args:
        examples: at least one.
        symbols: from 1 on.
    """
    figure = Figure(figsize=(5.2 * len(examples), 4.4), layout="constrained")
    axes = figure.subplots(2, len(examples), height_ratios=(1, 1.3), sharex="col", squeeze=False)
    for (above, below), one in zip(axes.T, examples, strict=True):
        unit = one.seconds or 1.0
        end = one.frames * unit
        above.set_title(printable(one.title), fontsize=9)
        if one.waveform is not None:
            times = np.linspace(0, end, len(one.waveform))
            above.plot(times, one.waveform, color="#444444", linewidth=0.4)
            above.set_yticks([])
        elif one.lines is not None:
            _draw_ink(above, one.lines, unit)
        else:
            above.imshow(one.values.T, aspect="auto", origin="lower", cmap="Greys", extent=(0, end, 0, 1))
            above.set_yticks([])
        times = (np.arange(len(one.posterior)) + 0.5) * one.factor * unit
        below.plot(
            times, one.posterior[:, BLANK], color="#bbbbbb", linestyle="--", linewidth=1, label="blank"
        )
        drawn = [
            number for number in range(1, one.posterior.shape[1]) if one.posterior[:, number].max() >= LIKELY
        ]
        for number in drawn:
            below.plot(times, one.posterior[:, number], color=f"C{number % 10}", linewidth=1.2)
        for span, symbol in zip(one.spans, one.text, strict=False):
            height = one.posterior[span.peak, symbols.index(symbol) + 1]
            below.annotate(
                "␣" if symbol == " " else printable(symbol),
                (times[span.peak], height),
                ha="center",
                va="bottom",
                fontsize=9,
            )
        below.set(xlabel="frame" if one.seconds is None else "time in s", xlim=(0, end), ylim=(0, 1.12))
    axes[1, 0].set_ylabel("p(symbol | step)")
    handles, names = axes[1, 0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, loc="outside lower right", frameon=False)
    return figure


def _draw_ink(axes: Axes, lines: Sequence[np.ndarray], unit: float) -> None:
    """The ink, its points coloured by their time; and a bar of the same colours along the axis of time."""
    points = np.concatenate(lines)
    frames = len(points)
    inset = axes.inset_axes((0, 0.16, 1, 0.84))
    inset.set_axis_off()
    inset.set_aspect("equal")
    first = 0
    for line in lines:
        inset.plot(*line.T, color="#cccccc", linewidth=1)
        numbers = np.arange(first, first + len(line))
        inset.scatter(*line.T, c=numbers, cmap="viridis", vmin=0, vmax=frames - 1, s=4)
        first += len(line)
    axes.imshow(
        np.arange(frames)[None], aspect="auto", cmap="viridis", extent=(0, frames * unit, 0, 0.1), vmin=0
    )
    axes.set(yticks=[], ylim=(0, 1))
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
