"""Draw with a trained model: the options of `scripts/generate.py`, and the files of ink."""

import argparse
import csv
import io
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

from throughtime.data.strokes.ink import Stroke
from throughtime.errors import UserError, check_positive
from throughtime.files import atomic_write, output_file
from throughtime.task.handwriting.task import Handwriting

SUFFIXES = (".svg", ".png", ".csv")
MOST_SAMPLES = 100_000
LANES = 256
"""Inks that are drawn at the same time."""

MARGIN = 0.1
"""Blank around an ink, in heights of the highest one."""


class DrawnInk(NamedTuple):
    """An ink with what it was conditioned on; empty where there is no condition."""

    strokes: list[Stroke]
    label: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/generate.py`."""
    parser.add_argument("--text", help="what to write, of a model that is conditioned on texts")
    parser.add_argument("--label", nargs="+", help="classes to draw, of a model of classes (default all)")
    parser.add_argument(
        "--bias",
        type=float,
        default=0.5,
        help="0 is the model's own distribution; above it, neater ink (default 0.5)",
    )
    parser.add_argument("--samples", type=int, default=1, help="inks of each text or class (default 1)")
    parser.add_argument("--length", type=int, default=1000, help="the most points of an ink (default 1000)")
    parser.add_argument(
        "--seed", type=int, help="the same seed gives the same ink; without one, another each time"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("ink.svg"),
        help="a file .svg, .png, or .csv: a table id, label, x, y, pen (default ink.svg)",
    )


def generate(task: Handwriting, options: argparse.Namespace) -> None:
    """Draw, and write the inks into the file."""
    suffix = options.output.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"--output={options.output} must end in one of: {', '.join(SUFFIXES)}")
    check_positive(samples=options.samples)
    conditions = [one for one in _conditions(task, options) for _ in range(options.samples)]
    if len(conditions) > MOST_SAMPLES:
        raise UserError(
            f"{len(conditions):,} inks are above the limit of {MOST_SAMPLES:,}; give fewer --samples"
        )
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    generator = torch.Generator(task.device).manual_seed(seed)
    inks: list[DrawnInk] = []
    for first in range(0, len(conditions), LANES):
        part = conditions[first : first + LANES]
        drawn = task.draw(part, options.bias, options.length, generator)
        inks += [DrawnInk(strokes, label or "") for strokes, label in zip(drawn, part, strict=True)]
    if suffix == ".png":
        write_png(options.output, inks)
    else:
        text = as_svg(inks) if suffix == ".svg" else as_table(inks)
        with output_file(options.output) as file:
            file.write(text.encode())
    print(f"{len(inks)} ink{'s' * (len(inks) != 1)} written to {options.output}")


def _conditions(task: Handwriting, options: argparse.Namespace) -> list[str | None]:
    """The condition of each ink, once."""
    reads = {"none": "no condition", "label": "a class", "text": "a text"}[task.condition]
    for option, condition in (("text", "text"), ("label", "label")):
        if getattr(options, option) is not None and task.condition != condition:
            raise UserError(
                f"--{option}: this model was trained with {reads}, so it takes no {option}; leave --{option} out, or "
                f"train with data.condition={condition}"
            )
    if task.condition == "label":
        return list(options.label or task.symbols)
    if task.condition == "text":
        if not options.text:
            raise UserError('there is no text to write; give one with --text "..."')
        return [options.text]
    return [None]


class Placed(NamedTuple):
    """The inks of a page: strokes with y downwards, and the width and the height of the page."""

    inks: list[list[Stroke]]
    width: float
    height: float


def placed(inks: Sequence[DrawnInk]) -> Placed:
    """Inks side by side in rows of a page about as wide as high, each with its own box."""
    boxes = [np.concatenate(ink.strokes) for ink in inks]
    sizes = np.array([np.ptp(points, axis=0) for points in boxes])
    blank = MARGIN * max(float(sizes[:, 1].max()), float(sizes[:, 0].max()) / 10, 1e-6)
    width, height = sizes.max(0) + 2 * blank
    columns = max(1, round(float(np.sqrt(len(inks) * height / width))))
    moved = []
    for number, (ink, points) in enumerate(zip(inks, boxes, strict=True)):
        row, column = divmod(number, columns)
        corner = np.array([points[:, 0].min(), points[:, 1].max()])
        shift = np.array([column * width + blank, row * height + blank])
        moved.append([(stroke - corner) * (1, -1) + shift for stroke in ink.strokes])
    rows = -(-len(inks) // columns)
    return Placed(moved, float(min(columns, len(inks)) * width), float(rows * height))


def as_svg(inks: Sequence[DrawnInk]) -> str:
    """The inks as an SVG document, a path for each stroke; a stroke of one point is a dot."""
    page = placed(inks)
    unit = 1000 / max(page.width, page.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page.width * unit:.1f} {page.height * unit:.1f}">',
        '<g fill="none" stroke="black" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">',
    ]
    for ink in page.inks:
        for stroke in ink:
            points = stroke if len(stroke) > 1 else np.repeat(stroke, 2, axis=0)
            lines.append(f'<path d="M{" L".join(f"{x:.2f},{y:.2f}" for x, y in points * unit)}"/>')
    return "\n".join([*lines, "</g>", "</svg>", ""])


def as_table(inks: Sequence[DrawnInk]) -> str:
    """The inks as a table of points, which `throughtime.data.strokes.StrokeFiles` reads.

    The id of an ink is its number, after its label where it has one: `3-17`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", "x", "y", "pen"])
    for number, ink in enumerate(inks, 1):
        for stroke in ink.strokes:
            for place, (x, y) in enumerate(stroke, 1):
                name = f"{ink.label}-{number}" if ink.label else number
                writer.writerow([name, ink.label, f"{x:.6g}", f"{y:.6g}", int(place == len(stroke))])
    return text.getvalue()


def figure_of(inks: Sequence[DrawnInk]) -> Figure:
    """The inks as a figure without axes."""
    page = placed(inks)
    unit = 8 / max(page.width, page.height)
    figure = Figure(figsize=(max(page.width * unit, 1), max(page.height * unit, 1)))
    axes = figure.add_axes((0, 0, 1, 1))
    for ink in page.inks:
        for stroke in ink:
            marker = "." if len(stroke) == 1 else ""
            axes.plot(*stroke.T, color="black", linewidth=1.2, marker=marker, markersize=3)
    axes.set(xlim=(0, page.width), ylim=(page.height, 0), aspect="equal")
    axes.axis("off")
    return figure


def write_png(path: Path, inks: Sequence[DrawnInk]) -> None:
    """Write the inks as a picture."""
    with output_file(path) as file:
        figure_of(inks).savefig(file, format="png", dpi=150)


def write_svg(path: Path, inks: Sequence[DrawnInk]) -> None:
    """Write the inks as an SVG file of a run."""
    with atomic_write(path) as file:
        file.write(as_svg(inks).encode())
