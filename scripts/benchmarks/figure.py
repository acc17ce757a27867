"""Plot of the results of `benchmark.py cells`: one row of dots for each comparison."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.machine import describe

INK, GRID = "#333333", "#e4e4e4"


def figure(found: dict[str, Any], path: Path) -> None:
    """Write a picture of all ratios: a panel for each number of threads, colours for hidden sizes.

    Cells have a row of their own only where they are compared with what others offer.
    """
    pooled_kinds = {each["kind"] for each in found["pooled"]} - {"loop"}
    each_alone = [each for each in found["comparisons"] if each["kind"] not in pooled_kinds]
    drawn = each_alone + [each for each in found["pooled"] if each["kind"] in pooled_kinds]
    threads = list(dict.fromkeys(each["threads"] for each in drawn))
    rows = [[each for each in drawn if each["threads"] == number] for number in threads]
    sizes = sorted({shape["hidden_size"] for each in drawn for shape in each["shapes"]})
    shades = colormaps["viridis_r"](np.linspace(0.08, 0.95, len(sizes)))
    colours = dict(zip(sizes, shades, strict=True))
    height = 1.5 + 0.34 * len(rows[0])
    picture = Figure(figsize=(4.2 + 4.3 * len(threads), height), layout="constrained")
    FigureCanvasAgg(picture)
    panels = picture.subplots(1, len(threads), sharex=True, squeeze=False)[0]
    for panel, number, comparisons in zip(panels, threads, rows, strict=True):
        _panel(panel, comparisons, colours, labelled=panel is panels[0])
        panel.set_title(f"{number} thread{'s' * (number > 1)}", fontsize=10, color=INK)
    dots = [panels[0].scatter([], [], s=26, color=colours[size], label=f"H = {size}") for size in sizes]
    mean = panels[0].plot([], [], "|", color=INK, markersize=13, markeredgewidth=2, label="geometric mean")
    picture.legend(handles=[*dots, *mean], loc="outside upper center", ncols=len(sizes) + 1, frameon=False)
    picture.supxlabel(
        f"times as fast, forward and backward, a dot a shape ({describe(found)})", fontsize=8, color=INK
    )
    picture.savefig(path, dpi=160)


def _panel(panel: Any, comparisons: list[dict[str, Any]], colours: dict[int, Any], labelled: bool) -> None:
    for row, each in enumerate(comparisons):
        ratios = [shape["ratio"] for shape in each["shapes"]]
        # Dots of one row are spread a little, by their lanes, so that they do not hide each other.
        spread = [row + 0.055 * (np.log2(shape["lanes"]) - 3) for shape in each["shapes"]]
        shades = [colours[shape["hidden_size"]] for shape in each["shapes"]]
        panel.scatter(ratios, spread, s=16, c=shades, alpha=0.85, linewidths=0, zorder=3)
        mean = each["geometric_mean"]
        panel.plot([mean], [row], "|", color=INK, markersize=13, markeredgewidth=2, zorder=4)
        panel.annotate(
            f"{mean:.2g}",
            (1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.axvline(1, color=INK, linewidth=1, zorder=2)
    panel.grid(axis="x", color=GRID, zorder=0)
    panel.set_yticks(
        range(len(comparisons)), [each["comparison"] for each in comparisons] if labelled else []
    )
    panel.set_ylim(len(comparisons) - 0.5, -0.5)
    panel.tick_params(length=0, labelsize=8, colors=INK)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
