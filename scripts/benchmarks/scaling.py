"""Scaling of a cell's time with the steps T, the lanes B and the units H: fused against torch.nn, or the plain loop."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.interleaved import median_seconds
from benchmarks.machine import describe, provenance
from benchmarks.shapes import Shape, expected_seconds, free_bytes
from benchmarks.variants import MODULES, TORCH, Variant, make_cell

AXES = {
    "T": [Shape(1, steps, 64) for steps in (100, 316, 1000, 3162, 10_000, 31_623, 100_000)],
    "B": [Shape(1 << power, 64, 128) for power in range(10)],
    "H": [Shape(8, 32, 16 << power) for power in range(8)],
}
"""The shapes along which one size grows and the others stay."""
QUICK = 3  # points an axis
FIELDS = {"T": "steps", "B": "lanes", "H": "hidden_size"}
ENOUGH = 0.3  # seconds of rounds for a point
INK, GRID = "#333333", "#e4e4e4"


def measure(
    cells: list[str], threads: list[int], minutes: float, quick: bool, log: Callable[[str], None]
) -> dict[str, Any]:
    """Measure forward and backward along each axis, within a time limit.

    Args:
        cells: names, or FILE.py:CLASS.
        threads: numbers of threads of torch.
        minutes: the limit; each series of points gets an equal share of what is left, and ends where its next point
            is expected to take more.
        quick: whether each axis has its first points only.
        log: is called with a line of progress before each series.

    Raises:
        UserError: there is no such cell.
    """
    end = time.perf_counter() + 60 * minutes
    for name in cells:
        make_cell(name, 8)
    series = [(cell, axis, number) for cell in cells for axis in AXES for number in threads]
    found: dict[str, Any] = {"unit": "seconds of forward and backward", **provenance(), "series": []}
    before = torch.get_num_threads()
    for place, (cell, axis, number) in enumerate(series):
        log(f"{place + 1}/{len(series)} {cell}, {axis}, {number} threads")
        torch.set_num_threads(number)
        left = (end - time.perf_counter()) / (len(series) - place)
        shapes = AXES[axis][:QUICK] if quick else AXES[axis]
        named = {"cell": cell.rpartition("/")[2], "axis": axis, "threads": number}
        found["series"].append({**named, **_measure_series(cell, shapes, axis, left)})
    torch.set_num_threads(before)
    return found


def _measure_series(cell: str, shapes: list[Shape], axis: str, seconds: float) -> dict[str, Any]:
    """The points of one axis; those that do not fit into the time or the memory are named instead."""
    end = time.perf_counter() + seconds
    sides = Variant(cell, "fused"), Variant(cell, TORCH if cell in MODULES else "reference")
    reason = next(filter(None, (side.unsupported_reason() for side in sides)), None)
    points: list[dict[str, Any]] = []
    left_out: list[str] = []
    known: dict[Shape, float] = {}
    for shape in shapes if reason is None else ():
        expected = 5 * expected_seconds(shape, known)  # a round that warms up, and three more
        if left_out or (points and time.perf_counter() + expected > end) or shape.bytes > free_bytes():
            left_out.append(str(shape))
            continue
        ours, theirs, rounds = median_seconds(*(side.workload(shape) for side in sides), ENOUGH)
        known[shape] = ours + theirs
        points.append({**asdict(shape), "ours": ours, "theirs": theirs, "rounds": rounds})
    exponents = {
        side: exponent([(point[FIELDS[axis]], point[side]) for point in points])
        for side in ("ours", "theirs")
    }
    return {
        "against": str(sides[1]),
        "points": points,
        "exponents": exponents,
        "left_out": left_out,
        "impossible": reason,
    }


def exponent(points: list[tuple[float, float]]) -> float | None:
    """The exponent p of the law seconds ∝ size^p, between the largest size and one of at least an eighth of it.

    Small sizes are bound by what does not grow with them. None with fewer than two such points.
    """
    largest = max((size for size, _ in points), default=0.0)
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points if 8 * size >= largest]
    if len(logs) < 2:
        return None
    return float(np.polyfit(*zip(*logs, strict=True), 1)[0])


def table(found: dict[str, Any]) -> str:
    """A row for each point: the time of a time step of all lanes, for both sides, and their ratio."""
    lines = []
    for series in found["series"]:
        title = (
            f"{series['cell']}, {series['threads']} thread{'s' * (series['threads'] > 1)}: {series['axis']}"
        )
        lines += ["", f"{title:<34}{'fused µs a step':>17}{series['against'] + ' µs a step':>26}{'times':>7}"]
        for point in series["points"]:
            shape = Shape(point["lanes"], point["steps"], point["hidden_size"])
            ours, theirs = (1e6 * point[side] / shape.steps for side in ("ours", "theirs"))
            lines.append(f"{shape!s:<34}{ours:>17.2f}{theirs:>26.2f}{theirs / ours:>7.2f}")
        if series["impossible"]:
            lines.append(f"not measured: {series['impossible']}")
        powers = [None if p is None else f"{p:.2f}" for p in series["exponents"].values()]
        if None not in powers:
            size = series["axis"]
            lines.append(
                f"time of the whole grows as {size}^{powers[0]} and {size}^{powers[1]} at the largest {size}"
            )
        if series["left_out"]:
            lines.append(f"left out for time or memory: {', '.join(series['left_out'])}")
    return "\n".join([*lines[1:], "", describe(found)])


def figure(found: dict[str, Any], path: Path) -> None:
    """Write a picture: a row of panels a cell, a panel an axis, both axes logarithmic."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cells = list(dict.fromkeys(series["cell"] for series in found["series"]))
    picture = Figure(figsize=(11, 0.8 + 3 * len(cells)), layout="constrained")
    FigureCanvasAgg(picture)
    panels = picture.subplots(len(cells), len(AXES), squeeze=False)
    threads = sorted({series["threads"] for series in found["series"]})
    for series in found["series"]:
        panel = panels[cells.index(series["cell"])][list(AXES).index(series["axis"])]
        sizes = [point[FIELDS[series["axis"]]] for point in series["points"]]
        dashes = ("-", "--", ":", "-.")[threads.index(series["threads"]) % 4]
        for side, name, colour in (("ours", "fused", "#1b6ca8"), ("theirs", series["against"], "#c8553d")):
            values = [1e6 * point[side] / point["steps"] for point in series["points"]]
            label = f"{name}, {series['threads']} thread{'s' * (series['threads'] > 1)}"
            panel.plot(
                sizes, values, dashes, color=colour, marker="o", markersize=3, linewidth=1.2, label=label
            )
    for row, cell in zip(panels, cells, strict=True):
        for panel, (axis, shapes) in zip(row, AXES.items(), strict=True):
            rest = [name for name in AXES if name != axis]
            fixed = ", ".join(f"{name} = {getattr(shapes[0], FIELDS[name])}" for name in rest)
            panel.set(
                xscale="log", yscale="log", xlabel=f"{axis} ({fixed})", title=cell if axis == "T" else ""
            )
            panel.grid(color=GRID)
            panel.tick_params(labelsize=8, colors=INK)
        row[0].set_ylabel("µs a time step, forward and backward", fontsize=8)
        row[-1].legend(fontsize=7, frameon=False)
    picture.supxlabel(describe(found), fontsize=8, color=INK)
    picture.savefig(path, dpi=160)
