"""Table of the results of `benchmark.py cells`, in 80 columns of text."""

import textwrap
from typing import Any

from benchmarks.machine import describe
from benchmarks.shapes import Shape

WIDTH = 80
COMPILE_LIMIT = 1.0  # seconds that a cell's kernel may take to compile
NAMED = 8  # shapes; all of them are in the JSON


def table(found: dict[str, Any]) -> str:
    """A row for each comparison and each pooled one: number of shapes, geometric mean, and the worst shape."""
    lines = []
    for threads in dict.fromkeys(each["threads"] for each in found["comparisons"]):
        title = f"{threads} thread{'s' * (threads > 1)}: how many times as fast"
        lines += ["", f"{title:<42}{'shapes':>7}{'geomean':>8}{'worst':>7} at"]
        for each in (*found["comparisons"], *found["pooled"]):
            if each["threads"] == threads:
                lines.append(_row(each))
    if "compile_seconds" in found:
        seconds = found["compile_seconds"]
        each = ", ".join(f"{name.rpartition('/')[2]} {value:.2f}" for name, value in seconds.items())
        lines += ["", *textwrap.wrap(f"processor seconds to compile, cold cache: {each}", WIDTH)]
        if slow := [name for name, value in seconds.items() if value > COMPILE_LIMIT]:
            lines.append(f"longer than {COMPILE_LIMIT:g} s: {', '.join(slow)}")
    notes = [f"not measured: {name} ({reason})" for name, reason in found["impossible"].items()]
    notes += [_left_out(found), describe(found)]
    lines += ["", *(line for note in notes for line in textwrap.wrap(note, WIDTH))]
    return "\n".join(lines[1:])


def _row(each: dict[str, Any]) -> str:
    measured = f"{len(each['shapes'])}/{len(each['shapes']) + len(each['left_out'])}"
    figures = f"{measured:>7}{each['geometric_mean']:>8.2f}{each['worst']['ratio']:>7.2f}"
    return f"{each['comparison']:<42}{figures} {_short(each['worst'])}"


def _left_out(found: dict[str, Any]) -> str:
    """How many shapes were left out and why, and which ones no comparison has, the smallest first."""
    each = [row for comparison in found["comparisons"] for row in comparison["left_out"]]
    measured = {_shape(row) for comparison in found["comparisons"] for row in comparison["shapes"]}
    if not each:
        return "no shape was left out"
    reasons = [f"{sum(row['for'] == reason for row in each)} for {reason}" for reason in ("time", "memory")]
    nowhere = sorted({_shape(row) for row in each} - measured, key=lambda shape: shape.work)
    sentence = f"left out: {' and '.join(reasons)}"
    if not nowhere:
        return sentence
    more = f" and {len(nowhere) - NAMED} more" if len(nowhere) > NAMED else ""
    return f"{sentence}; in no comparison: {', '.join(map(str, nowhere[:NAMED]))}{more}"


def _shape(row: dict[str, Any]) -> Shape:
    return Shape(row["lanes"], row["steps"], row["hidden_size"])


def _short(row: dict[str, Any]) -> str:
    return str(_shape(row))
