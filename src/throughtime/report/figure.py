"""Figure of the monitored metric over the steps, a curve for each configuration with the spread over its seeds."""

import csv
import logging
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.directory_watcher import DirectoryDeletedError
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

from throughtime.errors import printable
from throughtime.files import output_file
from throughtime.report.columns import deviations, short_names
from throughtime.report.numbers import as_overrides, format_setting, format_spread
from throughtime.report.record import Record
from throughtime.report.summary import SummaryRow, summary_rows

MAX_CURVES = 8
"""The most curves that can be distinguished by colour and line style."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
"""Distinguishable with any colour vision (Okabe & Ito 2008, Color Universal Design), with grey instead of yellow."""

LINES = ("-", "--", "-.", ":")


METRICS = "metrics.csv"
"""The file of logger=csv in a run's folder."""

LARGEST_LOG = 1 << 28
"""Bytes that the log of a run may have; a value of TensorBoard's takes 50."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Curve:
    """One configuration over the optimiser steps that all its runs have reached.

    Attributes:
        mean: over its runs, and `deviation` their standard deviation (n - 1); zero for a single run.
    """

    label: str
    steps: Float[np.ndarray, " N"]
    mean: Float[np.ndarray, " N"]
    deviation: Float[np.ndarray, " N"]


def draw_comparison(records: Sequence[Record], path: Path) -> Figure | None:
    """Draw the figure of these runs into a PNG, written atomically; None, and no file, where no run logged a curve."""
    figure = draw_figure(records)
    if figure is not None:
        with output_file(path) as file:
            figure.savefig(file, format="png", dpi=160)
    return figure


def draw_figure(records: Sequence[Record]) -> Figure | None:
    """The figure as an object of Matplotlib; None where no run logged a curve.

    Args:
        records: of one task and monitored metric. Of more than `MAX_CURVES` configurations the best ones are shown,
            and the figure says how many are not.
    """
    rows = summary_rows(records)
    labels = _labels(rows)
    curves = [
        curve for row, label in zip(rows, labels, strict=True) if (curve := curve_of(row, label)) is not None
    ]
    if not curves:
        return None
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = curves[:MAX_CURVES]
    for place, curve in enumerate(shown):
        _plot(axes, curve, place)
    bands = any(curve.deviation.any() for curve in shown)
    axes.set_xlabel("optimiser steps")
    monitor = plain_text(rows[0].monitor)
    axes.set_ylabel(f"{monitor} (mean ± standard deviation over seeds)" if bands else monitor)
    axes.set_ylim(*_limits(shown, rows[0].mode))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    hidden = len(rows) - len(shown)
    title = f"{hidden} more not shown" if hidden else None
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, title=title, title_fontsize=8)
    axes.set_title(plain_text(rows[0].records[0].task), loc="left", fontsize=11)
    return figure


def _plot(axes: Axes, curve: Curve, place: int) -> None:
    colour, line = COLOURS[place], LINES[place % len(LINES)]
    marker = "o" if len(curve.steps) < 3 else None
    axes.plot(curve.steps, curve.mean, line, color=colour, lw=1.8, marker=marker, ms=4, label=curve.label)
    low, high = curve.mean - curve.deviation, curve.mean + curve.deviation
    axes.fill_between(curve.steps, low, high, color=colour, alpha=0.16, lw=0)


def _limits(curves: Sequence[Curve], mode: str) -> tuple[float, float]:
    """Limits of the axis: the best value, and that of the curves after a quarter of their steps, so that neither the
    start of training nor a diverging run sets the scale."""
    sign = 1.0 if mode == "min" else -1.0
    best = min(sign * value for curve in curves for value in curve.mean)
    early = [sign * curve.mean[len(curve.mean) // 4] - best for curve in curves]
    span = min(max(early), 20 * float(np.median(early))) or max(early) or 0.05 * abs(best) or 1.0
    ends = sign * (best - 0.1 * span), sign * (best + 1.1 * span)
    return min(ends), max(ends)


def curve_of(row: SummaryRow, label: str) -> Curve | None:
    """The curve of a configuration under this label, over its completed runs; None where they logged none."""
    runs = [record for record in row.records if record.status == "completed"]
    logged = [steps for record in runs if len(steps := read_scalars(record.path, row.monitor))]
    if not logged:
        return None
    last = min(max(steps) for steps in logged)
    grid = np.array(sorted({step for steps in logged for step in steps if step <= last}), dtype=float)
    values = np.stack([np.interp(grid, list(steps), list(steps.values())) for steps in logged])
    deviation = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(grid)
    return Curve(label, grid, values.mean(0), deviation)


def read_scalars(folder: Path, tag: str) -> dict[int, float]:
    """The finite values of a scalar by their steps, in order, from a run's event files, or else its metrics.csv."""
    if not _are_readable(folder):
        return {}
    found = _from_events(folder, tag) or _from_csv(folder / METRICS, tag)
    return dict(sorted((step, value) for step, value in found.items() if np.isfinite(value)))


def _are_readable(folder: Path) -> bool:
    """Whether the logs of a run are files of a size that logs have; a warning names one that is not."""
    for path in (folder / METRICS, *folder.glob("*tfevents*")):
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_LOG):
            log.warning(
                "%s is no log of a run, or too large to read, so its curve is left out", printable(str(path))
            )
            return False
    return True


def _from_events(folder: Path, tag: str) -> dict[int, float]:
    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    try:
        events.Reload()
    except DirectoryDeletedError:
        return {}
    if tag not in events.Tags()[SCALARS]:
        return {}
    return {event.step: event.value for event in events.Scalars(tag)}


def _from_csv(path: Path, tag: str) -> dict[int, float]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {int(row["step"]): float(row[tag]) for row in csv.DictReader(file) if row.get(tag)}


def plain_text(text: str) -> str:
    """A text that Matplotlib draws as it is: dollars would begin a formula."""
    return printable(text).replace("$", r"\$")


def _labels(rows: Sequence[SummaryRow]) -> list[str]:
    """The settings in which each configuration differs from the others, and its score."""
    names = short_names(list(rows[0].values))
    settings = [{names[key]: format_setting(value) for key, value in row.values.items()} for row in rows]
    _, others = deviations(settings)
    labels = []
    for row, line in zip(rows, others if len(names) > 2 else settings, strict=True):
        lines = textwrap.wrap(as_overrides(line) or "usual", 34, break_on_hyphens=False)
        lines[1:] = [f"{lines[1][:33]}…"] if len(lines) > 2 else lines[1:]
        labels.append("\n".join([*map(plain_text, lines), format_spread(row.score)]))
    return labels
