"""Figure of a metric over another axis than the steps: a panel for each data set, a curve for each other configuration.

A run may leave a profile, such as its score over the length of sequences, in `profile_test.csv`: the axis is the first
column, and the second one is the metric that is drawn.
"""

import csv
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from throughtime.files import output_file
from throughtime.report.columns import columns, short_names
from throughtime.report.figure import COLOURS, LINES, MAX_CURVES, plain_text
from throughtime.report.grid import TextGrid
from throughtime.report.numbers import as_overrides, format_setting, format_spread
from throughtime.report.record import Record
from throughtime.report.summary import spread

PROFILE = "profile_test.csv"

LARGEST_PROFILE = 1 << 22
"""Bytes that a profile may have."""

MOST_PANELS = 24
PANELS_A_ROW = 4

LETTERS_AN_INCH = 14
"""Of the legend's text."""

LETTERS_OF_A_LINE = 9
"""The room of a line's sample in the legend, in letters."""

Profile = tuple[tuple[str, str], dict[float, float]]
Points = dict[float, list[float]]


def draw_profiles(records: Sequence[Record], path: Path) -> Figure | None:
    """Draw the profiles of these runs into a PNG, written atomically; None, and no file, where no run left one.

    Args:
        records: of one task and monitored metric.
        path: of the PNG.
    """
    found = _profiled(records)
    if not found:
        return None
    panels: dict[str, dict[str, Points]] = {}
    for (panel, label), (_, (_, values)) in zip(_names([one for one, _ in found]), found, strict=True):
        points = panels.setdefault(panel, {}).setdefault(label, {})
        for place, value in values.items():
            points.setdefault(place, []).append(value)
    figure = plot_profiles(panels, *found[0][1][0])
    with output_file(path) as file:
        figure.savefig(file, format="png", dpi=160)
    return figure


def score_table(records: Sequence[Record]) -> TextGrid | None:
    """The score of each profile: a row a data set, a column for each other configuration, mean and spread over runs.

    None where the profiles are not of several data sets. The score is the metric of the profile on the test.

    Args:
        records: of one task and monitored metric.
    """
    found = _profiled(records)
    if not found:
        return None
    metric = f"test/{found[0][1][0][1]}"
    scores: dict[str, dict[str, list[float | None]]] = {}
    for (panel, label), (record, _) in zip(_names([one for one, _ in found]), found, strict=True):
        scores.setdefault(panel, {}).setdefault(label, []).append(record.metrics.get(metric))
    if len(scores) < 2:
        return None
    labels = list(dict.fromkeys(label for row in scores.values() for label in row))
    lines = [
        [panel, *(format_spread(spread(row.get(label, []))) for label in labels)]
        for panel, row in scores.items()
    ]
    return TextGrid([metric, *labels], lines, texts=1)


def _profiled(records: Sequence[Record]) -> list[tuple[Record, Profile]]:
    """The completed runs that left a profile."""
    completed = [record for record in records if record.status == "completed"]
    return [(one, profile) for one in completed if (profile := read_profile(one))]


def read_profile(record: Record) -> Profile | None:
    """The names of axis and metric, and the values of the metric by the axis; None without a file."""
    path = record.path / PROFILE
    if not path.is_file() or path.stat().st_size > LARGEST_PROFILE:
        return None
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        head, *rows = [*csv.reader(file)] or [[]]
    if len(head) < 2:
        return None
    values = {}
    for row in rows:
        try:
            place, value = float(row[0]), float(row[1])
        except (ValueError, IndexError):
            continue
        if math.isfinite(place) and math.isfinite(value):
            values[place] = value
    return ((head[0], head[1]), values) if values else None


def plot_profiles(panels: Mapping[str, Mapping[str, Points]], axis: str, metric: str) -> Figure:
    """A panel for each data set, with the mean of each curve over its runs, and the range of their values.

    Args:
        panels: points by panel and curve; of a place there is a value for each run.
        axis: the name of the axis.
        metric: the name of the values.
    """
    shown = dict(list(panels.items())[:MOST_PANELS])
    labels = list(dict.fromkeys(label for curves in shown.values() for label in curves))[:MAX_CURVES]
    across = min(len(shown), PANELS_A_ROW)
    rows = -(-len(shown) // across)
    width = max(3.0 * across, 5)
    longest = max(map(len, labels), default=0)
    columns_of_legend = min(max(int(width * LETTERS_AN_INCH / (longest + LETTERS_OF_A_LINE)), 1), 4)
    height = 2.4 * rows + 0.4 + 0.2 * -(-len(labels) // columns_of_legend)
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, across, squeeze=False, sharey=True)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, (panel, curves) in zip(grid.flat, shown.items(), strict=False):
        for number, label in enumerate(labels):
            if label not in curves:
                continue
            places = sorted(curves[label])
            values = [curves[label][place] for place in places]
            colour, line = COLOURS[number], LINES[number % len(LINES)]
            axes.plot(
                places, [statistics.fmean(one) for one in values], line, color=colour, marker="o", ms=2.5
            )
            axes.fill_between(
                places,
                [min(one) for one in values],
                [max(one) for one in values],
                color=colour,
                alpha=0.16,
                lw=0,
            )
        if span_decades(point for curves in shown.values() for points in curves.values() for point in points):
            axes.set_xscale("log")
        axes.set_title(panel, fontsize=9)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(metric)
        if "accuracy" in metric:
            axes.set_ylim(-0.02, 1.02)
        elif span_decades(
            value
            for curves in shown.values()
            for points in curves.values()
            for one in points.values()
            for value in one
        ):
            axes.set_yscale("log")
    for axes in grid[-1]:
        axes.set_xlabel(axis)
    handles = [
        grid[0, 0].plot([], [], LINES[number % len(LINES)], color=COLOURS[number], label=label)[0]
        for number, label in enumerate(labels)
    ]
    hidden = len(panels) - len(shown)
    title = f"{hidden} more not shown" if hidden else None
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=columns_of_legend,
        frameon=False,
        fontsize=8,
        title=title,
    )
    return figure


def span_decades(numbers: Iterable[float]) -> bool:
    """Whether numbers are better told apart on a logarithmic axis: all above 0, the greatest 50 times the least."""
    found = list(numbers)
    return min(found) > 0 and max(found) / min(found) > 50


def _names(records: Sequence[Record]) -> list[tuple[str, str]]:
    """The panel and the curve of each run: its data set, and whatever else it differs in from the others.

    Keys of the data themselves, such as a length, tell neither: runs that differ in them alone are one curve.
    """
    shown = columns(records)
    names = short_names([column.key for column in shown])
    panel = next((one for one in shown if one.key in ("data", "experiment")), None)
    found = []
    for number, record in enumerate(records):
        others = {
            names[column.key]: format_setting(column.values[number])
            for column in shown
            if column is not panel and column.key.partition(".")[0] not in ("data", "experiment")
        }
        title = record.task if panel is None else format_setting(panel.values[number])
        found.append((plain_text(title), plain_text(as_overrides(others)) or "usual"))
    return found
